"""Who talked to whom in the VPC, and who was refused."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.iam import Statement, policy, trust


@dataclass(frozen=True, kw_only=True)
class FlowLogsArgs:
    """Where the log goes.

    Attributes:
        vpc_id: The VPC.
        log_group_arn: CloudWatch log group that takes it.
        account_id: The service may take the role for this account alone.
    """

    vpc_id: pulumi.Input[str]
    log_group_arn: pulumi.Input[str]
    account_id: pulumi.Input[str]


class FlowLogs(pulumi.ComponentResource):
    """The VPC's flow log and the role that writes it."""

    def __init__(
        self, name: str, args: FlowLogsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("perch:infra:FlowLogs", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-flow-logs",
            description=f"Writes the flow log of {name}",
            assume_role_policy=trust(
                "vpc-flow-logs.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": args.account_id}},
            ),
            tags={"Name": f"{name}-flow-logs"},
            opts=child,
        )
        aws.iam.RolePolicy(
            f"{name}-flow-logs",
            role=role.id,
            policy=policy(
                Statement(
                    sid="WriteFlowLog",
                    actions=[
                        "logs:CreateLogStream",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    resources=[pulumi.Output.concat(args.log_group_arn, ":*")],
                )
            ),
            opts=child,
        )
        aws.ec2.FlowLog(
            f"{name}-flow-logs",
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=args.log_group_arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=600,
            tags={"Name": f"{name}-flow-logs"},
            opts=child,
        )
        self.register_outputs({"role_arn": role.arn})
