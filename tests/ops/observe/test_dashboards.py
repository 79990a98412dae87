"""Dashboards by the rules of grafana/dashboard-linter, with PromQL that Prometheus reads; and every
metric that anything names exists.

Not proved: how Grafana draws them; none is installed here.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from app.gateway.identity.access_list import KeyCounts
from app.gateway.telemetry.metrics import GatewayMetrics
from infra.boot.host import exporter
from infra.catalogue.objectives import SERIES
from ops.observe.documents import FOLDER, GENERATED, RULES
from ops.observe.panels import SCREENS

ROOT: Final = Path(__file__).resolve().parents[3]
DASHBOARDS: Final = {
    screen.uid: json.loads(GENERATED[f"{screen.uid}.json"]()) for screen in SCREENS
}
PANELS: Final = [panel for one in DASHBOARDS.values() for panel in one["panels"]]
SUFFIXES: Final = ("_bucket", "_count", "_sum", "_total")
NO_METRICS: Final = frozenset({"perch_cli", "perch_limits", "perch_up"})


def exposed() -> set[str]:
    """Names of all metrics of a gateway and of a machine's exporter, as they are exposed."""
    metrics = GatewayMetrics("1")
    metrics.credentials.watch(lambda: KeyCounts(good=0, soonest_end=0.0))
    metrics.credentials.watch_issuer(lambda: 0.0)
    gateway = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in metrics.registry.collect()
    }
    readings = dict.fromkeys((reading.column for reading in exporter.READINGS), 1.0)
    gpu = exporter.Gpu(labels=dict.fromkeys(exporter.LABELS, "0"), values=readings)
    sample = exporter.Sample(taken_at=1.0, gpus=(gpu,), disk_free=1, changed={"auth-tokens": 1.0})
    host = {one.name for one in text_string_to_metric_families(exporter.prometheus_text(sample))}
    return gateway | host


EXPOSED: Final = exposed()


def exists(name: str) -> bool:
    plain = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)
    return bool({name, plain, f"{plain}_total"} & EXPOSED)


def named_in(text: str) -> set[str]:
    return set(re.findall(r"\b(?:perch|process)_[a-z0-9_]+[a-z0-9]\b(?![./(*-])", text))


def test_every_metric_in_rules_dashboards_and_objectives_exists() -> None:
    for text in (RULES.read_text(), *(file.read_text() for file in FOLDER.glob("*.json"))):
        names = named_in(text)
        assert names
        assert [name for name in sorted(names) if not exists(name)] == []
    assert [one.counter for one in SERIES if not exists(one.counter)] == []


def test_every_metric_that_docs_and_runbooks_name_exists() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "runbooks").glob("*.md"), ROOT / "README.md"]
    unknown = {
        f"{page.name}: {name}"
        for page in pages
        for name in re.findall(r"`(perch_[a-z0-9_]+)`", page.read_text())
        if not exists(name)
    }
    assert unknown - {f"{page.name}: {name}" for page in pages for name in NO_METRICS} == set()


def test_every_panel_says_what_it_is_about_in_which_unit_and_sits_in_a_grid() -> None:
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith((".", "?"))
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
    for one in DASHBOARDS.values():
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in one["panels"]]
        assert places == [(x, y) for y in (0, 8, 16) for x in (0, 8, 16)][: len(places)]
        assert one["editable"] is False
        assert [choice["name"] for choice in one["templating"]["list"]] == [
            "datasource",
            "job",
            "instance",
        ]


def test_counters_are_shown_as_rates_over_what_fits_the_screen() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            for found in re.finditer(r"\w+_(?:total|bucket)\b", target["expr"]):
                assert re.search(
                    rf"rate\({found[0]}\{{[^}}]*\}}\[\$__rate_interval\]\)", target["expr"]
                )


def test_the_way_from_late_finals_to_a_machine_is_three_clicks() -> None:
    """The panel's link, the link of what rose with it, and the runbook that the alert carries."""

    def leads_to(uid: str, title: str) -> str:
        [panel] = [one for one in DASHBOARDS[uid]["panels"] if one["title"] == title]
        [link] = panel["links"]
        found = re.fullmatch(r"/d/([a-z-]+)\?.*", link["url"])
        assert found is not None
        return found[1]

    why = leads_to("perch-overview", "Finals in time")
    assert why == "perch-latency"
    assert leads_to(why, "Audio waits for the recogniser") == "perch-machine"


def test_every_alert_has_a_page_that_is_there() -> None:
    document: dict[str, Any] = yaml.safe_load(RULES.read_text())
    alerts = [rule for group in document["groups"] for rule in group["rules"] if "alert" in rule]
    assert alerts
    for alert in alerts:
        assert (ROOT / alert["annotations"]["runbook_url"]).is_file(), alert["alert"]
        assert alert["annotations"]["dashboard"] in DASHBOARDS


@pytest.mark.tool
@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Debian's `prometheus`")
def test_prometheus_reads_every_query(tmp_path: Path) -> None:
    queries = [target["expr"] for panel in PANELS for target in panel["targets"]]
    replaced = [query.replace("$__rate_interval", "5m") for query in queries]
    rules = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(replaced)]
    rules = [{**rule, "record": f"panel:a{number}:x"} for number, rule in enumerate(rules)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
