"""Real-time streams against one WebSocket server, and what each answer took."""

import argparse
import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from time import perf_counter  # the loop's own clock is cached, to a millisecond

import uvloop
import websockets

CHUNK_SECONDS = 0.1
CHUNK = bytes(int(16000 * CHUNK_SECONDS) * 2)
OPEN_TIMEOUT_SECONDS = 30.0
FINISH_TIMEOUT_SECONDS = 30.0
SHOWN_FAILURES = 3


@dataclass(slots=True)
class Result:
    """What one run saw; latencies are seconds from sending a chunk to the interim it caused."""

    latencies: list[float] = field(default_factory=list)
    finals: int = 0
    failures: list[str] = field(default_factory=list)


async def _read(socket: websockets.ClientConnection, sent: list[float], result: Result) -> None:
    interims = 0
    async for text in socket:
        kind = json.loads(text)["type"]
        if kind == "partial":
            result.latencies.append(perf_counter() - sent[interims])
            interims += 1
        elif kind == "transcription":
            result.finals += 1
        elif kind == "session_stopped":
            return


async def _stream(url: str, chunks: int, offset: float, result: Result) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(offset)
    async with websockets.connect(
        url, compression=None, open_timeout=OPEN_TIMEOUT_SECONDS, max_queue=None
    ) as socket:
        await socket.recv()
        await socket.send(json.dumps({"type": "start_transcription", "enable_partials": True}))
        await socket.recv()
        sent: list[float] = []
        reader = asyncio.create_task(_read(socket, sent, result))
        try:
            started = loop.time()
            for number in range(chunks):
                await asyncio.sleep(max(0.0, started + number * CHUNK_SECONDS - loop.time()))
                sent.append(perf_counter())
                await socket.send(CHUNK)
            await socket.send(json.dumps({"type": "stop_transcription"}))
            await asyncio.wait_for(reader, FINISH_TIMEOUT_SECONDS)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)


async def _guarded(url: str, chunks: int, offset: float, result: Result) -> None:
    try:
        await _stream(url, chunks, offset, result)
    except (OSError, TimeoutError, websockets.WebSocketException) as error:
        result.failures.append(f"{type(error).__name__}: {error}")


async def run(url: str, streams: int, seconds: float) -> Result:
    """Run `streams` real-time streams of `seconds` seconds, started over two seconds."""
    result = Result()
    chunks = int(seconds / CHUNK_SECONDS)
    async with asyncio.TaskGroup() as group:
        for number in range(streams):
            group.create_task(_guarded(url, chunks, 2.0 * number / streams, result))
    return result


def percentile_ms(ordered: list[float], share: float) -> float:
    """Return the latency that a share of them, in order, stays below; NaN where there is none."""
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


def main() -> None:
    """Run as a process of its own, so that the load's CPU is not the subject's."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.epilog = "Set by BENCH_URL, BENCH_STREAMS and BENCH_SECONDS; `python -m bench` runs it."
    parser.parse_args()
    result = uvloop.run(
        run(
            os.environ["BENCH_URL"],
            int(os.environ["BENCH_STREAMS"]),
            float(os.environ["BENCH_SECONDS"]),
        )
    )
    for failure in result.failures[:SHOWN_FAILURES]:
        print(f"bench: a stream failed: {failure}", file=sys.stderr)  # noqa: T201 - for whoever runs it
    latencies = sorted(result.latencies)
    # A few numbers and not all latencies: an unbuffered standard output may lose part of what a
    # pipe does not hold.
    print(  # noqa: T201 - the parent reads it
        json.dumps(
            {
                "p50_ms": percentile_ms(latencies, 0.50),
                "p95_ms": percentile_ms(latencies, 0.95),
                "p99_ms": percentile_ms(latencies, 0.99),
                "finals": result.finals,
                "failures": len(result.failures),
            }
        )
    )


if __name__ == "__main__":
    main()
