"""Properties that some resources do not have, on purpose: one line each.

A line nobody needs any more fails a test. A line whose review is due still counts, for a calendar
must not stop a repair in the night; it is reported until somebody has looked at it again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """One written exemption.

    Attributes:
        policy: Name of the policy.
        resource: Which resources, as `stack::type::name`; `*` stands for any text.
        reason: Why the property is not wanted there, and what stands in its place.
        owner: The role that answers for it.
        review: When it has to be looked at again.
    """

    policy: str
    resource: str
    reason: str
    owner: str
    review: date

    def __post_init__(self) -> None:
        """Raise ValueError for a pattern without its three parts, or an empty field."""
        parts = self.resource.split("::")
        if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - stack, type and name
            raise ValueError(f"resource is {self.resource!r}; accepted: stack::type::name")
        for field in ("policy", "reason", "owner"):
            if not str(getattr(self, field)).strip():
                raise ValueError(f"{field} of the exemption for {self.resource} is empty")

    def covers(self, policy: str, urn: str) -> bool:
        """Say whether it is about this policy and this resource."""
        return policy == self.policy and fnmatchcase(short(urn), self.resource)


def short(urn: str) -> str:
    """Return `stack::type::name` of a URN: without the project and the parents."""
    start, _, name = urn.rpartition("::")
    start, _, types = start.rpartition("::")
    stack = start.partition("::")[0].rpartition(":")[2]
    return f"{stack}::{types.rpartition('$')[2]}::{name}"


def exemption_for(policy: str, urn: str, exemptions: Iterable[Exemption]) -> Exemption | None:
    """Return the first exemption for a policy and a resource, if any."""
    return next((exemption for exemption in exemptions if exemption.covers(policy, urn)), None)


def overdue(exemptions: Iterable[Exemption], today: date) -> list[Exemption]:
    """Return the exemptions whose day of review has passed."""
    return [exemption for exemption in exemptions if exemption.review < today]


_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
_BUCKET: Final = "aws:s3/bucket:Bucket"
_VPC: Final = "aws:ec2/vpc:Vpc"
_SPRING: Final = date(2027, 5, 31)
_AUTUMN: Final = date(2027, 11, 30)

EXEMPTIONS: Final[Sequence[Exemption]] = (
    # Every stack.
    Exemption(
        policy="groups-believe-the-load-balancer",
        resource="*::aws:autoscaling/group:Group::perch-*",
        reason="A full gateway and a restarting recogniser are not ready either, and the group"
        " would end every session of such a machine; docs/adr/0503 says what watches instead.",
        owner="platform engineer",
        review=_SPRING,
    ),
    Exemption(
        policy="secrets-rotate",
        resource="*::aws:secretsmanager/secret:Secret::perch-*",
        reason="Accepted risk. AWS rotates by a function of ours, which would have to hold the"
        " right to write every secret, day and night. NVIDIA, the clients' owners and the"
        " recognisers' issue most of them, and no function can. What can be made here, a person"
        " replaces by `perch secrets rotate` and `perch certs rotate`, in seconds and with no"
        " session ended. Alarms ask for it: 30 days before a certificate ends, and a year after any"
        " secret was changed.",
        owner="security reviewer",
        review=_SPRING,
    ),
    Exemption(
        policy="buckets-have-the-stacks-key",
        resource=f"*::{_BUCKET}::perch-*-access-logs",
        reason="Load balancers deliver access logs only to a bucket that S3's own keys encrypt.",
        owner="platform engineer",
        review=_AUTUMN,
    ),
    Exemption(
        policy="bucket-access-is-logged",
        resource=f"*::{_BUCKET}::perch-*-access-logs",
        reason="It is where the other buckets log to; logging into itself would never end.",
        owner="platform engineer",
        review=_AUTUMN,
    ),
    # staging: production's shape at its smallest.
    Exemption(
        policy="a-web-acl-stands-before-the-entrance",
        resource=f"staging::{_BALANCER}::perch-staging",
        reason="Only the ranges of the office and the pipeline reach it, and no customer speaks"
        " there; the first stack open to the Internet is prod, and it has one.",
        owner="platform engineer",
        review=_SPRING,
    ),
    # dev: made to be destroyed, paid for by the hour.
    Exemption(
        policy="a-web-acl-stands-before-the-entrance",
        resource=f"dev::{_BALANCER}::perch-dev",
        reason="Only the office's ranges reach it.",
        owner="platform engineer",
        review=_SPRING,
    ),
    Exemption(
        policy="deletion-protection-is-on",
        resource=f"dev::{_BALANCER}::perch-dev",
        reason="`pulumi destroy` has to leave nothing behind.",
        owner="platform engineer",
        review=_SPRING,
    ),
    Exemption(
        policy="what-carries-traffic-is-protected",
        resource="dev::aws:*::perch-dev*",
        reason="`pulumi destroy` has to leave nothing behind.",
        owner="platform engineer",
        review=_SPRING,
    ),
    Exemption(
        policy="destroy-takes-everything-or-nothing",
        resource=f"dev::{_BALANCER}::perch-dev",
        reason="`pulumi destroy` has to leave nothing behind, and nothing refuses it there.",
        owner="platform engineer",
        review=_SPRING,
    ),
    Exemption(
        policy="keys-are-not-lost",
        resource="dev::aws:kms/key:Key::perch-dev-*",
        reason="`pulumi destroy` has to leave nothing behind; AWS still waits seven days.",
        owner="platform engineer",
        review=_SPRING,
    ),
    Exemption(
        policy="services-are-reached-inside-the-vpc",
        resource=f"dev::{_VPC}::perch-dev-vpc",
        reason="Eleven endpoints in two zones cost about what the one machine does in its office"
        " hours; calls go out through the NAT gateway by TLS.",
        owner="platform engineer",
        review=_SPRING,
    ),
    Exemption(
        policy="logs-are-kept-a-year",
        resource="dev::aws:cloudwatch/logGroup:LogGroup::perch-dev-*",
        reason="Trials are not audited; thirty days outlast any question about one.",
        owner="platform engineer",
        review=_SPRING,
    ),
    # local: nothing of it is in AWS.
    Exemption(
        policy="a-web-acl-stands-before-the-entrance",
        resource=f"local::{_BALANCER}::perch-local",
        reason="It listens on this machine's own address alone.",
        owner="platform engineer",
        review=_AUTUMN,
    ),
    Exemption(
        policy="deletion-protection-is-on",
        resource=f"local::{_BALANCER}::perch-local",
        reason="`make down` has to leave nothing behind.",
        owner="platform engineer",
        review=_AUTUMN,
    ),
    Exemption(
        policy="requests-are-logged",
        resource=f"local::{_BALANCER}::perch-local",
        reason="Nobody delivers access logs there; the gateways' own log stands in .perch/local.",
        owner="platform engineer",
        review=_AUTUMN,
    ),
    Exemption(
        policy="texts-are-what-aws-takes",
        resource="local::aws:acm/certificate:Certificate::perch-local",
        reason="No authority certifies localhost; the listener shows a certificate made here.",
        owner="platform engineer",
        review=_AUTUMN,
    ),
    Exemption(
        policy="traffic-is-logged",
        resource=f"local::{_VPC}::perch-local-vpc",
        reason="No traffic passes the VPC: both gateways run on this machine.",
        owner="platform engineer",
        review=_AUTUMN,
    ),
)
