"""The log's thread: whoever reads the log, or does not, holds nobody up.

A real process shows that a gateway goes on with a full pipe; the test is its collector.
"""

import asyncio
import io
import logging
import os
import threading
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from app.emulator import Emulator
from app.gateway.log_writer import LogWriter
from tests.app.gateway.running import DEADLINE_S, eventually, said, said_until, send
from tests.app.gateway.test_drain import process

FULL_DEVICE = Path("/dev/full")


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("test", logging.INFO, __file__, 1, text, (), None)


class Stuck(io.StringIO):
    """A reader that waits until the test lets it read."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        self.reached.set()
        self.go_on.wait(DEADLINE_S)
        return super().write(text)


def test_every_line_is_written_in_order_before_the_end() -> None:
    stream = io.StringIO()
    writer = LogWriter(stream)
    for number in range(1000):
        writer.emit(record(str(number)))
    writer.close()
    writer.close()
    assert stream.getvalue().splitlines() == [str(number) for number in range(1000)]


def test_a_reader_that_does_not_read_costs_lines_and_no_time() -> None:
    stream = Stuck()
    writer = LogWriter(stream, max_lines=3)
    writer.emit(record("first"))
    assert stream.reached.wait(DEADLINE_S)
    for number in range(10):
        writer.emit(record(str(number)))
    stream.go_on.set()
    writer.close()
    assert stream.getvalue().splitlines()[:4] == ["first", "0", "1", "2"]


def test_a_full_disk_ends_nothing() -> None:
    if not FULL_DEVICE.exists():
        pytest.skip("needs /dev/full")
    with FULL_DEVICE.open("w", encoding="utf-8") as full:
        writer = LogWriter(full)
        writer.emit(record("lost"))
        writer.emit(record("lost too"))
        writer.close()
        # What stands in the file object's own buffer goes nowhere either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


@pytest.mark.asyncio(loop_scope="module")
async def test_a_gateway_whose_log_nobody_reads_serves_and_drains(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with process(emulator, tmp_path, LOG_LEVEL="DEBUG", APP_DRAIN_GRACE_S="0") as (
        running,
        port,
    ):
        assert running.stdout is not None
        # Nothing takes from the pipe from here on, and more than it holds is logged.
        running.stdout._transport.pause_reading()  # type: ignore[attr-defined]
        url = f"ws://127.0.0.1:{port}/"
        for _ in range(80):
            async with connect(url) as socket, asyncio.timeout(DEADLINE_S):
                await said(socket)
                await send(socket, "start_transcription")
                await said_until(socket, "session_started")
                await send(socket, "stop_transcription")
                await said_until(socket, "session_stopped")
        running.terminate()
        # `wait` would wait for the pipe's end as well.
        await eventually(lambda: running.returncode is not None)
        running.stdout._transport.resume_reading()  # type: ignore[attr-defined]
    assert running.returncode == 0
