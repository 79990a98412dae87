"""A run as JSON, CSV and a page, and what of it is written into a stack's file."""

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from ops.load.costs import hosted, stream_price
from ops.load.judged import verdict
from ops.load.report import COLUMNS, LoadReport, as_csv, as_page, price_lines
from ops.load.soak import growth
from ops.load.writing import values
from tests.ops.load.test_judged import level


def report(**changes: object) -> LoadReport:
    levels = (level(10), level(20, final=0.9, failed=7))
    usual: dict[str, object] = {
        "stack": "local",
        "url": "wss://localhost:8443",
        "started": datetime(2026, 11, 27, tzinfo=UTC),
        "command": "perch load --sessions 10,20",
        "machine": "2 processors",
        "levels": levels,
        "verdict": verdict(levels),
        "soak": {"gateway": growth([])},
    }
    return LoadReport.model_validate({**usual, **changes})


def test_the_json_is_read_back_as_it_was_written() -> None:
    assert LoadReport.model_validate_json(report().model_dump_json()) == report()


def test_the_csv_has_a_row_a_level_and_nothing_where_nothing_is_known() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(report()))))
    assert [row["sessions"] for row in rows] == ["10", "20"]
    assert list(rows[0]) == list(COLUMNS)
    assert (rows[1]["errors %"], rows[1]["final p95 s"]) == ("0.70", "0.900")
    assert rows[0]["GPU"] == ""


class Fetched(HTMLParser):
    """Notes everything a page would fetch, and whether its tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            f"{tag} {value}"
            for name, value in attrs
            if name in {"src", "href"} and not str(value).startswith("data:")
        ]
        if tag in {"script", "link", "iframe"}:
            self.found.append(tag)


def test_the_page_stands_alone_and_says_the_verdict_first() -> None:
    page = as_page(report(command="perch load <script>"))
    fetched = Fetched()
    fetched.feed(page)
    assert fetched.found == []
    assert page.index("recommended maximum: 10 per Riva instance") < page.index("<table")
    assert page.count("<svg") == 6
    assert "<script>" not in page


def test_a_recommended_maximum_leaves_a_machine_room_for_what_comes_before_the_next_one() -> None:
    assert values(100, machines=2, instances=2) == {
        ("gateway", "riva_streams"): 25,
        ("gateway", "max_sessions"): 50,
        ("scaling", "streams_per_machine"): 40,
    }


GROUP = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def group(colour: str, machines: int) -> list[dict[str, object]]:
    template = f"urn:{colour}:template"
    return [
        {
            "urn": template,
            "type": TEMPLATE,
            "name": f"perch-x-{colour}",
            "inputs": {"instanceType": "g6.xlarge"},
        },
        {
            "urn": f"urn:{colour}",
            "type": GROUP,
            "name": f"perch-x-{colour}",
            "inputs": {
                "minSize": machines,
                "mixedInstancesPolicy": {
                    "instancesDistribution": {"onDemandPercentageAboveBaseCapacity": 100},
                    "launchTemplate": {"overrides": [{"instanceType": "g6.xlarge"}]},
                },
            },
            "propertyDependencies": {"mixedInstancesPolicy": [template]},
        },
    ]


def test_dollars_are_those_of_the_machines_and_the_rest_divided_by_streams() -> None:
    balancer = {
        "urn": "urn:lb",
        "type": "aws:lb/loadBalancer:LoadBalancer",
        "name": "lb",
        "inputs": {"internal": True},
    }
    found = stream_price(
        [balancer, *group("blue", 1), *group("green", 0)],
        per_machine=50,
        machines=2,
        in_service="blue",
    )
    assert found.machine == "g6.xlarge"
    metrics = 36 * Decimal("0.30") / 730
    whole = Decimal("0.0225") + metrics + 2 * Decimal("0.8048")
    assert found.at_maximum == pytest.approx(whole / 100, abs=Decimal("0.0002"))
    assert found.at_half == pytest.approx(whole / 50, abs=Decimal("0.0002"))
    assert found.idle_colour_warm == pytest.approx(
        (whole + 2 * Decimal("0.8048")) / 100, abs=Decimal("0.0002")
    )


def test_a_hosted_price_that_nobody_read_is_not_known_rather_than_guessed() -> None:
    for one in hosted():
        assert (one.usd_per_hour is None) == (one.as_of is None) == (one.read_in is None)
        assert re.match(r"https://", one.page)
    found = stream_price(group("blue", 1), per_machine=50, machines=1, in_service="blue")
    lines = price_lines(found.model_copy(update={"as_of": date(2026, 2, 24)}))
    assert "list prices of 2026-02-24" in lines[0]
    assert any("not known" in line for line in lines[1:])
