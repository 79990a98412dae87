"""What a change takes of the account's quotas, in a preview's three formats."""

from infra.catalogue.quotas import ON_DEMAND_G, SPOT_G
from ops.cost.quota import QuotaUse
from ops.offline.diff.digest import digest
from ops.offline.diff.model import Comparison
from ops.offline.diff.rendering import markdown, text

BEFORE = (QuotaUse(quota=ON_DEMAND_G, first=4, most=64),)
AFTER = (
    QuotaUse(quota=ON_DEMAND_G, first=4, most=32),
    QuotaUse(quota=SPOT_G, first=0, most=32),
)


def comparison(*quotas: tuple[QuotaUse, ...]) -> Comparison:
    sides = (quotas[0], quotas[1]) if quotas else None
    return Comparison(
        stack="prod", base="a", head="b", changes=(), outputs=(), same=1, quotas=sides
    )


def test_every_quota_has_a_line_with_what_it_was_and_what_it_becomes() -> None:
    known = comparison(BEFORE, AFTER)
    for shown in (text(known), markdown(known)):
        lines = [line.strip() for line in shown.splitlines() if line.strip().startswith("quota ")]
        assert [line.partition(" with")[0] for line in lines] == [
            "quota All G and VT Spot Instance Requests (L-3819A6DF): 0 -> 32 vCPUs",
            "quota Running On-Demand G and VT instances (L-DB2E81BA): 64 -> 32 vCPUs",
        ]
        assert all("a refresh takes as many again" in line for line in lines)


def test_what_stays_is_said_once() -> None:
    assert "(L-DB2E81BA): 64 vCPUs with" in text(comparison(BEFORE, BEFORE))


def test_a_stack_of_this_machine_has_no_line() -> None:
    assert "quota" not in text(comparison())
    assert digest(comparison(), seconds=1)["perch"]["quotas"] is None


def test_the_digest_has_numbers() -> None:
    assert digest(comparison(BEFORE, AFTER), seconds=1)["perch"]["quotas"] == [
        {"name": ON_DEMAND_G.name, "code": "L-DB2E81BA", "first": 4, "most": 32},
        {"name": SPOT_G.name, "code": "L-3819A6DF", "first": 0, "most": 32},
    ]
