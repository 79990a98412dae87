"""The recordings and their transcripts, and the engine fed with them without any server."""

import asyncio
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from pydantic import BaseModel, ConfigDict, TypeAdapter

from app.emulator.recognition import AudioFormat, Hypothesis, Recogniser, StreamOptions

TESTS = Path(__file__).resolve().parents[2]
FIXTURES = TESTS / "fixtures"
GOLDEN = TESTS / "golden"


class FixtureClip(BaseModel):
    """An entry of the fixtures' manifest."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    file: str
    text: str
    tags: tuple[str, ...]
    sample_rate: int
    seconds: float
    sha256: str
    speech_spans: tuple[tuple[float, float], ...] = ()


class Golden(BaseModel):
    """What the engine heard in a fixture when its golden transcript was written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    reference: str
    finals: tuple[str, ...]

    @property
    def transcript(self) -> str:
        """All finals."""
        return " ".join(self.finals)


@cache
def clips() -> tuple[FixtureClip, ...]:
    """All fixtures, in the manifest's order."""
    manifest = (FIXTURES / "manifest.json").read_bytes()
    return TypeAdapter(tuple[FixtureClip, ...]).validate_json(manifest)


def few_clips() -> tuple[FixtureClip, ...]:
    """One of each kind of speech and all without any; slow tests take `clips`."""
    kinds = {"numbers", "mulaw", "48k", "endpoint"}
    some = {"clean_us_f", "accent_gb_f", "fast_us_f", "noise_pink_10dB"}
    return tuple(
        clip for clip in clips() if kinds & set(clip.tags) or clip.id in some or not clip.text
    )


def golden(clip_id: str) -> Golden:
    """The golden transcript of a fixture."""
    return Golden.model_validate_json((GOLDEN / f"{clip_id}.json").read_bytes())


def pcm(path: Path) -> tuple[npt.NDArray[np.int16], int]:
    """A mono recording's samples and their rate."""
    samples, rate = soundfile.read(path, dtype="int16")
    return samples, int(rate)


def options(rate: int, *, interim_results: bool = False) -> StreamOptions:
    """Options of a PCM stream with everything that finals can carry."""
    return StreamOptions(
        audio=AudioFormat(encoding="LINEAR_PCM", sample_rate=rate),
        interim_results=interim_results,
        word_time_offsets=True,
        automatic_punctuation=True,
    )


async def hear(
    recogniser: Recogniser, path: Path, *, chunk: float = 1.0, interim_results: bool = False
) -> list[Hypothesis]:
    """Everything that is heard in a recording, sent as fast as it is taken.

    Args:
        recogniser: Loaded.
        path: A mono recording.
        chunk: Seconds of audio in a chunk.
        interim_results: Whether results of open segments are wanted.
    """
    samples, rate = pcm(path)
    data, step = samples.astype("<i2").tobytes(), 2 * int(rate * chunk)
    session = recogniser.open(options(rate, interim_results=interim_results))

    async def write() -> None:
        for start in range(0, len(data), step):
            await session.write(data[start : start + step])
        await session.end()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write())
        return [heard async for heard in session.results()]
