"""What the policies say of a stack, and which of it a change brings in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One resource that lacks a property.

    Attributes:
        policy: name of the policy.
        ids: the property in public catalogues (CKV_..., EC2.8).
        urn: the resource; empty where the finding is about no single one.
        name: its name.
        type: its type token.
        message: what is there and what is accepted.
        source: `file:line`; empty where it is not known.
    """

    policy: str
    ids: tuple[str, ...]
    urn: str
    name: str
    type: str
    message: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueExemption:
    """A written exemption that should have been looked at again.

    Attributes:
        policy: name of the policy.
        resource: which resources, as `stack::type::name` with `*`.
        owner: the role that answers for it.
        review: the day, YYYY-MM-DD.
    """

    policy: str
    resource: str
    owner: str
    review: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyResult:
    """What the policies say of one recording.

    Attributes:
        findings: what has to be mended.
        excepted: how many findings a written exemption covers.
        unjudged: how many cannot be judged before AWS has answered.
        overdue: exemptions whose review is due, of whatever stack.
    """

    findings: tuple[Finding, ...] = ()
    excepted: int = 0
    unjudged: int = 0
    overdue: tuple[OverdueExemption, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyReport:
    """What the policies say of a change.

    Attributes:
        judged: False where there were no policies to judge by; then the rest is empty.
        new: findings that the base does not have.
        existing: findings that it has as well.
        excepted: how many findings a written exemption covers.
        unjudged: how many cannot be judged before AWS has answered.
        overdue: exemptions for this stack whose review is due.
        notes: sentences: what limits this report.
    """

    judged: bool = True
    new: tuple[Finding, ...] = ()
    existing: tuple[Finding, ...] = ()
    excepted: int = 0
    unjudged: int = 0
    overdue: tuple[OverdueExemption, ...] = ()
    notes: tuple[str, ...] = ()


def read_result(told: Mapping[str, Any]) -> PolicyResult:
    """Read what the check prints.

    Raises:
        KeyError: a field is missing.
    """
    return PolicyResult(
        findings=tuple(
            Finding(
                **{key: item[key] for key in Finding.__slots__}
                | {"ids": tuple(item["ids"]), "source": item["source"] or ""}
            )
            for item in told["findings"]
        ),
        excepted=len(told["excepted"]),
        unjudged=len(told["unjudged"]),
        overdue=tuple(
            OverdueExemption(**{key: item[key] for key in OverdueExemption.__slots__})
            for item in told["overdue"]
        ),
    )


def policy_report(
    stack: str, base: Sequence[Finding], head: PolicyResult, notes: Sequence[str] = ()
) -> PolicyReport:
    """Split the head's findings into what is new and what the base has as well.

    A finding that reads differently is another one: a role that could do one thing too many and now
    can do another has not stayed as it was.

    Args:
        stack: the stack's name.
        base: findings before.
        head: the verdict afterwards.
        notes: what limits the report.
    """
    left = Counter(_identity(finding) for finding in base)
    new: list[Finding] = []
    existing: list[Finding] = []
    for finding in head.findings:
        known = left[_identity(finding)] > 0
        left[_identity(finding)] -= 1
        (existing if known else new).append(finding)
    return PolicyReport(
        new=tuple(new),
        existing=tuple(existing),
        excepted=head.excepted,
        unjudged=head.unjudged,
        overdue=tuple(
            item for item in head.overdue if fnmatchcase(stack, item.resource.partition("::")[0])
        ),
        notes=tuple(notes),
    )


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.policy, finding.urn, finding.message
