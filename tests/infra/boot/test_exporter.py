"""The GPU and host exporter, on forms of nvidia-smi's CSV.

The forms are those that nvidia-smi is documented to print; docs/unverified.md has the command that
compares them with a live one. The Prometheus text is read back by Prometheus's own client library.
"""

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from app.gateway.telemetry.latencies import LATENCY_BUCKETS
from app.gateway.telemetry.metrics import GatewayMetrics
from infra.boot.environment import boot_environment
from infra.boot.files import host_files
from infra.boot.host import exporter
from infra.catalogue.objectives import FINAL_S, SERIES
from tests.infra.boot.conftest import MakeHost
from tests.infra.boot.standins.starting import start, stop
from tests.support.boot_settings import boot_settings

UUID = "GPU-0a1b2c3d-0000-1111-2222-333344445555"
BUSY = f"0, {UUID}, NVIDIA A10G, 580.105.08, 37, 9216, 23028, 54, 131.52, 1710\n"
UNSUPPORTED = f"0, {UUID}, NVIDIA A10G, 580.105.08, [N/A], 9216, 23028, 54, [Not Supported], N/A\n"
TWO = BUSY + BUSY.replace("0, GPU", "1, GPU", 1)
BROKEN = f"0, {UUID}, NVIDIA A10G, 580.105.08, [Unknown Error], [GPU is lost], ERR!, , , \n"
ENVIRONMENT = boot_environment(boot_settings())


def series(sample: exporter.Sample) -> dict[str, float]:
    """Every Prometheus sample of the text, as name{labels} -> value."""
    return {
        f"{found.name}{dict(found.labels)}": found.value
        for family in text_string_to_metric_families(exporter.prometheus_text(sample))
        for found in family.samples
    }


def of(answer: str, **series: float) -> exporter.Sample:
    gpus = exporter.parse_gpus(answer)
    return exporter.Sample(taken_at=1_790_000_000.5, gpus=gpus, disk_free=10**11, series=series)


def test_turns_nvidia_smi_into_base_units() -> None:
    found = series(of(BUSY))
    gpu = "{'gpu': '0'}"
    assert found[f"perch_gpu_utilization_ratio{gpu}"] == pytest.approx(0.37)
    assert found[f"perch_gpu_memory_used_bytes{gpu}"] == 9216 * 1024 * 1024
    assert found[f"perch_gpu_memory_total_bytes{gpu}"] == 23028 * 1024 * 1024
    assert found[f"perch_gpu_temperature_celsius{gpu}"] == 54
    assert found[f"perch_gpu_power_watts{gpu}"] == pytest.approx(131.52)
    assert found["perch_gpu_up{}"] == 1


def test_leaves_out_what_the_gpu_does_not_say() -> None:
    found = series(of(UNSUPPORTED))
    assert not [name for name in found if "utilization" in name or "power" in name]
    assert [name for name in found if "memory_used" in name]
    embedded = json.loads(exporter.embedded_metrics(of(UNSUPPORTED), ENVIRONMENT, {}))
    assert "GpuUtilization" not in embedded
    assert embedded["GpuMemoryUsed"] == pytest.approx(9663.676416)


def test_keeps_a_lost_gpu_without_any_number() -> None:
    (gpu,) = exporter.parse_gpus(BROKEN)
    assert gpu.values == {}
    assert series(of(BROKEN))["perch_gpu_up{}"] == 1


def test_tells_two_gpus_apart() -> None:
    found = series(of(TWO))
    assert len([name for name in found if name.startswith("perch_gpu_power_watts")]) == 2


@pytest.mark.parametrize(
    "answer", ["", "No devices were found\n", "0, half a line\n", "a,b,c,d,e,f,g,h,i,j\n"]
)
def test_says_that_the_gpu_is_down_where_there_is_no_answer(answer: str) -> None:
    found = series(of(answer))
    assert found["perch_gpu_up{}"] == 0
    assert not [name for name in found if "perch_gpu_m" in name]


@given(st.text(max_size=200))
def test_reads_any_text_without_failing(answer: str) -> None:
    assert series(of(answer))


@given(
    st.lists(
        st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters=',"')),
        min_size=10,
        max_size=10,
    )
)
def test_writes_text_that_prometheus_reads_whatever_the_cells_hold(cells: list[str]) -> None:
    answer = ", ".join(["0", *(cell.strip() for cell in cells[1:])]) + "\n"
    found = series(of(answer))
    assert found["perch_host_disk_free_bytes{}"] == 1e11


