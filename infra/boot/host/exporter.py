#!/usr/bin/env python3
"""GPU and host metrics: Prometheus text on loopback, embedded metrics to the CloudWatch agent.

Runs on the machine's own Python, so it uses the standard library alone. What nvidia-smi does not
know is left out, never written as zero.
"""

import argparse
import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024
DAY_SECONDS: Final = 86_400
NVIDIA_SMI_SECONDS: Final = 10.0
"""nvidia-smi hangs on a GPU that has fallen off the bus; a healthy one answers within a second."""


@dataclass(frozen=True)
class Reading:
    """One column of nvidia-smi and the two metrics it becomes.

    Attributes:
        column: nvidia-smi's name, as `nvidia-smi --help-query-gpu` lists it.
        prometheus: name after `perch_gpu_`, in base units.
        cloudwatch: name in CloudWatch.
        unit: CloudWatch's unit.
        scale: from nvidia-smi's unit to Prometheus's base unit.
        cloudwatch_scale: from nvidia-smi's unit to CloudWatch's.
    """

    column: str
    prometheus: str
    cloudwatch: str
    unit: str
    scale: float = 1.0
    cloudwatch_scale: float = 1.0


READINGS: Final = (
    Reading("utilization.gpu", "utilization_ratio", "GpuUtilization", "Percent", scale=0.01),
    Reading("memory.used", "memory_used_bytes", "GpuMemoryUsed", "Megabytes", MIB, MIB / 1e6),
    Reading("memory.total", "memory_total_bytes", "GpuMemoryTotal", "Megabytes", MIB, MIB / 1e6),
    Reading("temperature.gpu", "temperature_celsius", "GpuTemperature", "None"),
    Reading("power.draw", "power_watts", "GpuPower", "None"),
    Reading("clocks.sm", "sm_clock_hertz", "GpuSmClock", "None", scale=1e6),
)
LABELS: Final = ("index", "uuid", "name", "driver_version")
QUERY: Final = ",".join((*LABELS, *(reading.column for reading in READINGS)))


@dataclass(frozen=True)
class Gpu:
    """What nvidia-smi said of one GPU: its labels, and the columns that held a number."""

    labels: Mapping[str, str]
    values: Mapping[str, float]


@dataclass(frozen=True)
class Sample:
    """Everything known at one time.

    Attributes:
        taken_at: seconds since 1970.
        gpus: empty where nvidia-smi failed.
        disk_free: bytes free on the fullest disk.
        series: CloudWatch name -> sum of the gateway's gauge, or of its counter with a + before the
            name, or the first of its times in seconds since 1970 with a -; absent while the gateway
            is.
        changed: secret's file -> when it was given the value that the machine has, in seconds since
            1970.
        texts: path -> what is served there of the gateway and the recogniser, as they served it
            themselves; empty while they do not answer.
    """

    taken_at: float
    gpus: tuple[Gpu, ...] = ()
    disk_free: int = 0
    series: Mapping[str, float] = field(default_factory=dict)
    changed: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def number(text: str) -> float | None:
    """Return the number in a cell of nvidia-smi's CSV; None for "[N/A]" and such."""
    try:
        return float(text)
    except ValueError:
        return None


def parse_gpus(answer: str) -> tuple[Gpu, ...]:
    """Read the GPUs out of nvidia-smi's CSV (`noheader,nounits`) for `QUERY`; skip other lines."""
    gpus = []
    for row in csv.reader(answer.splitlines(), skipinitialspace=True):
        if len(row) != len(LABELS) + len(READINGS) or not row[0].isdigit():
            continue
        numbers = {
            reading.column: number(cell)
            for reading, cell in zip(READINGS, row[len(LABELS) :], strict=True)
        }
        known = {column: value for column, value in numbers.items() if value is not None}
        gpus.append(Gpu(labels=dict(zip(LABELS, row, strict=False)), values=known))
    return tuple(gpus)


def ask_gpus() -> tuple[Gpu, ...]:
    """Return every GPU of the machine; none where nvidia-smi is missing, fails or hangs."""
    command = ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(  # noqa: S603 - a constant command
            command, capture_output=True, text=True, check=True, timeout=NVIDIA_SMI_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"perch exporter: {type(error).__name__} of nvidia-smi\n")
        return ()
    return parse_gpus(done.stdout)


def sums_of(text: str, wanted: Mapping[str, str]) -> dict[str, float]:
    """Return each wanted Prometheus series: of labels not named the sum, or of times the first."""
    sums: dict[str, float] = {}
    for line in text.splitlines():
        series, _, rest = line.rpartition("} ") if "{" in line else line.partition(" ")
        name = wanted.get(series.partition("{")[0]) or wanted.get(series + "}")
        value = number(rest.split(" ")[0])
        if name and value is not None:
            before = sums.get(name)
            join = min if name[0] == "-" else float.__add__
            sums[name] = value if before is None else join(before, value)
    return sums


def times_of(text: str) -> dict[str, float]:
    """Return what fetch-secrets noted: a line for each secret with its name and a time."""
    pairs = (line.partition(" ") for line in text.splitlines())
    found = {name: number(value) for name, _, value in pairs}
    return {name: value for name, value in found.items() if value is not None}


def noted(path: str) -> str:
    """Return a file's text; none while there is no such file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""


def ask(address: str) -> str:
    """Return the metrics of a neighbour, by port and path; none while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{address}", timeout=5) as answer:
            return str(answer.read(4 * MIB), "utf-8", "replace")
    except OSError:
        return ""


