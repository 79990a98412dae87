"""People who speak through the stack's one address while it is released, and what they heard.

Each is a client of ours that resumes, speaking in real time; when a session is over, the next one
begins, until the act has ended.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

from tests.chaos.clients import Heard, resuming
from tests.chaos.speech import LIVE, LONGER, recording
from tests.chaos.word_difference import Difference, compare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.chaos.speech import Recording
    from tests.support.processes import Place

SPEAKERS: Final = 3
SESSION_S: Final = 120.0
"""How long one session may take; it speaks for 14 seconds."""
LATE_S: Final = 2.0
"""A client that waits for its next result so much longer than undisturbed has noticed something."""
KNOCK_S: Final = 1.0
"""Between two tries to begin a session, as the stack's Retry-After asks for."""


@dataclass(slots=True)
class Audience:
    """What was said and heard.

    Attributes:
        whole: Recording's name -> what is heard of it undisturbed.
        heard: Of every session of the act.
        turned_away: How often a session was refused before it began, and begun again.
    """

    whole: dict[str, Heard]
    heard: list[Heard] = field(default_factory=list)
    _begun: list[float] = field(default_factory=list)
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    turned_away: int = 0

    @property
    def sessions(self) -> int:
        """How many there were."""
        return len(self.heard)

    def differences(self) -> list[Difference]:
        """A session at a time."""
        return [compare(self.whole[one.what.name].text, one.text) for one in self.heard]

    def total(self) -> Difference:
        """Of all sessions."""
        return sum(self.differences(), start=Difference())

    def affected(self) -> int:
        """How many were broken, warned, got other words, or waited longer than undisturbed."""
        return sum(map(self._noticed, self.heard, self._begun, self.differences()))

    def _noticed(self, one: Heard, begun: float, difference: Difference) -> bool:
        usual = self.whole[one.what.name]
        waited = one.longest_gap(begun) - usual.longest_gap(usual.results_at[0])
        broken = one.hung or one.error is not None
        return bool(broken or one.signs() or difference != Difference() or waited > LATE_S)

    def unfinished(self) -> list[str]:
        """The sessions that hung or ended with an error, as sentences."""
        return [
            f"a session ({one.what.name}) " + ("hung" if one.hung else f"ended with {one.error}")
            for one in self.heard
            if one.hung or one.error is not None
        ]

    async def speak(self, entrance: Place, first: int) -> None:
        """Be one of them: session after session until the act is over."""
        turn = first
        while not self._over.is_set():
            begun = monotonic()
            heard = await session(entrance, recording(LONGER[turn % len(LONGER)]))
            if heard.turned_away:
                # Nothing was said, and one knocks again. On its way back to a session that runs,
                # the client tries again by itself.
                self.turned_away += 1
                await asyncio.sleep(KNOCK_S)
                continue
            self.heard.append(heard)
            self._begun.append(heard.results_at[0] if heard.results_at else begun)
            turn += 1

    def leave(self) -> None:
        """Begin no further sessions; those under way are spoken to their end."""
        self._over.set()


async def session(entrance: Place, what: Recording) -> Heard:
    """Speak once."""
    heard = Heard(client="perch", what=what)
    try:
        async with asyncio.timeout(SESSION_S):
            await resuming(entrance, heard, LIVE, None)
    except TimeoutError:
        heard.hung = True
    return heard


async def undisturbed(entrance: Place) -> dict[str, Heard]:
    """What is heard of every recording where nothing happens.

    Raises:
        ValueError: Of one of them nothing.
    """
    whole = {name: await session(entrance, recording(name)) for name in LONGER}
    for name, heard in whole.items():
        if heard.error is not None or not heard.text:
            raise ValueError(f"{name} undisturbed ends with {heard.error} and {heard.text!r}")
    return whole


@asynccontextmanager
async def speaking(entrance: Place, whole: dict[str, Heard]) -> AsyncIterator[Audience]:
    """Let people speak while the block runs; when it is left, every session has ended."""
    audience = Audience(whole)
    async with asyncio.TaskGroup() as tasks:
        for number in range(SPEAKERS):
            tasks.create_task(audience.speak(entrance, number))
        try:
            yield audience
        finally:
            audience.leave()
