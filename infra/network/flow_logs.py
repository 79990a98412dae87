"""Who talked to whom in the VPC, and who was refused."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.iam import AwsLocation, Statement, policy, trust


@dataclass(frozen=True, kw_only=True)
class FlowLogsArgs:
    """Where the log goes.

    Attributes:
        vpc_id: The VPC.
        log_group_arn: CloudWatch log group that takes it.
        location: The service may take the role for this account and region alone.
    """

    vpc_id: pulumi.Input[str]
    log_group_arn: pulumi.Input[str]
    location: AwsLocation


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
                {
                    "StringEquals": {"aws:SourceAccount": args.location.account_id},
                    "ArnLike": {"aws:SourceArn": args.location.arn("ec2", "vpc-flow-log/*")},
                },
            ),
            permissions_boundary=args.location.boundary_arn,
            tags={"Name": f"{name}-flow-logs"},
            opts=child,
        )
        rights = aws.iam.RolePolicy(
            f"{name}-flow-logs", role=role.id, policy=policy(*_rights(args)), opts=child
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
            # Without its rights the service stops at the first delivery, and says so nowhere else.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[rights]),
        )
        self.register_outputs({"role_arn": role.arn})


def _rights(args: FlowLogsArgs) -> tuple[Statement, Statement]:
    """Return what the VPC User Guide asks for, for this log group alone.

    It names five actions "at least" (IAM role for publishing flow logs to CloudWatch Logs). The
    list of groups is asked for as a whole, and that action narrows to nothing less than all of
    them.
    """
    group = args.log_group_arn
    return (
        Statement(
            sid="WriteFlowLog",
            actions=[
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            resources=[group, pulumi.Output.concat(group, ":*")],
        ),
        Statement(
            sid="FindLogGroup",
            actions=["logs:DescribeLogGroups"],
            resources=[args.location.arn("logs", "log-group:*")],
        ),
    )