def test_makes_one_embedded_metric_event_within_the_formats_limits() -> None:
    text = exporter.embedded_metrics(of(BUSY, ActiveSessions=7), ENVIRONMENT, {})
    assert text.endswith("\n")
    assert len(text) < 65_507  # one datagram
    event = json.loads(text)
    (directive,) = event["_aws"]["CloudWatchMetrics"]
    assert event["_aws"]["Timestamp"] == 1_790_000_000_500
    assert event["_aws"]["LogGroupName"] == "/perch/dev/blue/host"
    assert directive["Namespace"] == "Perch"
    assert ["AutoScalingGroupName"] in directive["Dimensions"]
    for name in [name for names in directive["Dimensions"] for name in names]:
        assert isinstance(event[name], str)
    for metric in directive["Metrics"]:
        assert isinstance(event[metric["Name"]], float | int)
    assert event["ActiveSessions"] == 7


def test_adds_up_the_gateways_gauges_over_their_labels() -> None:
    text = (
        "# TYPE perch_sessions_active gauge\n"
        'perch_sessions_active{dialect="a, } b"} 3.0\n'
        'perch_sessions_active{dialect="b"} 4.0\n'
        "perch_session_slots 50\n"
        "perch_sessions_active_other 9\n"
    )
    wanted = {"perch_sessions_active": "ActiveSessions", "perch_session_slots": "SessionSlots"}
    assert exporter.sums_of(text, wanted) == {"ActiveSessions": 7.0, "SessionSlots": 50.0}


@pytest.mark.parametrize("fullest", ["/", ENVIRONMENT["PERCH_STORE"]])
def test_the_fullest_disk_counts_whichever_it_is(
    monkeypatch: pytest.MonkeyPatch, fullest: str
) -> None:
    monkeypatch.setattr(exporter, "ask_gpus", lambda: ())
    monkeypatch.setattr(exporter, "ask", lambda _: "")
    monkeypatch.setattr(
        "shutil.disk_usage",
        lambda path: SimpleNamespace(free=1 if path == fullest else 10),
    )
    assert exporter.take_sample(ENVIRONMENT).disk_free == 1


def test_gives_no_gauges_while_the_gateway_is_away() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert exporter.ask(f"{closed.getsockname()[1]}/metrics") == ""


def pairs() -> dict[str, str]:
    return dict(pair.rsplit("=", 1) for pair in ENVIRONMENT["PERCH_GATEWAY_SERIES"].split())


def test_the_gateway_has_the_series_that_the_machine_asks_for() -> None:
    metrics = GatewayMetrics("1")
    metrics.sessions_ended.labels("stopped").inc()
    metrics.sessions_started.labels("a", "default").inc()
    metrics.certificate_expiry.labels("gateway").set(1_800_000_000)
    found = exporter.sums_of(metrics.render().decode(), pairs())
    assert sorted(found) == sorted(pairs().values())


def test_an_objectives_limit_is_a_bucket_of_its_histogram() -> None:
    for one in SERIES:
        assert one.le is None or float(one.le) in LATENCY_BUCKETS
    metrics = GatewayMetrics("1")
    for seconds in (FINAL_S - 0.1, FINAL_S, FINAL_S + 0.01, 60):
        metrics.final_seconds.observe(seconds)
    found = exporter.sums_of(metrics.render().decode(), pairs())
    assert (found["+Finals"], found["+FinalsInTime"]) == (4, 2)


def test_sends_by_how_much_a_counter_grew_and_nothing_of_one_that_it_sees_first() -> None:
    def sent(now: float, last: Mapping[str, float]) -> float | None:
        event = json.loads(
            exporter.embedded_metrics(of(BUSY, **{"+Finals": now}), ENVIRONMENT, last)
        )
        found: float | None = event.get("Finals")
        return found

    assert sent(7, {}) is None
    assert sent(7, {"+Finals": 5}) == 2
    assert sent(7, {"+Finals": 7}) == 0
    assert sent(3, {"+Finals": 7}) == 3  # its gateway began anew


