"""Which input names a resource, and how long that name may be.

Types of a table say it in their row; the others stand here, beside what their functions take. A
test holds that each function that names something is among them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ops.offline.provider.handlers import HANDLERS
from ops.offline.provider.rows import Row

_LONGEST = 255
"""What the services without a limit of their own take; the default of `CreateRequest` too."""


@dataclass(frozen=True, slots=True)
class Autonamed:
    """The input that is filled in, and the most characters that it may have."""

    key: str = "name"
    longest: int = _LONGEST


_FUNCTIONS: Mapping[str, Autonamed] = {
    "aws:autoscaling/group:Group": Autonamed(),
    "aws:budgets/budget:Budget": Autonamed(longest=100),
    "aws:ec2/launchTemplate:LaunchTemplate": Autonamed(),
    "aws:ec2/securityGroup:SecurityGroup": Autonamed(),
    "aws:lb/loadBalancer:LoadBalancer": Autonamed(longest=32),
    "aws:lb/targetGroup:TargetGroup": Autonamed(longest=32),
    "aws:s3/bucket:Bucket": Autonamed("bucket", 63),
    "aws:sns/topic:Topic": Autonamed(longest=256),
}
"""The limits are those that each handler gives to `CreateRequest.physical_name`."""


def autonamed(token: str) -> Autonamed | None:
    """Return how a type is named; None where the service gives its own id, or the program must."""
    handler = HANDLERS.get(token)
    if isinstance(handler, Row):
        return Autonamed(handler.named, handler.longest) if handler.named else None
    return _FUNCTIONS.get(token)
