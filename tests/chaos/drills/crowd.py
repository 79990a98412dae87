"""People who speak through the gateway all the time, half of whom are cut off now and then."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from tests.chaos.clients import Heard, resuming
from tests.chaos.drills.estate import is_cut
from tests.chaos.speech import LONGER, Pacing, recording
from tests.chaos.word_difference import Difference, compare
from tests.support.processes import POLL_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.chaos.drills.estate import Estate
    from tests.support.processes import Place

UNHURRIED: Final = Pacing(speed=0.25)
"""Times real time: slow enough for two cores that recognise twenty people."""
SESSION_S: Final = 600.0
"""How long one session may take; it speaks for 56 seconds at that pace."""
BACK_S: Final = 120.0
"""How long who is cut off may take to be back."""


class Places(Protocol):
    """Where people speak."""

    def place(self, number: int) -> Place:
        """Return where one of them connects, and with what."""


@dataclass(slots=True)
class Crowd:
    """What was said and heard.

    Attributes:
        whole: Recording's name -> what is heard of it undisturbed.
        heard: Of every session that is over, by speaker.
        live: Of the sessions that run, by speaker.
    """

    whole: dict[str, Heard]
    heard: list[tuple[int, Heard]] = field(default_factory=list)
    live: dict[int, Heard] = field(default_factory=dict)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def speak(self, place: Callable[[int], Place], number: int) -> None:
        """Be one of them: session after session until the drill is over."""
        turn = number
        while not self._over.is_set():
            heard = Heard(
                client="resuming", what=recording(LONGER[turn % len(LONGER)]), interims=False
            )
            self.live[number] = heard
            await session(place(number), heard)
            del self.live[number]
            self.heard.append((number, heard))
            turn += 1

    async def all_speaking(self, speakers: int) -> None:
        """Wait until everybody has a session that has begun."""
        async with asyncio.timeout(BACK_S):
            while sum(heard.begun for heard in self.live.values()) < speakers:  # noqa: ASYNC110
                await asyncio.sleep(POLL_S)

    async def cut_off(self, estate: Estate) -> None:
        """Break the connections of half of them, and wait until all are back.

        Raises:
            TimeoutError: Some were not.
        """
        before = {
            number: (heard, heard.resumed)
            for number, heard in self.live.items()
            if is_cut(number) and heard.begun
        }
        await estate.proxy.disable()
        await estate.proxy.enable()

        def away() -> list[int]:
            return [
                number
                for number, (heard, resumed) in before.items()
                if self.live.get(number) is heard and heard.resumed == resumed
            ]

        async with asyncio.timeout(BACK_S):
            while away():  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(POLL_S)

    def leave(self) -> None:
        """Begin no further sessions; those under way are spoken to their end."""
        self._over.set()

    def total(self) -> Difference:
        """Of all sessions."""
        differences = (compare(self.whole[one.what.name].text, one.text) for _, one in self.heard)
        return sum(differences, start=Difference())

    @property
    def words(self) -> int:
        """How many were heard."""
        return sum(len(one.words) for _, one in self.heard)

    @property
    def came_back(self) -> int:
        """How often a session went on over another connection."""
        return sum(one.resumed for _, one in self.heard)

    def dropped(self) -> list[str]:
        """The sessions that hung or ended with an error, as sentences."""
        return [
            f"the session of speaker {number} ({one.what.name}) "
            + ("hung" if one.hung else f"ended with {one.error}")
            for number, one in self.heard
            if one.hung or one.error is not None
        ]

    def disturbed(self) -> list[str]:
        """Connections that nobody cut and that ended all the same, as sentences."""
        return [
            f"the connection of speaker {number} was lost"
            for number, one in self.heard
            if one.resumed and not is_cut(number)
        ]

    def different(self) -> list[str]:
        """The sessions with other words than undisturbed, as sentences."""
        return [
            f"speaker {number} got {one.text!r}, not {self.whole[one.what.name].text!r}"
            for number, one in self.heard
            if compare(self.whole[one.what.name].text, one.text) != Difference()
        ]


async def session(place: Place, heard: Heard) -> None:
    """Speak once."""
    try:
        async with asyncio.timeout(SESSION_S):
            await resuming(place, heard, UNHURRIED, None)
    except TimeoutError:
        heard.hung = True


async def undisturbed(estate: Places) -> dict[str, Heard]:
    """What is heard of every recording where nothing happens.

    Raises:
        ValueError: Of one of them nothing.
    """
    whole = {
        name: Heard(client="resuming", what=recording(name), interims=False) for name in LONGER
    }
    places = (estate.place(number) for number in range(len(whole)))
    await asyncio.gather(*map(session, places, whole.values()))
    for name, heard in whole.items():
        if heard.error is not None or heard.hung or not heard.text:
            raise ValueError(f"{name} undisturbed ends with {heard.error} and {heard.text!r}")
    return whole


@asynccontextmanager
async def speaking(estate: Places, whole: dict[str, Heard], speakers: int) -> AsyncIterator[Crowd]:
    """Let people speak while the block runs; when it is left, every session has ended."""
    crowd = Crowd(whole)
    async with asyncio.TaskGroup() as tasks:
        for number in range(speakers):
            tasks.create_task(crowd.speak(estate.place, number))
        try:
            await crowd.all_speaking(speakers)
            yield crowd
        finally:
            crowd.leave()
