"""The difference that a change makes a month, in a preview's three formats.

Proves what is compared and how it is shown; what things cost is proved by
tests/ops/cost/test_cost.py.
"""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

from ops.cost import Difference, LineDifference
from ops.offline.diff import money_shown
from ops.offline.diff.compare import EMPTY
from ops.offline.diff.digest import digest
from ops.offline.diff.model import Comparison
from ops.offline.diff.money import MonthlyCost, monthly_cost
from ops.offline.diff.rendering import markdown, text


def _cost(**more: Any) -> MonthlyCost:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "as_of": dt.date(2026, 2, 24),
        "before_usd": Decimal("1000.00"),
        "after_usd": Decimal("1032.85"),
        "lines": (
            LineDifference(
                resource="key", what="a key", before_usd=Decimal("1.00"), after_usd=None
            ),
            LineDifference(
                resource="nat", what="gateway", before_usd=None, after_usd=Decimal("33.85")
            ),
            LineDifference(resource="new", what="machines", before_usd=None, after_usd=None),
        ),
        "not_priced": ("new: no price of machines in eu-west-1",),
    }
    return MonthlyCost(
        difference=Difference(**{**fields, **more}),
        added=frozenset({("nat", "gateway")}),
        removed=frozenset({("key", "a key")}),
        not_included=("logs", "data"),
    )


SAME = _cost(before_usd=Decimal("1032.85"), lines=(), not_priced=())


def _comparison(cost: MonthlyCost | None) -> Comparison:
    return Comparison(stack="prod", base="a", head="b", changes=(), outputs=(), same=1, cost=cost)


def _resource(kind: str, name: str) -> dict[str, Any]:
    return {"urn": f"urn:{name}", "type": kind, "name": name, "inputs": {}, "provider": ""}


def test_what_a_new_stack_costs_is_the_difference() -> None:
    key = _resource("aws:kms/key:Key", "key")
    group = _resource("aws:cloudwatch/logGroup:LogGroup", "log")
    cost = monthly_cost(EMPTY, {"resources": [key, group]})
    assert (cost.difference.before_usd, cost.difference.monthly_usd) == (
        Decimal(0),
        Decimal("1.00"),
    )
    assert [line.resource for line in cost.difference.lines] == ["key"]
    assert (len(cost.added), cost.removed) == (1, frozenset())
    assert (
        "logs taken in (0.50 USD a GB) and kept, flow logs and what carries metrics among them"
        in cost.not_included
    )


def test_a_terminal_shows_both_sums_and_what_moves_them_most_first() -> None:
    assert text(_comparison(_cost())) == (
        "prod: a -> b\n"
        "\n"
        "  cost a month: 1,000.00 -> 1,032.85 USD, +32.85 (list prices known since 2026-02-24)\n"
        "    new, machines: not known -> not known\n"
        "    nat, gateway: (none) -> 33.85\n"
        "    key, a key: 1.00 -> (none)\n"
        "    not priced: new: no price of machines in eu-west-1\n"
        "    not included: logs; data\n"
        "\n"
        "  1 unchanged\n"
    )


def test_a_comment_shows_the_sums_and_folds_the_rest() -> None:
    lines = markdown(_comparison(_cost())).splitlines()
    assert lines[4:] == [
        "**Cost a month:** 1,000.00 -> 1,032.85 USD, +32.85 (list prices known since 2026-02-24)",
        "",
        "<details><summary>What is in it</summary>",
        "",
        "| resource | what | before | after |",
        "|---|---|---|---|",
        "| new | machines | not known | not known |",
        "| nat | gateway | (none) | 33.85 |",
        "| key | a key | 1.00 | (none) |",
        "",
        "not priced: new: no price of machines in eu-west-1",
        "",
        "not included: logs; data",
        "",
        "</details>",
    ]


def test_what_stays_is_said_once_and_a_fall_has_its_sign() -> None:
    assert money_shown.text(SAME)[0] == (
        "cost a month: 1,032.85 USD, unchanged (list prices known since 2026-02-24)"
    )
    falls = _cost(after_usd=Decimal("990.00"))
    assert "1,000.00 -> 990.00 USD, -10.00 (" in money_shown.text(falls)[0]


def test_a_sum_that_is_not_known_makes_no_difference_up() -> None:
    unknown = _cost(before_usd=None)
    assert (
        "not known -> 1,032.85 USD, a difference that is not known ("
        in (money_shown.text(unknown)[0])
    )
    assert digest(_comparison(unknown), seconds=1)["perch"]["monthlyCost"]["difference"] is None


def test_the_digest_has_numbers_and_their_date() -> None:
    told = digest(_comparison(_cost()), seconds=1)["perch"]["monthlyCost"]
    assert json.loads(json.dumps(told)) == {
        "currency": "USD",
        "before": 1000.0,
        "after": 1032.85,
        "difference": 32.85,
        "asOf": "2026-02-24",
        "items": [
            {"resource": "key", "what": "a key", "before": 1.0, "after": None},
            {"resource": "nat", "what": "gateway", "before": None, "after": 33.85},
            {"resource": "new", "what": "machines", "before": None, "after": None},
        ],
        "notPriced": ["new: no price of machines in eu-west-1"],
        "notIncluded": ["logs", "data"],
    }
    assert digest(_comparison(None), seconds=1)["perch"]["monthlyCost"] is None
