"""What runs beside the connections goes on after a fault of its own.

The faults are put in by hand: none is known.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.asr import Readiness
from app.gateway.readiness import ReadinessProbe
from app.gateway.server import app
from tests.app.gateway.conftest import Log
from tests.support.gateways.running import DEADLINE_S, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Fragile:
    """A recogniser whose client has a fault."""

    def __init__(self) -> None:
        self.questions = 0

    async def ready(self, _: str) -> Readiness:
        self.questions += 1
        if self.questions == 1:
            raise AttributeError("slots")
        return Readiness(ready=True, reason=None, models=())


@asynccontextmanager
async def asking(probe: ReadinessProbe) -> AsyncIterator[None]:
    task = asyncio.create_task(probe.run())
    try:
        yield
    finally:
        task.cancel()


async def test_a_question_that_fails_is_a_no_and_the_next_one_is_asked(log: Log) -> None:
    probe = ReadinessProbe(Fragile(), 0.01)
    await probe.refresh()
    assert probe.unready_reason == "the recogniser could not be asked"
    assert "AttributeError" in log.text
    log.forget()
    async with asking(probe), asyncio.timeout(DEADLINE_S):
        await eventually(lambda: probe.unready_reason is None)


async def test_a_background_task_that_fails_runs_again(
    monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setattr(app, "_REVIVAL_S", 0.0)
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise RuntimeError("a fault")

    await app._keep_up(run)
    assert runs == 3
    assert log.text.count("background task failed") == 2
    log.forget()
