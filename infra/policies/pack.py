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

from infra.policies.engine.rule import Rule, as_policy
from infra.policies.exemptions import EXEMPTIONS, Exemption, overdue
from infra.policies.rules import (
    compute,
    deletion,
    encryption,
    identity,
    load_balancer,
    logs,
    network,
    storage,
    texts,
    web_acl,
)

NAME: Final = "perch"

RULES: Final[tuple[Rule, ...]] = tuple(
    sorted(
        (
            *compute.RULES,
            *network.RULES,
            *load_balancer.RULES,
            *deletion.RULES,
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
    """Return the day by which reviews are due."""
    return datetime.now(tz=UTC).date()


def policies(exemptions: Sequence[Exemption] = EXEMPTIONS, on: date | None = None) -> list[Policy]:
    """Return every policy of the pack.

    Args:
        exemptions: The exemptions that count.
        on: The day on which it is judged; today unless given.
    """
    return [
        *(as_policy(rule, exemptions) for rule in RULES),
        _reviews(overdue(exemptions, on or today())),
    ]


def _reviews(due: Sequence[Exemption]) -> StackValidationPolicy:
    def validate(_args: StackValidationArgs, report_violation: ReportViolation) -> None:
        for exemption in due:
            report_violation(
                f"{exemption.policy} on {exemption.resource}: to be reviewed by the"
                f" {exemption.owner} since {exemption.review}",
                None,
            )

    return StackValidationPolicy(
        name="exemptions-are-reviewed",
        description="Every written exemption is looked at again in time.",
        validate=validate,
        # A warning: a calendar must not stop a repair in the night.
        enforcement_level=EnforcementLevel.ADVISORY,
    )
