"""Property 26: log groups."""

from collections.abc import Iterator
from typing import Final

from infra.policies.engine.resources import LOG_GROUP, Subject, has
from infra.policies.engine.rule import ResourceRule, Rule

_YEAR: Final = 365


def _ends(group: Subject) -> Iterator[str]:
    days = group.props.get("retentionInDays")
    if not days:
        yield f"retentionInDays is {days}, for ever; accepted: a number of days"


def _year(group: Subject) -> Iterator[str]:
    days = group.props.get("retentionInDays")
    if days and days < _YEAR:
        yield f"retentionInDays is {days:g}; accepted: {_YEAR} or more"


def _own_key(group: Subject) -> Iterator[str]:
    if not has(group.props, "kmsKeyId"):
        yield "kmsKeyId is missing; accepted: a customer managed key"


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="logs-have-an-end",
        number=26,
        text="How long a log is kept is said.",
        ids=("CKV_AWS_66",),
        kinds=(LOG_GROUP,),
        check=_ends,
    ),
    ResourceRule(
        name="logs-are-kept-a-year",
        number=26,
        text="Logs are kept a year or longer.",
        ids=("CKV_AWS_338",),
        kinds=(LOG_GROUP,),
        check=_year,
    ),
    ResourceRule(
        name="logs-have-the-stacks-key",
        number=26,
        text="Logs are encrypted with a customer managed key.",
        ids=("CKV_AWS_158",),
        kinds=(LOG_GROUP,),
        check=_own_key,
    ),
)
