"""`python -m bench.overload`: what running sessions notice of twice the load that is admitted.

The recogniser takes a number of streams, and as many real-time ones run. They run alone and then
beside as many newcomers, in turns on the same gateway. Half of the newcomers ask again and again,
more often than Retry-After allows; the other half wait in the waiting room. The figures are the
running sessions' latencies, and their ratios between the two.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from statistics import median

import httpx
import psutil
import uvloop
import websockets
from websockets.exceptions import InvalidStatus

from bench.__main__ import run_load
from bench.load import OPEN_TIMEOUT_SECONDS
from bench.processes import free_port, pin, running, wait_for_port

ASK_AGAIN_SECONDS = 1.0
"""Five times as often as Retry-After says."""
SPREAD_SECONDS = 2.5
"""The load spreads its starts over two seconds; the first stream ends that long before the last."""
FIGURES = ("p50_ms", "p95_ms", "p99_ms")


@dataclass(slots=True)
class Newcomers:
    """What became of those who came when all slots were in use.

    Attributes:
        refusals: HTTP statuses before the upgrade, with error codes.
        admitted: Sessions begun while all slots were in use: none may.
        queued: Clients told their place.
        served: Of those, who had a session when one was free.
    """

    refusals: Counter[str] = field(default_factory=Counter)
    admitted: int = 0
    queued: int = 0
    served: int = 0


async def _ask(url: str, over: asyncio.Event, seen: Newcomers) -> None:
    while not over.is_set():
        try:
            async with websockets.connect(url, open_timeout=OPEN_TIMEOUT_SECONDS):
                seen.admitted += not over.is_set()
        except InvalidStatus as refused:
            code = json.loads(refused.response.body)["code"]
            seen.refusals[f"{refused.response.status_code} {code}"] += 1
        except (OSError, TimeoutError) as error:
            seen.refusals[f"no answer ({type(error).__name__})"] += 1
        await asyncio.sleep(ASK_AGAIN_SECONDS)


async def _wait(url: str, over: asyncio.Event, seen: Newcomers) -> None:
    async with websockets.connect(f"{url}?wait=300", open_timeout=OPEN_TIMEOUT_SECONDS) as socket:
        await socket.recv()
        await socket.send(json.dumps({"type": "start_transcription"}))
        kinds = [json.loads(await socket.recv())["type"]]
        while kinds[-1] == "queued":
            kinds.append(json.loads(await socket.recv())["type"])
        seen.queued += "queued" in kinds
        seen.served += kinds[-1] == "session_started"
        seen.admitted += not over.is_set()


async def _come(url: str, streams: int, seconds: float) -> Newcomers:
    """Come when all streams have begun, and ask until the first of them ends."""
    seen, over = Newcomers(), asyncio.Event()
    ready = url.replace("ws", "http", 1) + "readyz"
    async with httpx.AsyncClient() as http:
        while (await http.get(ready)).json()["sessions"] < streams:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    first_end = seconds - SPREAD_SECONDS - 0.5
    asyncio.get_running_loop().call_later(first_end, over.set)
    async with asyncio.TaskGroup() as group:
        for number in range(streams):
            group.create_task((_ask if number % 2 else _wait)(url, over, seen))
            # Nobody tells them to come at the same moment.
            await asyncio.sleep(ASK_AGAIN_SECONDS / streams)
    return seen


@dataclass(frozen=True, slots=True)
class Rounds:
    """What was seen: the running sessions' figures alone and beside newcomers, round by round."""

    alone: list[dict[str, float]] = field(default_factory=list)
    beside: list[dict[str, float]] = field(default_factory=list)
    newcomers: list[Newcomers] = field(default_factory=list)

    def render(self) -> str:
        """Return a table of the medians over all rounds, and what became of the newcomers."""
        lines = [f"{'running sessions':<20}" + "".join(f"{name:>9}" for name in FIGURES)]
        for name, figures in (("alone", self.alone), ("beside newcomers", self.beside)):
            values = (median(one[figure] for one in figures) for figure in FIGURES)
            lines.append(f"{name:<20}" + "".join(f"{value:>9.2f}" for value in values))
        pairs = list(zip(self.alone, self.beside, strict=True))
        ratios = (median(b[figure] / a[figure] for a, b in pairs) for figure in FIGURES)
        lines.append(f"{'median ratio':<20}" + "".join(f"{ratio:>9.2f}" for ratio in ratios))
        finals = sum(one["finals"] for one in self.alone + self.beside)
        failures = sum(one["failures"] for one in self.alone + self.beside)
        lines.append(f"finals {finals:g}, failed sessions {failures:g}")
        refused = sum((one.refusals for one in self.newcomers), Counter[str]())
        told = ", ".join(f"{count} x {what}" for what, count in sorted(refused.items()))
        lines.append(
            f"newcomers: refused {told}; {sum(one.queued for one in self.newcomers)} queued, "
            f"{sum(one.served for one in self.newcomers)} served once a session was free; "
            f"{sum(one.admitted for one in self.newcomers)} admitted beyond the slots"
        )
        return "\n".join(lines)


