"""Bounds uploads, apart from live sessions, and queues those that have arrived.

An upload has a slot from its first byte to its answer, and space on disk for what has arrived. Only
when all of it has arrived it takes a session, so that a slow one holds none. Uploads wait for that
in the order of arrival, those of each group of recognisers by themselves; one that only its own
client's limit holds back lets others pass.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Final

from app.asr import DEFAULT_GROUP
from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Visitor
from app.gateway.admission.rate import TokenBucket
from app.gateway.admission.slots import Admission
from app.gateway.admission.waiting_room import Ticket
from app.gateway.identity.identity import NO_LIMITS, ClientLimits
from app.gateway.telemetry.metrics import GatewayMetrics
from app.gateway.telemetry.uploads import UploadCounts
from app.gateway.uploads.allowance import Allowance

_RECOUNT_S: Final = 0.25
"""Between two attempts to get a session, while an upload waits."""

_STEP_S: Final = 60
"""Step in which a recording longer than announced takes more of the audio budget."""

_BURST_S: Final = 0.5
"""For so long recordings may be faster than in the long run."""

_OTHERS_PASS: Final = frozenset(
    {ErrorCode.TOO_MANY_CLIENT_UPLOADS, ErrorCode.TOO_MANY_CLIENT_SESSIONS}
)
_ALL_WAIT: Final = frozenset({ErrorCode.TOO_MANY_UPLOADS, ErrorCode.TOO_MANY_SESSIONS})


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRules:
    """Limits over all uploads; one client may have a share of each, and one upload at least.

    Attributes:
        places: Uploads at once, from the first byte to the answer.
        spool_bytes: What lies on disk.
        audio_s: Seconds of audio in the recordings that are being recognised.
        client_share: Of each of these, above 0, to 1.
        largest_bytes: One upload.
        longest_s: One recording, in seconds.
        wait_s: Seconds an upload that has arrived waits for a session.
        at_once: Files the recognition takes at once: more sessions would only be held.
        speed: How much faster than real time all recordings together are heard; 0 for no limit.
    """

    places: int
    spool_bytes: int
    audio_s: float
    client_share: float
    largest_bytes: int
    longest_s: float
    wait_s: float
    at_once: int
    speed: float = 0.0

    def of_client(self, total: float, single: float) -> int:
        """Return one client's share of a total, at least what a single upload may need."""
        return int(max(total * self.client_share, ceil(single)))


@dataclass(slots=True, eq=False)
class UploadSlot:
    """One upload's slot, from its first byte to its answer.

    Attributes:
        client: Whose it is.
        limits: The client's own.
        held: Bytes reserved on disk.
    """

    client: bytes
    _spool: Allowance
    limits: ClientLimits = NO_LIMITS
    held: int = 0

    def hold(self, size: int) -> None:
        """Reserve space on disk for so many bytes in all.

        Raises:
            ContractError: `too_many_client_uploads` or `too_many_uploads`; it holds what it held.
        """
        if size > self.held:
            self._spool.take(self.client, size - self.held)
        else:
            self._spool.give(self.client, self.held - size)
        self.held = size


