"""What a GPU machine may do in AWS: exactly what its boot, its gateway and its agents call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi

from infra.boot.settings import METRICS_NAMESPACE
from infra.catalogue.regions import partition
from infra.iam import AwsLocation, Statement
from infra.outputs import HOST_KEY_TAG


@dataclass(frozen=True, kw_only=True)
class MachineRights:
    """What the statements name.

    Attributes:
        location: Region and account.
        secret_arns: Secrets it reads.
        key_arn: Key of those secrets and of the buckets.
        parameter_arns: What it follows: the switch, and the version of its secrets.
        cache_bucket_arn: Model cache, read and written.
        artefact_bucket_arn: Gateway bundles, read.
        repository_arns: Images it pulls from ECR: the gateway, the recogniser where it is there.
        log_group_arns: Groups it writes to.
    """

    location: AwsLocation
    secret_arns: Sequence[pulumi.Input[str]]
    key_arn: pulumi.Input[str]
    parameter_arns: Sequence[pulumi.Input[str]]
    cache_bucket_arn: pulumi.Input[str]
    artefact_bucket_arn: pulumi.Input[str]
    repository_arns: Sequence[pulumi.Input[str]]
    log_group_arns: Sequence[pulumi.Input[str]]


def session_manager_policy(region: str) -> str:
    """Return the ARN of AWS's policy for machines under Systems Manager."""
    return f"arn:{partition(region)}:iam::aws:policy/AmazonSSMManagedInstanceCore"


def statements(rights: MachineRights, group_name: str) -> Iterator[Statement]:
    """Yield the inline policy of the role of a group's machines."""
    yield Statement(
        sid="ReadSecrets",
        actions=["secretsmanager:GetSecretValue"],
        resources=list(rights.secret_arns),
    )
    yield Statement(
        sid="OpenAndSeal",
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resources=[rights.key_arn],
    )
    yield Statement(
        sid="FollowParameters",
        actions=["ssm:GetParameter"],
        resources=list(rights.parameter_arns),
    )
    yield from _bucket_statements(rights)
    yield from _registry_statements(rights)
    yield Statement(
        sid="WriteLogs",
        actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        resources=[pulumi.Output.concat(arn, ":*") for arn in rights.log_group_arns],
    )
    yield Statement(
        sid="PutMetrics",
        actions=["cloudwatch:PutMetricData"],
        # The action knows no resources; the namespace is what narrows it.
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}},
    )
    yield Statement(
        sid="OwnLifecycle",
        actions=[
            "autoscaling:CompleteLifecycleAction",
            "autoscaling:RecordLifecycleActionHeartbeat",
            "autoscaling:SetInstanceHealth",
        ],
        resources=[
            rights.location.arn(
                "autoscaling",
                f"autoScalingGroup:*:autoScalingGroupName/{group_name}",
            )
        ],
    )
    yield Statement(
        sid="OwnGroupName",
        actions=["ec2:DescribeTags"],
        # The log agent asks for its group's name; the action knows no resources.
        resources=["*"],
    )
    yield Statement(
        sid="OwnHostKey",
        actions=["ec2:CreateTags"],
        resources=[rights.location.arn("ec2", "instance/*")],
        conditions={
            # A machine's session is called ROLE-ID:INSTANCE-ID, so it tags itself and no other.
            "StringLike": {"aws:userid": "*:${ec2:InstanceID}"},
            "ForAllValues:StringEquals": {"aws:TagKeys": [HOST_KEY_TAG]},
        },
    )


def _bucket_statements(rights: MachineRights) -> Iterator[Statement]:
    yield Statement(
        sid="ModelCache",
        actions=["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"],
        resources=[pulumi.Output.concat(rights.cache_bucket_arn, "/*")],
    )
    yield Statement(
        sid="ModelCacheList", actions=["s3:ListBucket"], resources=[rights.cache_bucket_arn]
    )
    yield Statement(
        sid="Artefacts",
        actions=["s3:GetObject"],
        resources=[pulumi.Output.concat(rights.artefact_bucket_arn, "/*")],
    )


def _registry_statements(rights: MachineRights) -> Iterator[Statement]:
    yield Statement(
        sid="RegistryLogin",
        actions=["ecr:GetAuthorizationToken"],
        # A token is for the whole registry; the action knows no resources.
        resources=["*"],
    )
    yield Statement(
        sid="PullImages",
        actions=[
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ],
        resources=list(rights.repository_arns),
    )
