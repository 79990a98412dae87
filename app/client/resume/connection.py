"""A connection that is replaced when it breaks, while its session goes on and no word is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Final, Self, TypeVar

from ...contract.dialect_a import Connection as Hello
from ...contract.dialect_a import Metrics, SessionStarted, SessionStopped, StartTranscription
from ...contract.fields import Finalized
from ..connection import MAX_UNREAD_EVENTS, Address, Connection
from ..deadlines import Deadlines
from ..errors import ClientError, ConnectionLostError, DeadlineError
from ..event_queue import EventQueue, iterate
from ..events import Event, Reconnected
from .policy import ReconnectRules, may_resume
from .reconnector import Reconnector
from .session import PIECE_BYTES, ResumableSession

Result = TypeVar("Result")

DEFAULT_KEEP_S: Final = 120.0
"""Seconds of audio buffered at most: a gateway's default lifetime of resume tokens."""


class ResumableConnection:
    """A connection to a gateway that outlives its WebSocket. Made by `connect`.

    Where the gateway offers it, audio is buffered until it is in a final received here. When the
    WebSocket breaks, or the gateway announces that it goes away, another one is opened and the
    session is resumed there: `events` has every final once, with `Reconnected` between, and `send`,
    `finalize` and `finish` just take longer. Where that fails, `lost` of the error says which audio
    is in no final.

    One task may send while another reads events; neither is used by two tasks at once.

    Args:
        reconnector: With an open connection.
        deadlines: How long to wait for what.
        keep_s: Seconds of audio to buffer at most.
    """

    def __init__(self, reconnector: Reconnector, deadlines: Deadlines, *, keep_s: float) -> None:
        self._reconnector = reconnector
        self._deadlines = deadlines
        self._keep_s = keep_s
        self._queue = EventQueue(MAX_UNREAD_EVENTS)
        self._task: asyncio.Task[None] | None = None
        self._closed: ConnectionLostError | None = None

    @classmethod
    async def at(
        cls,
        address: Address,
        deadlines: Deadlines,
        *,
        keep_s: float = DEFAULT_KEEP_S,
        rules: ReconnectRules | None = None,
    ) -> Self:
        """Connect. The caller must call `aclose`; `connect` is the same as a context manager.

        Args:
            address: Where.
            deadlines: How long to wait for what.
            keep_s: Seconds of audio to buffer at most; at the limit `send` waits.
            rules: How a broken connection is replaced.
        """
        if not keep_s > 0:
            raise ValueError(f"keep_s is {keep_s}; accepted: a number of seconds greater than 0")
        reconnector = Reconnector(address, deadlines, rules or ReconnectRules())
        await reconnector.open()
        return cls(reconnector, deadlines, keep_s=keep_s)

    @property
    def hello(self) -> Hello:
        """The present gateway's hello: limits, formats, its id for the connection."""
        return self._reconnector.link.hello

    @property
    def reconnects(self) -> tuple[Reconnected, ...]:
        """Every break that was mended, in order."""
        return tuple(self._reconnector.reconnects)

    @property
    def _running(self) -> ResumableSession | None:
        """The latest session that was started, over or not."""
        return None if self._task is None else self._reconnector.session

    @property
    def _session(self) -> ResumableSession | None:
        return self._reconnector.session

    @property
    def backlog_s(self) -> float | None:
        """Seconds of audio given to `send` that had not arrived at the last heartbeat.

        None before the first heartbeat. It grows through a break, and while the network is slow.
        """
        return None if self._session is None else self._session.backlog_s

    @property
    def realtime_factor(self) -> float | None:
        """Seconds of audio recognised a second, by the last heartbeat; None where it is unknown."""
        beat = None if self._session is None else self._session.heartbeat
        return None if beat is None else beat.realtime_factor

    async def start(self, options: StartTranscription | None = None) -> SessionStarted:
        """Start a session, discarding unread events of an earlier one.

        In a waiting room (`wait` of `connect`) this takes as long as that allows; meanwhile another
        task may read the place from `events`.

        Args:
            options: What to start with; by default 16 kHz PCM16 with interim results.

        Raises:
            RuntimeError: A session runs already.
            GatewayError: The gateway or its recogniser refuses; another start may follow.
            DeadlineError: It did not answer in time.
            ClientError: The connection is broken and cannot be replaced.
        """
        if self._closed is not None:
            raise self._closed
        if self._task is not None and not self._task.done():
            raise RuntimeError("a session runs already; finish it before starting another")
        self._queue = EventQueue(MAX_UNREAD_EVENTS)
        self._task = None
        started = await self._reconnector.start(
            options or StartTranscription(), self._queue, self._keep_s
        )
        self._task = asyncio.create_task(self._reconnector.run(), name="perch-client-session")
        return started

    async def send(self, audio: bytes) -> None:
        """Send audio, waiting while the socket or the buffer is full.

        While reconnecting this returns as soon as the audio is in the buffer.

        Args:
            audio: Samples as declared at the start, little-endian; any number of bytes.

        Raises:
            RuntimeError: No session was started, or its end was requested.
            DeadlineError: The buffer is full and nothing became final for `Deadlines.send`. The
                rest of this audio was not taken; the session goes on.
            ClientError: The session is over; `lost` says what is in no final.
        """
        session = self._running
        if session is None or session.stopping:
            raise RuntimeError("no session runs; start one before sending audio")
        step = min(PIECE_BYTES, session.buffer.limit)
        for start in range(0, len(audio), step):
            piece = audio[start : start + step]
            await self._room(session, len(piece))
            session.append(piece)
        due = session.buffer.end
        while session.written < due and session.sending and not session.done.done():
            await session.changed.wait()
        _raise_if_over(session)

    async def _room(self, session: ResumableSession, size: int) -> None:
        kept = session.buffer
        begun = monotonic()
        while kept.room < size and not session.done.done():
            quiet = monotonic() - max(begun, session.progress_at)
            if quiet >= self._deadlines.send:
                raise DeadlineError(
                    f"keep_s is {session.keep_s:g}: audio from {kept.start_s:.2f} to "
                    f"{kept.end_s:.2f} s is kept, and none of it became final for "
                    f"{self._deadlines.send:g} s",
                    retryable=True,
                )
            try:
                async with asyncio.timeout(self._deadlines.send - quiet):
                    await session.changed.wait()
            except TimeoutError:
                # The loop checks whether there was any progress.
                continue
        _raise_if_over(session)

    def events(self) -> AsyncIterator[Event]:
        """Iterate over the session's events to its end.

        A non-fatal error is raised too; call `events` again to continue.

        Raises:
            GatewayError: The gateway reported an error.
            ClientError: The session could not be resumed; `lost` says what is in no final.
            DeadlineError: `Deadlines.event` passed without an event.
        """
        return iterate(self._queue, self._deadlines.event)

    async def finalize(self) -> Finalized:
        """Make everything given to `send` final; the session goes on.

        Its finals are read by `events`, and have all arrived when this returns. A break delays it.

        Raises:
            RuntimeError: No session runs, or another finalize is under way.
            GatewayError: The gateway cannot do it.
            DeadlineError: `Deadlines.finish` passed without any progress.
        """
        session = self._running
        if session is None or session.stopping:
            raise RuntimeError("no session runs; start one before finalizing")
        _raise_if_over(session)
        answer = session.finalize()
        try:
            while not answer.done():
                quiet = monotonic() - session.progress_at
                left = self._deadlines.finish - quiet
                if left <= 0 and self._reconnector.outage is None:
                    raise DeadlineError(
                        f"the gateway did not answer with Finalized within "
                        f"{self._deadlines.finish:g} s of its last progress",
                        retryable=True,
                    )
                await asyncio.wait({answer}, timeout=left if left > 0 else self._deadlines.finish)
            return answer.result()
        finally:
            session.forget_finalize()

    async def finish(self) -> SessionStopped:
        """End the audio and wait until the gateway has sent every last result.

        Those results are read by `events`, before or after this returns.

        Raises:
            GatewayError: No session runs, or the recogniser failed at the end.
            DeadlineError: `Deadlines.finish` passed without any progress, or nobody read the
                events.
            ClientError: The session could not be resumed; `lost` says what is in no final.
        """
        session = self._running
        if session is None:
            return await self._reconnector.link.finish()
        session.stopping = True
        session.changed.fire()
        return await asyncio.shield(session.done)

    async def ping(self) -> float:
        """Return the seconds one small message takes to the gateway and back."""
        return await self._steady(Connection.ping)

    async def metrics(self) -> Metrics:
        """Return the gateway's counters as it shows them to this connection."""
        return await self._steady(Connection.metrics)

    async def _steady(self, ask: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Ask the present gateway; after a break, the next one."""
        while True:
            link = self._reconnector.link
            try:
                return await ask(link)
            except ClientError as error:
                session = self._running
                if session is None or not may_resume(error):
                    raise
                while self._reconnector.link is link or self._reconnector.outage is not None:
                    if session.done.done():
                        raise
                    await session.changed.wait()

    async def aclose(self) -> None:
        """Close the connection; may be repeated. Call `finish` first to receive all results."""
        error = ConnectionLostError("this client closed the connection", close_code=1000)
        self._closed = error
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._session is not None:
            self._session.fail(error)
        self._queue.fail(error)
        await self._reconnector.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _raise_if_over(session: ResumableSession) -> None:
    if session.done.done():
        # An end that was not requested is always an error.
        session.done.result()
