"""The page docs/security.md, written from the rules and the exceptions."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from infra.policies.exceptions import WAIVERS, Waiver
from infra.policies.pack import RULES
from infra.policies.rules import Rule

_HEAD = """\
# Security properties

<!-- Generated from infra/policies by `python -m tests.docs --write`; do not edit. -->

Every environment has these properties. Each is a policy of the pack in `infra/policies`, and all of
them are mandatory: a change that breaks one does not go up.

* `pulumi preview --policy-pack infra/policies` and `pulumi up --policy-pack infra/policies` enforce
  them on the real plan. What a preview cannot know yet is said to be unknown, and judged by `up`.
* `make test` enforces them offline on every stack in `stacks/`, and breaks each of them once to see
  its policy object.
* `python -m infra.policies.check --recording FILE` prints as JSON what a recorded run is short of.

Ids are those of public rule sets: `CKV` Checkov, `CIS` the CIS AWS Foundations Benchmark 5.0, `CT`
Control Tower, names with a dot AWS Foundational Security Best Practices, names with underscores
Prowler, names with hyphens Pulumi's compliance policies.

## Properties

"""

_EXCEPTIONS = """
## Exceptions

A line that nothing needs any more fails a test. A line whose review is due goes on to count and is
reported as a warning by every preview until somebody has looked at it again. New ones are written
in `infra/policies/exceptions.py`.

"""

_LIMITS = """
## What the policies do not show

* What a stack does not own: an adopted VPC's flow logs, default group and endpoints, an existing
  certificate's key, the account's own settings (root user, CloudTrail, GuardDuty, Config).
* What happens after `pulumi up`: a person with rights in the account can change anything. The
  nightly drift check finds it.
* That user data is free of secrets of any form: known forms and assignments are looked for.
* What AWS's own policy `AmazonSSMManagedInstanceCore` allows; AWS may change it. Among it is to
  read every parameter of the account that is not encrypted, so nothing secret belongs in one.
"""


def security_page(rules: Sequence[Rule] = RULES, waivers: Sequence[Waiver] = WAIVERS) -> str:
    """The page as Markdown."""
    return "".join(
        (
            _HEAD,
            _table(
                ("#", "Property", "Policy", "Ids", "Exceptions"),
                (
                    (str(number) if first else "", *_row(rule, waivers))
                    for number, group in groupby(rules, key=lambda rule: rule.number)
                    for first, rule in _marked(group)
                ),
            ),
            _EXCEPTIONS,
            _table(
                ("Policy", "Resource", "Reason", "Owner", "Review"),
                (
                    (
                        f"`{waiver.policy}`",
                        f"`{waiver.resource}`",
                        waiver.reason,
                        waiver.owner,
                        waiver.review.isoformat(),
                    )
                    for waiver in waivers
                ),
            ),
            _LIMITS,
        )
    )


def _marked(group: Iterable[Rule]) -> Iterable[tuple[bool, Rule]]:
    return ((place == 0, rule) for place, rule in enumerate(group))


def _row(rule: Rule, waivers: Sequence[Waiver]) -> tuple[str, str, str, str]:
    stacks = [
        waiver.resource.partition("::")[0] for waiver in waivers if waiver.policy == rule.name
    ]
    excepted = ", ".join("every stack" if stack == "*" else stack for stack in stacks)
    return rule.text, f"`{rule.name}`", ", ".join(rule.ids), excepted


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )
