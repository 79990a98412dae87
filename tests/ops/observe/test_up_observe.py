"""`perch up --observe`: a real Prometheus over real gateways, fed by `perch load`.

The recognisers follow a script, which is then made late on purpose: nothing is said of recognition.
The tests stand on one running stack and are run in their order, by one worker.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import psutil
import pytest
import soundfile

from ops.local.open_ports import OPEN_PORTS
from ops.local.plan import PORTS_IN_A_ROW
from ops.observe.panels import SCREENS
from tests.support.port_rows import free_row
from tests.support.tools import need
from tests.support.up_process import Up, begin, opened, perch, wait_for

pytestmark = [pytest.mark.tool, pytest.mark.timeout(400)]
slow = pytest.mark.slow

WORDS: Final = Path(__file__).resolve().parents[3] / "bench" / "words.json"
LATE: Final = {
    "streams": [
        {
            "results": [
                result
                for at in (2.0, 4.0, 6.0)
                for result in (
                    {"at": at - 0.8, "text": "boats"},
                    {"at": at - 0.4, "text": "boats came"},
                    {
                        "at": at,
                        "text": "boats",
                        "is_final": True,
                        "words": [{"word": "boats", "start": at - 1.0, "end": at - 0.2}],
                    },
                )
            ],
            # One after another: finals 1.2 s after speech, where 0.8 s are promised.
            "result_delay": 0.6,
        }
    ]
}
ALERT_S: Final = 120.0
"""Rules are evaluated every 30 seconds, and the first sample after a fault comes within 5."""
NEVER_HERE: Final = {"Time without a recogniser"}
"""Panels of what does not happen in these tests: no recogniser is lost."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    need("prometheus", "prometheus")
    running = begin(
        tmp_path_factory.mktemp("observed"),
        *("--observe", "--faults", "--script", str(WORDS)),
        *("--ports-from", str(free_row())),
    )
    try:
        wait_for(running, "Ctrl-C here")
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()


def address(up: Up) -> str:
    [found] = [child for child in up.state.children if child.name == "prometheus"]
    assert found.address is not None
    return found.address


def asked(up: Up, what: str, **parameters: str) -> Any:  # noqa: ANN401 - Prometheus' JSON
    answer = httpx.get(f"{address(up)}/api/v1/{what}", params=parameters, trust_env=False)
    document = answer.json()
    assert document["status"] == "success", document
    return document["data"]


def wait_until(true: Callable[[], bool], seconds: float, otherwise: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.5)


@slow
def test_both_gateways_are_scraped_by_name(up: Up) -> None:
    def health() -> dict[str, str]:
        targets = asked(up, "targets")["activeTargets"]
        return {one["labels"]["instance"]: one["health"] for one in targets}

    expected = {"gateway-blue": "up", "gateway-green": "up"}
    wait_until(lambda: health() == expected, 30, lambda: asked(up, "targets"))


@slow
def test_its_port_is_on_loopback_in_the_table_of_ports_and_closed_to_pages(up: Up) -> None:
    [child] = [child for child in up.state.children if child.name == "prometheus"]
    [(host, port)] = opened(child)
    assert (host, address(up)) == ("127.0.0.1", f"http://127.0.0.1:{port}")
    assert [row.sockets for row in OPEN_PORTS if row.process == "prometheus"] == [1]
    page = httpx.get(
        f"{address(up)}/api/v1/alerts",
        headers={"Origin": "https://evil.example"},
        trust_env=False,
    )
    assert [name for name in page.headers if name.startswith("access-control-allow-o")] == []
    for closed in ("-/quit", "-/reload", "api/v1/admin/tsdb/snapshot"):
        answer = httpx.post(f"{address(up)}/{closed}", trust_env=False)
        assert not answer.is_success, closed


