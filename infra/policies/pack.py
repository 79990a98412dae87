"""All rules, in the order of the properties they hold."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)

from infra.policies import (
    compute,
    encryption,
    identity,
    load_balancer,
    logs,
    network,
    storage,
    texts,
    web_acl,
)
from infra.policies.exceptions import WAIVERS, Waiver, overdue
from infra.policies.rules import Rule, as_policy

NAME: Final = "perch"

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (
            *compute.RULES,
            *network.RULES,
            *load_balancer.RULES,
            *web_acl.RULES,
            *encryption.RULES,
            *storage.RULES,
            *logs.RULES,
            *identity.RULES,
            *texts.RULES,
        ),
        key=lambda rule: rule.number,
    )
)


def today() -> date:
    """The day by which reviews are due."""
    return datetime.now(tz=UTC).date()


def policies(waivers: Sequence[Waiver] = WAIVERS, on: date | None = None) -> list[Policy]:
    """Every policy of the pack.

    Args:
        waivers: The exceptions that count.
        on: The day on which it is judged; today unless given.
    """
    return [
        *(as_policy(rule, waivers) for rule in RULES),
        _reviews(overdue(waivers, on or today())),
    ]


def _reviews(due: Sequence[Waiver]) -> StackValidationPolicy:
    def validate(_args: StackValidationArgs, report_violation: ReportViolation) -> None:
        for waiver in due:
            report_violation(
                f"{waiver.policy} on {waiver.resource}: to be reviewed by the {waiver.owner}"
                f" since {waiver.review}",
                None,
            )

    return StackValidationPolicy(
        name="exceptions-are-reviewed",
        description="Every written exception is looked at again in time.",
        validate=validate,
        # A warning: a calendar must not stop a repair in the night.
        enforcement_level=EnforcementLevel.ADVISORY,
    )
