"""Every gateway test runs on the production event loop and may not leave a traceback in the log."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio
import structlog
import uvloop

from app.emulator import Emulator
from app.gateway.settings.gateway import LogFormat, LogLevel
from app.gateway.telemetry.logs import configure_logging
from tests.support.gateways.running import TWO_FINALS, Running, running_emulator, running_gateway


class Log:
    """What the program wrote."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def forget(self) -> None:
        """Drop what was written: for the test that expects a traceback."""
        self.stream.seek(0)
        self.stream.truncate()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


OTHERS: Final = (
    # The emulator runs in this process, too; what it logs when clients vanish is its own matter.
    "app/emulator/",
    # grpc.aio has one poller a process, which may still tell the loop of a test that has ended.
    "PollerCompletionQueue._handle_events",
)
"""In tracebacks that are none of the gateway's."""


@pytest.fixture(autouse=True)
def log() -> Iterator[Log]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    written = Log()
    configure_logging(LogLevel.DEBUG, LogFormat.JSON, (), written.stream)
    try:
        yield written
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
    raised = [line for line in written.lines if "Traceback" in line.get("exception", "")]
    assert not [line for line in raised if not any(one in line["exception"] for one in OTHERS)]


# One emulator and one gateway a module: starting and stopping them takes longer than most tests.


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_emulator() -> AsyncIterator[Emulator]:
    async with running_emulator() as running:
        yield running


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Emulator:
    shared_emulator.set_script(TWO_FINALS)
    return shared_emulator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(shared_emulator: Emulator) -> AsyncIterator[Running]:
    async with running_gateway(shared_emulator) as running:
        yield running


@pytest.fixture
def gateway(shared_gateway: Running, emulator: Emulator) -> Running:
    assert emulator.ready
    return shared_gateway
