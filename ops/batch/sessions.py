"""Sessions for recordings: begun one at a time where there is room, and given back to live ones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

from app.backoff import jittered
from ops.batch.slots import Slots, UnknownSlotsError
from ops.console.errors import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from ops.batch.slots import Readiness
    from ops.batch.transcript import Heard

_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 15.0
_LOOK_S: Final = 3.0
"""Between two looks at whether live sessions lack a slot."""
_LOOKS: Final = 2
"""In a row that must find so: a session that ends frees its slot a moment later."""


class PutBackError(Exception):
    """Live sessions came first: the recording is to be heard later, from its beginning."""


class NoSessionError(CommandFailedError):
    """No session was to be had for so long that nobody waits any more."""


@dataclass(slots=True, kw_only=True)
class Sessions:
    """The sessions of a run.

    Attributes:
        readiness: Says how many there may be.
        share: Of the slots, what is kept free for live sessions.
        patience_s: Without any session, until nobody waits any more.
        tells_slots: Whether the gateway says how many sessions it has free.
        look_s: Between two looks at whether live sessions lack a slot.
    """

    readiness: Readiness
    share: float
    patience_s: float
    tells_slots: bool = True
    look_s: float = _LOOK_S
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _running: dict[asyncio.Task[Heard], None] = field(default_factory=dict)
    _put_back: set[asyncio.Task[Heard]] = field(default_factory=set)
    _moved_at: float = field(default_factory=monotonic)

    @property
    def running(self) -> int:
        """Sessions now."""
        return len(self._running)

    async def find_out(self) -> None:
        """Ask once whether the gateway tells of its sessions."""
        try:
            await self.readiness.ask()
        except UnknownSlotsError:
            self.tells_slots = False

    async def run(
        self,
        hear: Callable[[Callable[[], None]], Coroutine[Any, Any, Heard]],
        on_started: Callable[[], None],
    ) -> Heard:
        """Wait for room, then have a recording heard.

        Args:
            hear: Hears it; is given what it calls once its session runs.
            on_started: Called then.

        Raises:
            PutBackError: Live sessions came first.
            NoSessionError: There was no room for too long.
            ClientError: As `hear` has it, like whatever else it raises.
        """
        async with self._turn:
            await self._room()
            started = asyncio.Event()
            hearing = asyncio.create_task(hear(started.set), name="hear a recording")
            self._running[hearing] = None
            hearing.add_done_callback(lambda _: started.set())
            try:
                # Whoever asks next is told of this session too.
                await started.wait()
            except asyncio.CancelledError:
                await self._end(hearing)
                raise
        on_started()
        try:
            await asyncio.wait((hearing,))
        finally:
            await self._end(hearing)
        if hearing in self._put_back:
            self._put_back.discard(hearing)
            if hearing.cancelled():
                raise PutBackError
        heard = hearing.result()
        self._moved_at = monotonic()
        return heard

    async def _end(self, hearing: asyncio.Task[Heard]) -> None:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        self._running.pop(hearing, None)

    async def back_off(self, attempt: int, reason: str, retry_after: float | None = None) -> None:
        """Wait before another try.

        Args:
            attempt: Counts from 0.
            reason: Why the last one failed, in words.
            retry_after: Seconds that the gateway asked for; the drawn ones come on top.

        Raises:
            NoSessionError: There was no session for too long.
        """
        without_s = monotonic() - self._moved_at
        if not self._running and without_s > self.patience_s:
            raise NoSessionError(
                f"no session for {self.patience_s:g} s, which --patience sets: {reason}"
            )
        wait = jittered(attempt, first_s=_FIRST_WAIT_S, longest_s=_LONGEST_WAIT_S)
        await asyncio.sleep(wait + (retry_after or 0.0))

    async def _room(self) -> None:
        attempt = 0
        while self.tells_slots:
            slots = await self._ask()
            if slots is not None and slots.has_room(self.share):
                return
            await self.back_off(attempt, _lacking(slots, self.share))
            attempt += 1

    async def _ask(self) -> Slots | None:
        try:
            return await self.readiness.ask()
        except UnknownSlotsError:
            # Another gateway behind the same name, or a token that lost a scope.
            return None

    async def watch(self) -> None:
        """For ever, put the youngest recording back while live sessions find no slot."""
        found = 0
        while True:
            await asyncio.sleep(self.look_s)
            if not (self.tells_slots and self.share and self._running):
                continue
            slots = await self._ask()
            found = found + 1 if slots is not None and slots.lacks(self.share) else 0
            if found >= _LOOKS and self._running:
                youngest = next(reversed(self._running))
                self._put_back.add(youngest)
                youngest.cancel()


def _lacking(slots: Slots | None, share: float) -> str:
    if slots is None:
        return "the gateway does not say that it has any"
    if slots.draining:
        return "the gateway is draining"
    kept = slots.kept(share)
    if slots.slots <= kept:
        return (
            f"the gateway has {slots.slots} and {kept} are kept free for live sessions; "
            "--leave 0 uses all of them"
        )
    if slots.waiting:
        return f"{slots.waiting} clients wait in the gateway's waiting room"
    return (
        f"the gateway has {slots.free_sessions} of {slots.slots} free, and {kept} are kept free "
        "for live sessions"
    )
