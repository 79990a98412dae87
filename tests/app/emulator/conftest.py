"""The engine, loaded once a process; and emulators without an engine."""

import asyncio
from collections.abc import Iterator

import pytest

from app.emulator.engine.recogniser import WhisperRecogniser
from app.emulator.settings import EmulatorSettings


@pytest.fixture(scope="session")
def engine() -> Iterator[WhisperRecogniser]:
    recogniser = WhisperRecogniser(EmulatorSettings())
    asyncio.run(recogniser.load())
    yield recogniser
    asyncio.run(recogniser.aclose())