@dataclass(slots=True, eq=False)
class QueuedUpload:
    """An upload in the queue; in the end it has a ticket for a session, or is refused.

    Attributes:
        client: Whose it is.
        group: The group of recognisers it is for.
        seconds: Length of the recording, rounded up, as far as it is known.
        limits: The client's own.
        reason: Why it has no session, as things were when that was last looked at.
        ticket: The session.
        is_refused: Whether there is nothing to wait for.
        settled: Set once either is so.
    """

    client: bytes
    group: str
    seconds: int
    limits: ClientLimits = NO_LIMITS
    reason: ContractError | None = None
    ticket: Ticket | None = None
    is_refused: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class UploadQueue:
    """All uploads of a gateway.

    Args:
        rules: What they may have.
        admission: Where sessions come from.
        metrics: Where the counts are shown.
        clock: Seconds that only go up.
    """

    def __init__(
        self,
        rules: UploadRules,
        admission: Admission,
        metrics: GatewayMetrics,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._rules = rules
        self._admission = admission
        self._metrics = metrics
        self._clock = clock
        self._places = Allowance(
            "{} at once", total=rules.places, client=rules.of_client(rules.places, 1)
        )
        self._spool = Allowance(
            "{} bytes on disk",
            total=rules.spool_bytes,
            client=rules.of_client(rules.spool_bytes, rules.largest_bytes),
        )
        self._audio = Allowance(
            "{} s of audio being recognised",
            total=int(rules.audio_s),
            client=rules.of_client(rules.audio_s, rules.longest_s),
        )
        self._pace = (
            TokenBucket(rules.speed, rules.speed * _BURST_S, clock) if rules.speed else None
        )
        self._line: list[QueuedUpload] = []
        self._running: Counter[tuple[str, bytes]] = Counter()
        metrics.uploads_held.watch(self.counts)

    def counts(self) -> UploadCounts:
        """Return what uploads hold now."""
        return UploadCounts(
            active=self._places.used,
            waiting=len(self._line),
            spool_bytes=self._spool.used,
            audio_s=self._audio.used,
        )

    @contextmanager
    def slot(self, visitor: Visitor, group: str | None = DEFAULT_GROUP) -> Iterator[UploadSlot]:
        """Hold a slot for the length of a `with` block.

        Refuse clients that would get no session of the group anyway; of None of them, where the
        form says which it is for, those that would get none of any.

        Raises:
            ContractError: `too_many_uploads`, `too_many_client_uploads`, or what
                `Admission.check_upload` says.
        """
        with self._counting_refusals():
            self._admission.check_upload(visitor, group)
            self._places.take(visitor.client, 1)
        slot = UploadSlot(visitor.client, self._spool, visitor.limits)
        try:
            yield slot
        finally:
            slot.hold(0)
            self._places.give(visitor.client, 1)

    def check(self, visitor: Visitor, group: str) -> None:
        """Refuse an upload that has arrived, and would get no session of the group anyway.

        Raises:
            ContractError: What `Admission.check_upload` says.
        """
        with self._counting_refusals():
            self._admission.check_upload(visitor, group)

    @asynccontextmanager
    async def turn(
        self, slot: UploadSlot, seconds: float, group: str = DEFAULT_GROUP
    ) -> AsyncIterator[QueuedUpload]:
        """Hold a session for a recording of so many seconds, for the length of a `with` block.

        Raises:
            ContractError: Why there was none in time.
        """
        mine = self.queue(slot.client, seconds, group, slot.limits)
        try:
            with self._counting_refusals():
                await self._settle(mine)
            yield mine
        finally:
            self.leave(mine)

    def queue(
        self,
        client: bytes,
        seconds: float,
        group: str = DEFAULT_GROUP,
        limits: ClientLimits = NO_LIMITS,
    ) -> QueuedUpload:
        """Append an upload to the queue, until `leave`."""
        mine = QueuedUpload(client, group, ceil(seconds), limits)
        self._line.append(mine)
        self.serve()
        return mine

    def serve(self) -> None:
        """Give sessions to queued uploads, in order."""
        # By group: whoever waits for another group's recognisers waits for other slots.
        held_up: dict[str, ContractError] = {}
        for turn in tuple(self._line):
            if turn.group in held_up:
                turn.reason = held_up[turn.group]
                continue
            try:
                turn.ticket = self._draw(turn)
            except ContractError as error:
                turn.reason = error
                if error.code in _ALL_WAIT:
                    held_up[turn.group] = error
                if error.code in _ALL_WAIT | _OTHERS_PASS:
                    continue
                turn.is_refused = True
            self._line.remove(turn)
            turn.settled.set()

    def hold(self, turn: QueuedUpload, seconds: float) -> None:
        """Take more of the audio budget for a recording that is longer than announced.

        Raises:
            ContractError: `too_many_client_uploads` or `too_many_uploads`.
        """
        if seconds > turn.seconds:
            more = ceil(seconds) - turn.seconds + _STEP_S
            self._audio.take(turn.client, more)
            turn.seconds += more

    async def keep_pace(self, seconds: float) -> None:
        """Count seconds of audio and wait as long as the speed limit asks for.

        Live sessions shall not notice how fast files are decoded and sent.
        """
        if self._pace is not None and (wait := self._pace.spend(seconds)) > 0:
            await asyncio.sleep(wait)

    def leave(self, turn: QueuedUpload) -> None:
        """Leave the queue, or give the session back."""
        if turn.ticket is not None:
            mine = (turn.group, turn.client)
            self._running[mine] -= 1
            if not self._running[mine]:
                del self._running[mine]
            self._audio.give(turn.client, turn.seconds)
            turn.ticket.give_back()
        elif not turn.is_refused:
            self._line.remove(turn)
        self.serve()

    async def _settle(self, turn: QueuedUpload) -> None:
        deadline = self._clock() + self._rules.wait_s
        while turn.ticket is None:
            left = deadline - self._clock()
            if turn.reason is not None and (turn.is_refused or left <= 0):
                raise turn.reason
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_RECOUNT_S, left)):
                    await turn.settled.wait()
            self.serve()

    def _draw(self, turn: QueuedUpload) -> Ticket:
        self._admission.check_open()
        group, mine = turn.group, (turn.group, turn.client)
        limit = min(self._admission.upload_slots(group), self._rules.at_once)
        own = self._rules.of_client(limit, 1)
        if self._running[mine] >= own < limit:
            raise ContractError(ErrorCode.TOO_MANY_CLIENT_UPLOADS, limit=f"{own} sessions")
        if sum(count for (one, _), count in self._running.items() if one == group) >= limit:
            raise ContractError(ErrorCode.TOO_MANY_UPLOADS, limit=f"{limit} sessions")
        self._audio.take(turn.client, turn.seconds)
        try:
            ticket = self._admission.upload(turn.client, group, turn.limits)
        except ContractError:
            self._audio.give(turn.client, turn.seconds)
            raise
        self._running[mine] += 1
        return ticket

    @contextmanager
    def _counting_refusals(self) -> Iterator[None]:
        try:
            yield
        except ContractError as error:
            self._metrics.admission_refused.labels("upload", error.code.value).inc()
            raise
