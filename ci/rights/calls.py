"""Which API calls the AWS provider makes for each resource type that the program uses.

Pulumi's AWS provider is the Terraform provider underneath, so a row lists what that provider's
resource calls to create, read, update and delete (hashicorp/terraform-provider-aws,
`internal/service`), and what AWS demands of the caller besides (linked in the row). A type that
the program begins to use needs a row here; a test compares both.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from ci.rights.account_types import ACCOUNT_TYPES
from ci.rights.network_types import NETWORK_TYPES
from ci.rights.row import Calls

TYPES: Final[Mapping[str, Calls]] = {**ACCOUNT_TYPES, **NETWORK_TYPES}
"""By type token."""

LOOKUPS: Final[Mapping[str, frozenset[str]]] = {
    # Where a colour has snapshot_id: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html
    "aws:ebs/getSnapshot:getSnapshot": frozenset({"ec2:DescribeSnapshots"}),
    "aws:index/getAvailabilityZones:getAvailabilityZones": frozenset(
        {"ec2:DescribeAvailabilityZones"}
    ),
    # Everybody may ask who he is: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    "aws:index/getCallerIdentity:getCallerIdentity": frozenset(),
    # pragma: allowlist nextline secret
    "aws:secretsmanager/getRandomPassword:getRandomPassword": frozenset(
        {"secretsmanager:GetRandomPassword"}
    ),
    "aws:ssm/getParameter:getParameter": frozenset({"ssm:GetParameter"}),
}
"""What the program asks before it makes anything; a preview asks nothing else of AWS."""

IMAGE_CALLS: Final = frozenset(
    f"ecr:{action}"
    for action in (
        *("GetAuthorizationToken", "BatchCheckLayerAvailability", "InitiateLayerUpload"),
        *("UploadLayerPart", "CompleteLayerUpload", "PutImage", "BatchGetImage"),
        *("GetDownloadUrlForLayer", "DescribeImages", "DescribeImageScanFindings"),
    )
)
"""What pushing an image and waiting for its scan takes:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html."""


def lookups() -> frozenset[str]:
    """Return what a preview needs."""
    return frozenset[str]().union(*LOOKUPS.values())


def reads(rows: Iterable[Calls] = TYPES.values()) -> frozenset[str]:
    """Return what a refresh needs: every resource read, and a preview's look-ups."""
    return lookups().union(*(row.read for row in rows))


def everything(rows: Iterable[Calls] = TYPES.values()) -> frozenset[str]:
    """Return what a deployment needs, its images included."""
    return (lookups() | IMAGE_CALLS).union(*(row.all for row in rows))
