"""Runs a session over as many connections as it takes."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final, TypeVar

from ...contract import ErrorCode, ServerMessageA
from ...contract.dialect_a import SessionStarted, SessionStopped, StartTranscription
from ...contract.fields import Finalize
from ..connection import Address, Connection
from ..deadlines import Deadlines
from ..errors import ClientError, ConnectionLostError, DeadlineError, GatewayError
from ..event_queue import EventQueue
from ..events import Event, Reconnected
from .policy import QuickFailures, ReconnectRules, may_resume
from .replacement import Replacement
from .session import ResumableSession

Result = TypeVar("Result")


_ENDS_A_SESSION: Final = frozenset({ErrorCode.ASR_REJECTED, ErrorCode.ASR_UNAVAILABLE})
"""Errors of a recogniser that end a started session but not its connection. With any other that
leaves the connection open the session goes on."""


class _HandoverError(ClientError):
    """The gateway goes away and another connection is open: switch to it."""


class Reconnector:
    """Owns the present connection and replaces it when it breaks.

    Args:
        address: Where.
        deadlines: How long to wait for what.
        rules: How a broken connection is replaced.

    Attributes:
        link: The present connection.
        session: The latest session, None before the first.
        queue: Its events.
        outage: Since when and why there is no connection, None while there is one.
        reconnects: Every break that was mended.
    """

    def __init__(self, address: Address, deadlines: Deadlines, rules: ReconnectRules) -> None:
        self._address = address
        self._deadlines = deadlines
        self._rules = rules
        self._replacement = Replacement(
            address,
            deadlines,
            rules,
            self._received,
            bearer=lambda: None if self.session is None else self.session.bearer,
        )
        self._retired: set[asyncio.Task[None]] = set()
        self.link: Connection
        self.session: ResumableSession | None = None
        self.queue: EventQueue
        self.outage: tuple[float, str] | None = None
        self.reconnects: list[Reconnected] = []

    async def open(self) -> None:
        """Open the first connection in a single try, so that a mistake is reported at once."""
        self.link = await Connection.at(self._address, self._deadlines, self._received)

    async def start(
        self, options: StartTranscription, queue: EventQueue, keep_s: float
    ) -> SessionStarted:
        """Start a session, on another connection where the present one is broken.

        Args:
            options: As the caller gave them.
            queue: Where its events go.
            keep_s: Seconds of audio to keep at most.
        """
        self.queue = queue

        async def begin(link: Connection) -> SessionStarted:
            session = ResumableSession(options, link.hello.resume, keep_s=keep_s)
            self.session = session
            return await self._started(link, session.options)

        broken = self.link.ended
        if broken is None:
            try:
                return await begin(self.link)
            except ClientError as error:
                if not may_resume(error):
                    raise
                broken = error
        started = await self._reconnect(broken, begin)
        self._replacement.reset()
        return started

    async def run(self) -> None:
        """Send, receive and reconnect until the session is over; its `done` has the result."""
        session = self.session
        assert session is not None  # noqa: S101 - it was started
        try:
            stopped = await self._run(session)
        except Exception as error:  # noqa: BLE001 - a caller waits for it, whatever it is
            if isinstance(error, ClientError):
                error.lost = session.lost
            session.fail(error)
            self.queue.fail(error)
        else:
            self.queue.end()
            session.succeed(stopped)
        finally:
            self.outage = None
            await self._replacement.drop()
            session.changed.fire()

    async def aclose(self) -> None:
        """Close every connection and wait until they are."""
        await self._replacement.drop()
        await self.link.aclose()
        if self._retired:
            await asyncio.wait(self._retired)

    async def _run(self, session: ResumableSession) -> SessionStopped:
        quick = QuickFailures(self._rules)
        while True:
            begun, position = monotonic(), session.position
            try:
                return await self._run_on_link(session)
            except ClientError as error:
                broken = error
            if isinstance(broken, GatewayError) and broken.close_code is None:
                # The session is over and the connection is not: another one may be started on it.
                raise broken
            handing_over = isinstance(broken, _HandoverError)
            self.outage = (monotonic(), str(broken))
            session.disconnected()
            await self._drain_link()
            if not session.resumable or not (handing_over or may_resume(broken)):
                raise broken
            lived = monotonic() - begun
            if quick.record(lived_s=lived, progressed=session.position > position):
                raise ConnectionLostError(
                    f"{self._rules.quick_failures} connections in a row broke at once; the last: "
                    f"{broken}",
                    retryable=True,
                    close_code=broken.close_code,
                ) from broken
            await self._reconnect(broken, self._resume)
            self._replacement.reset()
            self.outage = None
            session.changed.fire()

    async def _run_on_link(self, session: ResumableSession) -> SessionStopped:
        """Run the session on the present connection to its end.

        Raises:
            ClientError: The connection broke, or should be left.
        """
        link = self.link
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._read(link, session))
                handing_over = group.create_task(self._await_handover(session))
                stopped = await group.create_task(self._write(link, session))
                handing_over.cancel()
                await asyncio.wait({listening}, timeout=self._deadlines.finish)
                if not listening.done():
                    raise DeadlineError(f"{self.queue.unread} events were not read", retryable=True)
        except BaseExceptionGroup as errors:
            # All notice the same break; the first error stands.
            raise errors.exceptions[0] from None
        return stopped

    async def _read(self, link: Connection, session: ResumableSession) -> None:
        await self._forward(link)
        stopped = link.stopped
        if stopped is None or not session.is_complete(stopped):
            # The gateway ended it by itself.
            raise await link.end_reason()

    async def _forward(self, link: Connection) -> None:
        """Pass on events to the end of the session on this connection."""
        while True:
            await self.queue.room()
            try:
                event = await link.events_queue.next()
            except ClientError as error:
                if error is link.ended or error.code in _ENDS_A_SESSION:
                    raise
                self._pass_on(error)
                continue
            if event is None:
                return
            # No await since it was taken, so no cancellation can lose it.
            self._pass_on(event)

    def _pass_on(self, item: Event | Exception) -> None:
        session = self.session
        if isinstance(item, Exception):
            wanted = session is None or not session.fail_finalize(item)
        else:
            wanted = session is None or session.accepts(item)
        if wanted:
            self.queue.append(item)

    async def _write(self, link: Connection, session: ResumableSession) -> SessionStopped:
        """Send audio as it comes, finalizes at their places, and the stop after it."""
        while True:
            piece = session.next_piece(link.hello.limits.max_message_bytes)
            if piece:
                try:
                    await link.send(piece)
                except DeadlineError as error:
                    if not session.resumable:
                        raise
                    raise ConnectionLostError(str(error), retryable=True) from error
                session.mark_written(len(piece))
            elif session.finalize_due:
                session.finalize_sent()
                await link.send_control(Finalize())
            elif session.stopping:
                session.stop_sent = True
                return await self._finished(link, session)
            else:
                await session.changed.wait()

    async def _finished(self, link: Connection, session: ResumableSession) -> SessionStopped:
        try:
            return await link.finish()
        except ClientError:
            # The gateway may have ended it by itself and yet have received everything.
            stopped = link.stopped
            if stopped is None or not session.is_complete(stopped):
                raise
            return stopped

    async def _await_handover(self, session: ResumableSession) -> None:
        """Open another connection once the gateway announces that it goes away, and switch to it.

        Until then the session goes on with the old gateway.
        """
        while not (session.leaving and session.resumable):
            await session.changed.wait()
        if session.stop_sent:
            return
        self._replacement.begin()
        if await self._replacement.ready() and not session.stop_sent:
            raise _HandoverError("the gateway goes away")

    async def _drain_link(self) -> None:
        """Stop reading from the present connection, and pass on every event received from it."""
        await self.link.stop_reading()
        try:
            async with asyncio.timeout(self._deadlines.finish):
                while self.link.events_queue.unread:
                    await self.queue.room()
                    item = self.link.events_queue.take()
                    if item is not None:
                        self._pass_on(item)
        except TimeoutError as error:
            raise DeadlineError(
                f"{self.queue.unread} events were not read", retryable=True
            ) from error

    async def _reconnect(
        self, broken: ClientError, use: Callable[[Connection], Awaitable[Result]]
    ) -> Result:
        """Open connections until one works, and make it the present one.

        Raises:
            ClientError: It is refused for good.
            DeadlineError: `Deadlines.reconnect` passed.
        """
        reason = broken
        try:
            async with asyncio.timeout(self._deadlines.reconnect):
                while True:
                    self._switch_to(await self._replacement.take(reason.retry_after))
                    try:
                        return await use(self.link)
                    except ClientError as error:
                        if not error.retryable:
                            raise
                        reason = error
        except TimeoutError:
            await self._replacement.drop()
            latest = self._replacement.latest or reason
            raise DeadlineError(
                f"no gateway went on with the session within {self._deadlines.reconnect:g} s; the "
                f"last answer: {latest}",
                code=latest.code,
                retryable=True,
                close_code=broken.close_code,
            ) from broken
        except ClientError as error:
            raise error from broken

    def _switch_to(self, link: Connection) -> None:
        # Closing waits for the peer, which may be dead: do it in the background.
        task = asyncio.create_task(self.link.aclose(), name="perch-client-close")
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)
        self.link = link

    async def _resume(self, link: Connection) -> None:
        session = self.session
        assert session is not None  # noqa: S101 - only a session can be resumed
        if link.hello.resume is None:
            raise ConnectionLostError("this gateway cannot go on with a session", retryable=True)
        session.check_resumed(await self._started(link, session.to_resume()))

    async def _started(self, link: Connection, options: StartTranscription) -> SessionStarted:
        """Start the session, passing on the place in the waiting room meanwhile."""
        forwarding = asyncio.create_task(self._forward(link), name="perch-client-queued")
        try:
            return await link.start(options)
        finally:
            forwarding.cancel()
            await asyncio.wait({forwarding})
            if not forwarding.cancelled():
                # The start fails by the same error.
                forwarding.exception()

    def _received(self, link: Connection, message: ServerMessageA) -> None:
        session = self.session
        if session is None or getattr(self, "link", None) is not link:
            return
        session.received(message)
        if isinstance(message, SessionStarted) and message.resumed and self.outage:
            # Queued here, so that it comes between the waiting room and the first result.
            while (item := link.events_queue.take()) is not None:
                self._pass_on(item)
            since, reason = self.outage
            reconnected = Reconnected(
                outage_s=monotonic() - since,
                replayed_s=max(0.0, session.buffer.end_s - message.resumed.position),
                position=message.resumed.position,
                segment_id=message.resumed.segment_id,
                reason=reason,
            )
            self.reconnects.append(reconnected)
            self.queue.append(reconnected)
