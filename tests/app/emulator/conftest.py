"""The engine, loaded once a process; and emulators without an engine."""

import asyncio
from collections.abc import Iterator

import pytest

from app.emulator.engine.recogniser import WhisperRecogniser
from app.emulator.results import Hypothesis
from app.emulator.settings import EmulatorSettings
from tests.app.emulator.speech import FIXTURES, clips, hear


@pytest.fixture(scope="session")
def engine() -> Iterator[WhisperRecogniser]:
    recogniser = WhisperRecogniser(EmulatorSettings())
    asyncio.run(recogniser.load())
    yield recogniser
    asyncio.run(recogniser.aclose())


@pytest.fixture(scope="session")
def direct_finals(engine: WhisperRecogniser) -> dict[str, list[Hypothesis]]:
    """What the engine itself hears in every fixture. Takes about 15 s of CPU, once a process."""
    return {clip.id: asyncio.run(hear(engine, FIXTURES / clip.file)) for clip in clips()}