@slow
def test_finals_that_come_late_raise_their_alert_and_no_rule_fails(up: Up, tmp_path: Path) -> None:
    blue = up.outputs.colours.blue.riva_http_port
    told = httpx.post(f"http://127.0.0.1:{blue}/admin/script", json=LATE, trust_env=False)
    assert told.is_success, told.text
    soundfile.write(tmp_path / "a.wav", np.zeros(8 * 16_000, np.int16), 16_000)
    entry = {"file": "a.wav", "text": "x", "speech_spans": [[0.1, 7.5]]}
    (tmp_path / "manifest.json").write_text(json.dumps([entry]))
    up.perch(
        *("load", "--corpus", str(tmp_path), "--out", str(tmp_path)),
        *("--sessions", "16", "--duration", "9", "--ramp", "2", "--processes", "1"),
    )

    def firing() -> set[str]:
        alerts = asked(up, "alerts")["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    wait_until(lambda: "PerchFinalLate" in firing(), ALERT_S, lambda: asked(up, "alerts"))
    # The results before them come as late, and nothing else is wrong.
    assert firing() <= {"PerchFinalLate", "PerchFirstInterimLate"}

    def rules() -> list[dict[str, Any]]:
        return [rule for group in asked(up, "rules")["groups"] for rule in group["rules"]]

    def health() -> set[tuple[str, str | None]]:
        return {(rule["health"], rule.get("lastError")) for rule in rules()}

    # Each group has its own turn in the half minute, and is unknown before its first.
    wait_until(lambda: ("unknown", None) not in health(), ALERT_S, rules)
    assert health() == {("ok", None)}
    for name in {rule["name"] for rule in rules() if rule["type"] == "recording"}:
        found = asked(up, "query", query=f'{name}{{slo="final-late"}}')["result"]
        assert found, name
    bad = asked(up, "query", query='slo:sli_error:ratio_rate5m{slo="final-late",colour="blue"}')
    assert float(bad["result"][0]["value"][1]) > 0.72


@slow
def test_an_exemplar_leads_from_a_late_final_to_its_stream(up: Up) -> None:
    now = time.time()
    found = asked(
        up,
        "query_exemplars",
        query="perch_final_latency_seconds_bucket",
        start=f"{now - 600}",
        end=f"{now}",
    )
    traces = {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}
    [gateway] = [child for child in up.state.children if child.name == "gateway-blue"]
    assert gateway.log is not None
    assert traces
    assert all(trace in gateway.log.read_text() for trace in traces)


@slow
def test_every_panel_has_data_but_those_of_what_is_not_here(up: Up, tmp_path: Path) -> None:
    def silent() -> set[str]:
        drawn = up.perch("dashboards", "--last", "5m", "--out", str(tmp_path))
        assert drawn.exit_code == 0, drawn.output
        lines = drawn.stdout.splitlines()
        return {line.rpartition(": ")[2] for line in lines if line.startswith("no data")}

    # Rules whose turn in the half minute came before the last sessions have a value at the next.
    wait_until(lambda: silent() <= NEVER_HERE, ALERT_S, silent)
    assert {f"{one.uid}.svg" for one in SCREENS} | {"dashboards.html"} <= {
        file.name for file in tmp_path.iterdir()
    }
    latency = (tmp_path / "perch-latency.svg").read_text()
    assert "p95 gateway-blue" in latency
    assert latency.count("<polyline") > 8


@slow
def test_down_leaves_no_process(up: Up) -> None:
    family = psutil.Process(up.process.pid).children(recursive=True)
    assert "prometheus" in {process.name() for process in family}
    assert up.perch("down").exit_code == 0
    assert up.process.wait(timeout=60) == 0
    assert psutil.wait_procs(family, timeout=30)[1] == []
    assert "was killed" not in up.said.read_text()
    gone = up.perch("dashboards")
    assert gone.exit_code == 1
    assert "no Prometheus runs for stack local on this machine" in gone.stderr


def test_a_port_that_is_taken_gets_one_sentence_and_nothing_is_started(tmp_path: Path) -> None:
    need("prometheus", "prometheus")
    row = free_row()
    with socket.create_server(("127.0.0.1", row + PORTS_IN_A_ROW - 1)) as taken:
        port = taken.getsockname()[1]
        refused = perch(
            *("up", "--observe", "--state-dir", str(tmp_path), "--ports-from", str(row))
        )
    assert (refused.exit_code, refused.stdout) == (2, "")
    [line] = refused.stderr.splitlines()
    assert line.startswith(f"perch: port {port} for Prometheus is taken by ")
    assert f"(process {os.getpid()})" in line


def test_without_prometheus_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = perch("up", "--observe", "--state-dir", str(tmp_path))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        "perch: --observe: no `prometheus` on PATH; install Debian's package `prometheus`, or "
        "start without --observe\n"
    )
