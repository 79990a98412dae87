"""The log's thread: whoever reads the log, or does not, holds nobody up.

A real process shows that a gateway goes on with a full pipe; the test is its collector.
"""

import asyncio
import fcntl
import logging
import os
import threading
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from app.emulator import Emulator
from app.gateway.log_writer import LogWriter
from tests.app.gateway.running import DEADLINE_S, said, said_until, send
from tests.app.gateway.test_drain import process

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


@pytest.mark.asyncio(loop_scope="module")
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
