"""`make bench`: the gateway beside the designs it competes with.

Each subject carries the same real-time streams in turn, pinned to one core while the recogniser
and the load share the others. Absolute numbers are this machine's; compare the ratios.
"""

import argparse
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import psutil

from bench import auth
from bench.processes import free_port, pin, running, wait_for_port

BASELINE = "relay"
WARM_UP_S = 0.5
"""One stream of so many seconds before the count: imports, the first connection to the recogniser
and the like are paid once a process, not once a stream."""

SUBJECTS = {
    "relay": ["-m", "bench.relay"],
    "threads": ["-m", "bench.threads"],
    "gateway": ["-m", "app.gateway"],
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One subject's figures; CPU in seconds per stream-hour, memory in kB per stream."""

    subject: str
    cpu_s_per_stream_hour: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    rss_kb_per_stream: float
    streams: int
    finals: int
    failures: int


def run_load(
    port: int, streams: int, seconds: float, *, cores: list[int], watched: psutil.Process
) -> tuple[dict[str, Any], int]:
    """Run the load against a port: what it saw, and the watched process's peak RSS in bytes."""
    environment = {
        "BENCH_URL": f"ws://127.0.0.1:{port}/",
        "BENCH_STREAMS": str(streams),
        "BENCH_SECONDS": str(seconds),
    }
    with running(["-m", "bench.load"], environment) as load:
        pin(psutil.Process(load.pid), cores)
        peak_rss, output = 0, None
        while output is None:
            peak_rss = max(peak_rss, watched.memory_info().rss)
            with suppress(subprocess.TimeoutExpired):
                output, _ = load.communicate(timeout=0.5)
    if load.returncode:
        sys.exit(f"bench: the load failed (exit status {load.returncode})")
    return json.loads(output), peak_rss


def measure(subject: str, riva: tuple[str, str], streams: int, seconds: float) -> Row:
    """Run one subject under `streams` real-time streams of `seconds` seconds."""
    cores = list(range(psutil.cpu_count() or 1))
    port = free_port()
    environment = {
        "RIVA_HOST": "127.0.0.1",
        "RIVA_PORT": riva[0],
        "RIVA_HTTP_PORT": riva[1],
        "APP_HOST": "127.0.0.1",
        "APP_PORT": str(port),
        "BENCH_PORT": str(port),
        "WS_MAX_CONNECTIONS": str(streams + 10),
        "WS_MAX_CONCURRENT_SESSIONS": str(streams + 10),
        # The load has one address.
        "WS_CLIENT_SHARE": "1",
        "LOG_LEVEL": "WARNING",
    }
    with running(SUBJECTS[subject], environment) as process:
        wait_for_port(port, process)
        watched = psutil.Process(process.pid)
        pin(watched, cores[:1])
        others = cores[1:] or cores
        run_load(port, 1, WARM_UP_S, cores=others, watched=watched)
        idle_rss = watched.memory_info().rss
        before = watched.cpu_times()
        result, peak_rss = run_load(port, streams, seconds, cores=others, watched=watched)
        after = watched.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    return Row(
        subject=subject,
        cpu_s_per_stream_hour=cpu / (streams * seconds) * 3600,
        p50_ms=result["p50_ms"],
        p95_ms=result["p95_ms"],
        p99_ms=result["p99_ms"],
        rss_kb_per_stream=max(0, peak_rss - idle_rss) / 1024 / streams,
        streams=streams,
        finals=result["finals"],
        failures=result["failures"],
    )


def render(rows: list[Row]) -> str:
    """Return a table with each subject's ratio to the baseline."""
    base = next(row for row in rows if row.subject == BASELINE)
    lines = [_header()]
    lines += [_line(row, base) for row in rows]
    return "\n".join(lines)


def _header() -> str:
    return (
        f"{'subject':<10}{'CPU-s/stream-h':>16}{'x ' + BASELINE:>10}{'p50 ms':>9}{'p95 ms':>9}"
        f"{'x ' + BASELINE:>10}{'p99 ms':>9}{'kB/stream':>11}{'finals':>9}{'failed':>8}"
    )


def _line(row: Row, base: Row) -> str:
    return (
        f"{row.subject:<10}{row.cpu_s_per_stream_hour:>16.2f}"
        f"{row.cpu_s_per_stream_hour / base.cpu_s_per_stream_hour:>10.2f}"
        f"{row.p50_ms:>9.2f}{row.p95_ms:>9.2f}{row.p95_ms / base.p95_ms:>10.2f}{row.p99_ms:>9.2f}"
        f"{row.rss_kb_per_stream:>11.0f}{row.finals:>9}{row.failures:>8}"
    )


def main() -> None:
    """Measure every subject in turn and print the table, or JSON."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--streams", type=int, default=100, help="concurrent real-time streams")
    parser.add_argument("--seconds", type=float, default=15.0, help="seconds of audio a stream")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--auth", action="store_true", help="what it costs to know who connects, in its place"
    )
    parser.add_argument("--sessions", type=int, default=200, help="with --auth: in each round")
    parser.add_argument("--rounds", type=int, default=5, help="with --auth: of each way")
    options = parser.parse_args()
    if options.auth:
        print(auth.run(options.sessions, options.rounds))  # noqa: T201 - the product
        return
    with running(["-m", "bench.echo_asr"], {}) as asr:
        assert asr.stdout is not None  # noqa: S101 - a pipe was asked for
        grpc_port, http_port = asr.stdout.readline().split()
        cores = list(range(psutil.cpu_count() or 1))
        pin(psutil.Process(asr.pid), cores[1:] or cores)
        rows = [
            measure(name, (grpc_port, http_port), options.streams, options.seconds)
            for name in SUBJECTS
        ]
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))  # noqa: T201 - the product
    else:
        print(render(rows))  # noqa: T201 - the product


if __name__ == "__main__":
    main()
