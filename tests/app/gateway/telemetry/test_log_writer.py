"""The log's thread: whoever reads the log, or does not, holds nobody up.

A real process shows that a gateway goes on with a full pipe; the test is its collector.
"""

import asyncio
import errno
import fcntl
import logging
import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from app.emulator import Emulator
from app.gateway.telemetry.log_writer import LogWriter
from tests.support.gateways.child_process import process
from tests.support.gateways.running import DEADLINE_S, said, said_until, send

FULL_DEVICE = Path("/dev/full")


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 1, text, (), None)


def test_every_line_is_written_in_order_before_the_end(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("wb") as log:
        writer = LogWriter(log.fileno())
        for number in range(1000):
            writer.emit(record(str(number)))
        writer.close()
        writer.close()
    assert file.read_text().splitlines() == [str(number) for number in range(1000)]


def test_a_reader_that_does_not_read_costs_lines_and_no_time() -> None:
    reader, end = os.pipe()
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
    writer = LogWriter(end, max_lines=3)
    first, *others = (f"{number} " + "x" * 5000 for number in range(20))
    for line in (first, *others):
        writer.emit(record(line))
    with os.fdopen(reader) as pipe:
        assert pipe.readline().strip() == first
        kept = threading.Thread(target=pipe.read)
        kept.start()
        writer.close()
        os.close(end)
        kept.join()


def test_a_full_disk_ends_nothing() -> None:
    if not FULL_DEVICE.exists():
        pytest.skip("needs /dev/full")
    with FULL_DEVICE.open("wb") as full:
        writer = LogWriter(full.fileno())
        writer.emit(record("lost"))
        writer.emit(record("lost too"))
        writer.close()


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LogWriter, queue.Queue[str]]]:
    """The log of this process, on a disk that is full for as long as lines say so."""
    tried: queue.Queue[str] = queue.Queue()

    def write(_descriptor: int, data: bytes) -> int:
        tried.put(data.decode().strip())
        if b"full" in data or b"dropped" in data:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)

    monkeypatch.setattr("app.gateway.telemetry.log_writer.os.write", write)
    writer = LogWriter(1)
    logging.getLogger().addHandler(writer)
    yield writer, tried
    logging.getLogger().removeHandler(writer)
    writer.close()


def test_a_line_that_cannot_be_written_leads_to_no_further_ones(
    unwritable: tuple[LogWriter, queue.Queue[str]],
) -> None:
    writer, tried = unwritable
    for number in range(20):
        writer.emit(record(f"full {number}"))
        assert tried.get(timeout=DEADLINE_S) == f"full {number}"


def test_what_was_dropped_is_told_at_the_latest_at_the_end_and_holds_nobody_up() -> None:
    reader, end = os.pipe()
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
    writer = LogWriter(end, max_lines=3)
    said = 20
    with os.fdopen(reader) as pipe:
        for number in range(said):
            writer.emit(record(f"{number} " + "x" * 5000))
        lines: list[str] = []
        kept = threading.Thread(target=lambda: lines.extend(pipe))
        kept.start()
        # As `logging.shutdown` does at the end of a process.
        with writer.lock or threading.RLock():
            writer.close()
        os.close(end)
        kept.join()
    told = lines.pop()
    assert told.strip() == f"log lines dropped: {said - len(lines)}"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.slow
async def test_a_gateway_whose_log_nobody_reads_serves_and_drains(
    emulator: Emulator, tmp_path: Path
) -> None:
    reader, end = os.pipe()
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
    try:
        async with process(emulator, tmp_path, stdout=end, APP_DRAIN_GRACE_S="0") as (
            running,
            port,
        ):
            # More is logged than the pipe holds, and nobody takes from it.
            for _ in range(30):
                async with connect(f"ws://127.0.0.1:{port}/") as socket:
                    await said(socket)
                    await send(socket, "start_transcription")
                    await said_until(socket, "session_started")
                    await send(socket, "stop_transcription")
                    await said_until(socket, "session_stopped")
            running.terminate()
            async with asyncio.timeout(DEADLINE_S):
                await running.wait()
    finally:
        os.close(reader)
        os.close(end)
    assert running.returncode == 0