def test_sends_how_many_days_the_certificate_has_left_that_ends_first() -> None:
    metrics = GatewayMetrics("1")
    for name, days in (("gateway", 390), ("riva_client", 20.5), ("gateway_ca", 3_000)):
        metrics.certificate_expiry.labels(name).set(1_790_000_000.5 + days * 86_400)
    found = exporter.sums_of(metrics.render().decode(), pairs())
    event = json.loads(exporter.embedded_metrics(of(BUSY, **found), ENVIRONMENT, {}))
    assert event["GatewayCertificateDays"] == pytest.approx(20.5)


def test_says_when_each_secret_was_changed_and_how_many_days_ago_the_oldest(
    tmp_path: Path,
) -> None:
    assert exporter.times_of(exporter.noted(str(tmp_path / "none"))) == {}
    file = tmp_path / "secret-times"
    file.write_text(f"auth-tokens {1_790_000_000 - 400 * 86_400}\nresume-keys 1790000000\nx y\n")
    changed = exporter.times_of(exporter.noted(str(file)))
    assert changed == {"auth-tokens": 1_755_440_000.0, "resume-keys": 1_790_000_000.0}
    sample = exporter.Sample(taken_at=1_790_000_000.0, changed=changed)
    text = exporter.prometheus_text(sample)
    assert 'perch_host_secret_changed_timestamp_seconds{name="auth-tokens"} 1755440000\n' in text
    event = json.loads(exporter.embedded_metrics(sample, ENVIRONMENT, {}))
    assert event["SecretDays"] == pytest.approx(400)
    assert "SecretDays" not in json.loads(
        exporter.embedded_metrics(exporter.Sample(taken_at=1.0), ENVIRONMENT, {})
    )


@contextmanager
def served(pages: Mapping[str, str]) -> Iterator[int]:
    """A gateway's and a recogniser's metrics; yields their port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path, "").encode()
            self.send_response(200 if body else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_answers_beyond_loopback_where_a_range_may_read_it_and_nowhere_else() -> None:
    def told(*ranges: str) -> tuple[str, str]:
        of = boot_settings(scrape_cidrs=ranges)
        unit = next(one.content for one in host_files(of) if one.path.endswith("exporter.service"))
        (allowed,) = [line for line in unit.splitlines() if line.startswith("IPAddressAllow")]
        return boot_environment(of)["PERCH_EXPORTER_HOST"], allowed

    assert told() == ("127.0.0.1", "IPAddressAllow=localhost")
    assert told("10.8.0.0/16", "10.7.0.0/24") == (
        "0.0.0.0",  # noqa: S104 - as the machine is told
        "IPAddressAllow=localhost 10.8.0.0/16 10.7.0.0/24",
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_serves_prometheus_and_sends_to_the_agent_as_a_process(
    make_host: MakeHost,
) -> None:
    host = make_host(boot_settings())
    assert host.run("fetch-programs").returncode == 0
    host.answer("nvidia-smi", out=BUSY)
    port = free_port()
    pages = {"/metrics": "perch_x 1\n", "/v1/metrics": "nv_inference_count 2\n"}
    with (
        served(pages) as neighbour,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent,
    ):
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(20)
        environment = host.environment | {
            "PERCH_EXPORTER_PORT": str(port),
            "PERCH_EMF_PORT": str(agent.getsockname()[1]),
            "PERCH_EXPORTER_SECONDS": "0.1",
            "PERCH_GATEWAY_ADMIN_PORT": str(neighbour),
            "PERCH_HTTP_PORT": str(neighbour),
        }
        process = start([sys.executable, "-I", host.library / "exporter"], environment)
        try:
            event = json.loads(agent.recv(65_536))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
                families = list(text_string_to_metric_families(page.read().decode()))
            for path, text in (("gateway", "perch_x 1"), ("recogniser", "nv_inference_count 2")):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as page:
                    assert page.read().decode() == f"{text}\n"
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/other", timeout=10)
            # Read alone: who may scrape can neither drain a gateway nor have speech recognised.
            with pytest.raises(urllib.error.HTTPError, match="501"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/gateway", data=b"", timeout=10)
        finally:
            stop(process)
    assert event["GpuUtilization"] == 37
    assert "perch_gpu_utilization_ratio" in {family.name for family in families}


def test_a_hanging_nvidia_smi_is_given_up(
    make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = make_host(boot_settings())
    host.answer("nvidia-smi", out=BUSY, seconds=30)
    for name, value in host.environment.items():
        monkeypatch.setitem(os.environ, name, value)
    monkeypatch.setattr(exporter, "NVIDIA_SMI_SECONDS", 0.3)
    assert exporter.ask_gpus() == ()
