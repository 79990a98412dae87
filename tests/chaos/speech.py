"""What is said in the scenarios: real recordings, cut to messages, and where speakers meet."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING

from tests.support.recognisers.speech import FIXTURES, clips, pcm

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CHUNK_S = 0.1
SAMPLE_BYTES = 2
PAUSE_S = 0.8
"""Between two fixtures: longer than what ends a segment."""
SHORT = ("fast_gb_m", "clean_us_f", "fast_us_f", "tel8k_us_f", "mic48k_us_m", "accent_gb_f")
"""5.5 to 9 s each, of three sample rates; in two of them a pause makes two finals."""
LONGER = ("fast_gb_m+clean_us_f", "clean_us_f+fast_us_f", "fast_us_f+fast_gb_m")
"""12 to 14 s each, at 16 kHz, which is all that old clients can send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Speech of a fixture.

    Attributes:
        name: The fixture's id.
        rate: Samples a second.
        data: PCM16 mono.
    """

    name: str
    rate: int
    data: bytes

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.data) / SAMPLE_BYTES / self.rate

    def until(self, seconds: float) -> Recording:
        """Its beginning."""
        return replace(self, data=self.data[: round(seconds * self.rate) * SAMPLE_BYTES])

    def silent_for(self, seconds: float, at: float) -> Recording:
        """The same with silence put in somewhere."""
        place = round(at * self.rate) * SAMPLE_BYTES
        silence = bytes(round(seconds * self.rate) * SAMPLE_BYTES)
        return replace(self, data=self.data[:place] + silence + self.data[place:])

    def before(self, other: Recording, pause: float) -> Recording:
        """This one, a pause, and another one of the same rate.

        Raises:
            ValueError: The rates differ.
        """
        if other.rate != self.rate:
            raise ValueError(f"rate is {other.rate}; accepted: {self.rate}, as of {self.name}")
        silence = bytes(round(pause * self.rate) * SAMPLE_BYTES)
        return replace(
            self, name=f"{self.name}+{other.name}", data=self.data + silence + other.data
        )


@cache
def recording(name: str) -> Recording:
    """A fixture by its id; or several of the same rate one after the other, ids joined by +."""
    first, plus, others = name.partition("+")
    if plus:
        return recording(first).before(recording(others), PAUSE_S)
    (clip,) = (clip for clip in clips() if clip.id == name)
    samples, rate = pcm(FIXTURES / clip.file)
    return Recording(name=name, rate=rate, data=samples.astype("<i2").tobytes())


def chorus(sessions: int, names: tuple[str, ...] = SHORT) -> list[Recording]:
    """So many recordings, each fixture in turn."""
    return [recording(names[number % len(names)]) for number in range(sessions)]


class Barrier:
    """Where speakers wait in the middle of their speech until all are there.

    Args:
        parties: How many.
    """

    def __init__(self, parties: int) -> None:
        self._missing = parties
        self._all_here = asyncio.Event()
        self._go_on = asyncio.Event()

    def party(self) -> Party:
        """A place for one party."""
        return Party(self)

    async def all_here(self) -> None:
        """Wait until every party is in its middle, or came to an end before it."""
        await self._all_here.wait()

    def end(self) -> None:
        """Let everybody go on."""
        self._go_on.set()

    def came(self) -> None:
        """One party more."""
        self._missing -= 1
        if self._missing <= 0:
            self._all_here.set()

    async def going_on(self) -> None:
        """Wait for leave to go on."""
        await self._go_on.wait()


class Party:
    """One party's place at a barrier."""

    def __init__(self, barrier: Barrier) -> None:
        self._meeting = barrier
        self._taken = False

    def take(self) -> None:
        """Be counted; further calls do nothing."""
        if not self._taken:
            self._taken = True
            self._meeting.came()

    async def wait(self) -> None:
        """Wait for the others, and for leave to go on."""
        self.take()
        await self._meeting.going_on()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How a recording is spoken.

    Attributes:
        speed: Times real time; 0 means as fast as it is taken.
        meet_at: Share of the recording after which the others are waited for.
    """

    speed: float = 0.0
    meet_at: float = 0.5


FAST = Pacing()
LIVE = Pacing(speed=1.0)


async def spoken(what: Recording, pacing: Pacing, party: Party | None) -> AsyncGenerator[bytes]:
    """The recording in messages, at the pace asked for, with the barrier in its middle."""
    step = round(what.rate * CHUNK_S) * SAMPLE_BYTES
    middle = int(len(what.data) * pacing.meet_at) // step * step
    begun, pause = monotonic(), 0.0
    for at in range(0, len(what.data), step):
        if at == middle and party is not None:
            waited_since = monotonic()
            await party.wait()
            pause += monotonic() - waited_since
        if pacing.speed:
            due = begun + pause + at / SAMPLE_BYTES / what.rate / pacing.speed
            if (wait := due - monotonic()) > 0:
                await asyncio.sleep(wait)
        yield what.data[at : at + step]