def compare(port: int, options: argparse.Namespace, watched: psutil.Process) -> Rounds:
    """Run both in turns."""
    cores = list(range(psutil.cpu_count() or 1))
    others = cores[1:] or cores
    seen = Rounds()

    def streams() -> dict[str, float]:
        figures, _ = run_load(port, options.streams, options.seconds, cores=others, watched=watched)
        return figures

    async def both() -> tuple[dict[str, float], Newcomers]:
        return await asyncio.gather(
            asyncio.to_thread(streams),
            _come(f"ws://127.0.0.1:{port}/", options.streams, options.seconds),
        )

    for _ in range(options.rounds):
        seen.alone.append(streams())
        figures, newcomers = uvloop.run(both())
        seen.beside.append(figures)
        seen.newcomers.append(newcomers)
    return seen


def main() -> None:
    """Start recogniser and gateway, compare, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--streams", type=int, default=50, help="slots, all of them in use")
    parser.add_argument("--seconds", type=float, default=12.0, help="seconds of audio a stream")
    parser.add_argument("--rounds", type=int, default=3, help="how often both are run")
    options = parser.parse_args()
    if options.seconds <= SPREAD_SECONDS + 1:
        parser.error(f"--seconds must be more than {SPREAD_SECONDS + 1:g}")
    cores = list(range(psutil.cpu_count() or 1))
    port = free_port()
    with running(["-m", "bench.echo_asr"], {}) as asr:
        assert asr.stdout is not None  # noqa: S101 - a pipe was asked for
        grpc_port, http_port = asr.stdout.readline().split()
        environment = {
            "RIVA_HOST": "127.0.0.1",
            "RIVA_PORT": grpc_port,
            "RIVA_HTTP_PORT": http_port,
            "RIVA_ENDPOINT_STREAMS": str(options.streams),
            "APP_HOST": "127.0.0.1",
            "APP_PORT": str(port),
            "WS_MAX_CONNECTIONS": str(options.streams * 4),
            "WS_MAX_CONCURRENT_SESSIONS": str(options.streams * 4),
            # The load has one address.
            "WS_CLIENT_SHARE": "1",
            "WS_WAITING_ROOM": str(options.streams),
            "LOG_LEVEL": "ERROR",
        }
        with running(["-m", "app.gateway"], environment) as gateway:
            wait_for_port(port, gateway)
            pin(psutil.Process(gateway.pid), cores[:1])
            others = cores[1:] or cores
            pin(psutil.Process(asr.pid), others)
            pin(psutil.Process(), others)
            seen = compare(port, options, psutil.Process(gateway.pid))
    sys.stdout.write(seen.render() + "\n")


if __name__ == "__main__":
    main()
