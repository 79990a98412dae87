"""The most that a role of an environment may ever do, whoever writes its policies.

A deployment makes roles and writes their policies, so without a boundary its role could make one
that may do anything, and start a machine with it. The boundary is what the roles of the program
need; a test compares it with every stack.
"""

from collections.abc import Iterator
from typing import Final

from ci.rights.scope import TAGS, Environment, arns
from infra.boot.settings import METRICS_NAMESPACE
from infra.iam import Statement
from infra.outputs import HOST_KEY_TAG

_SESSION_MANAGER: Final = tuple(
    f"{service}:{action}"
    for service, actions in {
        "ec2messages": "AcknowledgeMessage DeleteMessage FailMessage GetEndpoint GetMessages"
        " SendReply",
        "ssm": "DescribeAssociation DescribeDocument GetDeployablePatchSnapshotForInstance"
        " GetDocument GetManifest GetParameter GetParameters ListAssociations"
        " ListInstanceAssociations PutComplianceItems PutConfigurePackageResult PutInventory"
        " UpdateAssociationStatus UpdateInstanceAssociationStatus UpdateInstanceInformation",
        "ssmmessages": "CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel",
    }.items()
    for action in actions.split()
)
"""AWS's own policy AmazonSSMManagedInstanceCore:
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html"""


def boundary_statements(environment: Environment) -> Iterator[Statement]:
    """Yield the statements of an environment's boundary."""

    def filled(*templates: str) -> list[str]:
        return [environment.fill(template) for template in templates]

    yield Statement(sid="SessionManager", actions=_SESSION_MANAGER, resources=["*"])
    yield Statement(
        sid="Secrets",
        actions=["secretsmanager:GetSecretValue"],
        resources=filled(*arns("secretsmanager:secret:{name}-*")),
    )
    yield Statement(
        sid="Keys",
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resources=filled(*arns("kms:key/*")),
        conditions={
            "StringEquals": {key: environment.fill(value) for key, value in TAGS.borne.items()}
        },
    )
    yield Statement(
        sid="Buckets",
        actions=["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
        resources=filled("arn:{partition}:s3:::{name}-*"),
    )
    yield Statement(
        sid="Images",
        actions=[
            "ecr:BatchCheckLayerAvailability",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
        ],
        # The recogniser's image may lie in another account's registry.
        resources=filled("arn:{partition}:ecr:*:*:repository/*"),
    )
    yield Statement(
        sid="Logs",
        actions=[
            # AWS asks it of a flow log's role, although the group is there.
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogGroups",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ],
        resources=filled(*arns("logs:log-group:/perch/{environment}/*")),
    )
    yield Statement(
        sid="Lifecycle",
        actions=[
            "autoscaling:CompleteLifecycleAction",
            "autoscaling:RecordLifecycleActionHeartbeat",
            "autoscaling:SetInstanceHealth",
        ],
        resources=filled(*arns("autoscaling:autoScalingGroup:*:autoScalingGroupName/{name}-*")),
    )
    yield Statement(
        sid="Metrics",
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}},
    )
    yield Statement(
        sid="HostKeys",
        actions=["ec2:CreateTags"],
        resources=filled(*arns("ec2:instance/*")),
        conditions={
            "StringEquals": {key: environment.fill(value) for key, value in TAGS.borne.items()},
            "ForAllValues:StringEquals": {"aws:TagKeys": [HOST_KEY_TAG]},
        },
    )
    yield Statement(
        sid="WithoutResources",
        actions=["ec2:DescribeTags", "ecr:GetAuthorizationToken"],
        resources=["*"],
    )