def prometheus_text(sample: Sample) -> str:
    """Return the sample in Prometheus's text format, version 0.0.4."""
    gpus = sample.gpus
    lines = [
        *_family("perch_gpu_up", [({}, float(bool(gpus)))]),
        *_family("perch_gpu_info", [(gpu.labels, 1.0) for gpu in gpus]),
    ]
    for reading in READINGS:
        series = [
            ({"gpu": gpu.labels["index"]}, gpu.values[reading.column] * reading.scale)
            for gpu in gpus
            if reading.column in gpu.values
        ]
        lines += _family(f"perch_gpu_{reading.prometheus}", series)
    changed = [({"name": name}, value) for name, value in sample.changed.items()]
    lines += _family("perch_host_secret_changed_timestamp_seconds", changed)
    lines += _family("perch_host_disk_free_bytes", [({}, sample.disk_free)])
    lines += _family("perch_host_sample_timestamp_seconds", [({}, sample.taken_at)])
    return "\n".join(lines) + "\n"


def _family(name: str, series: Iterable[tuple[Mapping[str, str], float]]) -> list[str]:
    samples = [f"{name}{_labels(labels)} {value:.17g}" for labels, value in series]
    return [f"# TYPE {name} gauge", *samples] if samples else []


def _labels(labels: Mapping[str, str]) -> str:
    escaped = (
        (key, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))
        for key, value in labels.items()
    )
    inside = ",".join(f'{key}="{value}"' for key, value in escaped)
    return f"{{{inside}}}" if inside else ""


def embedded_metrics(
    sample: Sample, environment: Mapping[str, str], last: Mapping[str, float]
) -> str:
    """Return a line of CloudWatch's embedded metric format: values by group and colour.

    Of a counter it has what came since `last`, or since the gateway began anew; nothing where the
    counter was not seen before. Of a time it has the days until then.
    """
    values: dict[str, float] = {"DiskFree": sample.disk_free / 1e9}
    units = {"DiskFree": "Gigabytes"}
    for name, value in sample.series.items():
        if name[0] == "-":
            values[name[1:]] = (value - sample.taken_at) / DAY_SECONDS
            units[name[1:]] = "None"
        elif name[0] != "+":
            values[name] = value
        elif name in last:
            values[name[1:]] = value - last[name] * (value >= last[name])
    if sample.changed:
        values["SecretDays"] = (sample.taken_at - min(sample.changed.values())) / DAY_SECONDS
        units["SecretDays"] = "None"  # pragma: allowlist secret
    # One GPU a machine serves (the units name GPU 0), so a further one would only blur it.
    for gpu in sample.gpus[:1]:
        for reading in READINGS:
            if reading.column in gpu.values:
                values[reading.cloudwatch] = gpu.values[reading.column] * reading.cloudwatch_scale
                units[reading.cloudwatch] = reading.unit
    dimensions = {
        "AutoScalingGroupName": environment["PERCH_ASG"],
        "Environment": environment["PERCH_ENVIRONMENT"],
        "Colour": environment["PERCH_COLOUR"],
    }
    directive = {
        "Namespace": environment["PERCH_NAMESPACE"],
        "Dimensions": [["AutoScalingGroupName"], ["Environment", "Colour"]],
        "Metrics": [{"Name": name, "Unit": units.get(name, "Count")} for name in values],
    }
    header = {
        "Timestamp": int(sample.taken_at * 1000),
        "LogGroupName": environment["PERCH_METRICS_LOG_GROUP"],
        "CloudWatchMetrics": [directive],
    }
    return json.dumps({"_aws": header, **dimensions, **values}) + "\n"


def take_sample(environment: Mapping[str, str]) -> Sample:
    """Ask everything once."""
    wanted = dict(pair.rsplit("=", 1) for pair in environment["PERCH_GATEWAY_SERIES"].split())
    gateway = ask(environment["PERCH_GATEWAY_ADMIN_PORT"] + "/metrics")
    return Sample(
        taken_at=time.time(),
        gpus=ask_gpus(),
        # Image and models may lie on a disk of their own (docs/adr/0808).
        disk_free=min(shutil.disk_usage(one).free for one in ("/", environment["PERCH_STORE"])),
        series=sums_of(gateway, wanted),
        changed=times_of(noted(environment["PERCH_RUN"] + "/secret-times")),
        texts={
            "/gateway": gateway,
            "/recogniser": ask(environment["PERCH_HTTP_PORT"] + "/v1/metrics"),
        },
    )


class Page:
    """The newest sample as Prometheus text, served from a thread of its own."""

    def __init__(self) -> None:
        self.texts = {"": ""}

    def server(self, host: str) -> ThreadingHTTPServer:
        """Return a server that answers GET of each text, with 404 where there is none."""
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = page.texts.get(self.path.partition("?")[0], "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's
                """Stay quiet: a scrape every few seconds is no news."""

        return ThreadingHTTPServer((host, int(os.environ["PERCH_EXPORTER_PORT"])), Handler)


def main() -> None:
    """Sample for ever; systemd ends and restarts the process."""
    argparse.ArgumentParser().parse_args()
    environment = os.environ
    page = Page()
    server = page.server(environment["PERCH_EXPORTER_HOST"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    agent = ("127.0.0.1", int(environment["PERCH_EMF_PORT"]))
    # A datagram: an agent that is not there yet holds nothing up.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outlet:
        last: dict[str, float] = {}
        while True:
            sample = take_sample(environment)
            page.texts = {"/metrics": prometheus_text(sample), **sample.texts}
            outlet.sendto(embedded_metrics(sample, environment, last).encode(), agent)
            last |= sample.series
            time.sleep(float(environment["PERCH_EXPORTER_SECONDS"]))


if __name__ == "__main__":
    main()
