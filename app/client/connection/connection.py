"""One connection to a gateway, in dialect A of its contract (docs/contract.md)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Final, Self, Unpack

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ...contract import ClientMessage, ErrorCode, ServerMessageA
from ...contract.dialect_a import Connection as Hello
from ...contract.dialect_a import (
    GetMetrics,
    Metrics,
    Ping,
    Pong,
    SessionStarted,
    SessionStopped,
    StartTranscription,
    StopTranscription,
)
from ...contract.fields import Finalize, Finalized, Heartbeat
from ...contract.limits import BYTES_PER_SAMPLE
from ..deadlines import Deadlines
from ..errors import ClientError, ConnectionLostError, DeadlineError, GatewayError, ProtocolError
from ..event_queue import EventQueue, iterate
from ..events import Event
from .address import Address, AddressOptions
from .inbox import AnswerT, Inbox
from .progress import ExtendableDeadlines, Extension, Progress, while_queued

MAX_UNREAD_EVENTS: Final = 1024
"""Events kept for a slow reader: minutes of speech, at a few interims a second."""


def _ignore(_connection: "Connection", _message: ServerMessageA) -> None:
    """Do nothing: a plain connection has no owner that follows its messages."""


class Connection:
    """A connection that ends with its WebSocket. Sessions on it run one after the other.

    `connect(..., resume=False)` returns one; a `ResumableConnection` runs on several of them. One
    task may send while another reads events; neither is used by two tasks at once.

    Attributes:
        hello: The gateway's hello: limits, formats, its id for this connection.
        heartbeat: The session's newest one; None before the first or where none was asked for.
    """

    def __init__(
        self,
        websocket: ClientConnection,
        deadlines: Deadlines,
        on_message: Callable[["Connection", ServerMessageA], None] = _ignore,
    ) -> None:
        self._websocket = websocket
        self._deadlines = deadlines
        self._on_message = on_message
        self._inbox = Inbox(MAX_UNREAD_EVENTS, self._received)
        self._limits = ExtendableDeadlines()
        self._frame_bytes = BYTES_PER_SAMPLE["pcm16"]
        self._sent_bytes = 0
        self._bytes_per_s = 0
        # Ready before the first message can arrive, which is the hello.
        self._greeting = self._inbox.expect(Hello)
        self._running = False
        self._reader = asyncio.create_task(self._read(), name="perch-client-reader")
        self.hello: Hello
        self.heartbeat: Heartbeat | None = None

    @classmethod
    async def open(
        cls, url: str, *, deadlines: Deadlines | None = None, **options: Unpack[AddressOptions]
    ) -> Self:
        """Connect. The caller must call `aclose`; `connect` is the same as a context manager.

        Args and errors are those of `connect`.
        """
        return await cls.at(Address.checked(url, **options), deadlines or Deadlines())

    @classmethod
    async def at(
        cls,
        address: Address,
        deadlines: Deadlines,
        on_message: Callable[["Connection", ServerMessageA], None] = _ignore,
    ) -> Self:
        """Connect to an address.

        Args:
            address: Where.
            deadlines: How long to wait for what.
            on_message: Called with this connection and each message in order, once it is stored.
        """
        try:
            async with asyncio.timeout(deadlines.open):
                connection = cls(await address.dial(deadlines), deadlines, on_message)
                try:
                    connection.hello = await connection._greeting
                except BaseException:
                    await connection.aclose()
                    raise
                finally:
                    connection._inbox.forget(Hello)
        except TimeoutError as error:
            raise DeadlineError(
                f"{address.shown} did not open a connection within {deadlines.open:g} s",
                retryable=True,
            ) from error
        return connection

    @property
    def events_queue(self) -> EventQueue:
        """The queue that `events` reads."""
        return self._inbox.events

    @property
    def ended(self) -> ClientError | None:
        """Why the connection is over, None while it is open."""
        return self._inbox.ended

    @property
    def stopped(self) -> SessionStopped | None:
        """How the latest session on it ended, None while it runs."""
        return self._inbox.stopped

    @property
    def backlog_s(self) -> float | None:
        """Seconds of audio that were sent and had not arrived at the last heartbeat.

        None before the first heartbeat; ask for them with `heartbeat` of the start.
        """
        if self.heartbeat is None:
            return None
        return max(0.0, self._sent_bytes / self._bytes_per_s - self.heartbeat.audio_received)

    @property
    def realtime_factor(self) -> float | None:
        """Seconds of audio recognised a second, by the last heartbeat; None where it is unknown."""
        return None if self.heartbeat is None else self.heartbeat.realtime_factor

    async def start(self, options: StartTranscription | None = None) -> SessionStarted:
        """Start a session, discarding unread events of an earlier one.

        In a waiting room (`wait` of `connect`) this takes as long as that allows; meanwhile another
        task may read the place from `events`.

        Args:
            options: What to start with; by default 16 kHz PCM16 with interim results.

        Raises:
            GatewayError: The gateway or its recogniser refuses; the connection stays usable.
            DeadlineError: It did not answer in time.
        """
        options = options or StartTranscription()
        self._inbox.begin()
        self.heartbeat = None
        seconds = self._deadlines.start
        started = await self._ask(options, SessionStarted, seconds, while_queued(seconds))
        self._frame_bytes = BYTES_PER_SAMPLE[options.encoding] * options.channels
        self._bytes_per_s = self._frame_bytes * started.config.sample_rate
        resumed_at = started.resumed.position if started.resumed is not None else 0.0
        self._sent_bytes = round(resumed_at * self._bytes_per_s)
        self._running = True
        return started

    async def send(self, audio: bytes) -> None:
        """Send audio, waiting while the socket is full; at most about 64 kB are buffered here.

        Args:
            audio: Samples as declared at the start, little-endian; any number of bytes.

        Raises:
            RuntimeError: No session was started.
            ClientError: The session or the connection is over, in the gateway's words where it gave
                any.
        """
        if not self._running:
            raise RuntimeError("no session runs; start one before sending audio")
        if self._inbox.stopped is not None:
            raise await self.end_reason()
        for piece in self._pieces(audio):
            await self._send(piece)
            self._sent_bytes += len(piece)

    def events(self) -> AsyncIterator[Event]:
        """Iterate over the session's events to its end.

        An error that leaves the connection open is raised too; call `events` again to continue.

        Raises:
            GatewayError: The gateway reported an error.
            ConnectionLostError: The connection broke.
            DeadlineError: `Deadlines.event` passed without one.
        """
        return iterate(self._inbox.events, self._deadlines.event)

    async def finalize(self) -> Finalized:
        """Make everything sent so far final; the session goes on.

        Its finals are read by `events`, and have all come when this returns.

        Raises:
            GatewayError: No session runs, or the gateway cannot do it.
            DeadlineError: `Deadlines.finish` passed without any progress.
        """
        return await self._ask(
            Finalize(), Finalized, self._deadlines.finish, Progress(self._deadlines.finish)
        )

    async def finish(self) -> SessionStopped:
        """End the audio and wait until the gateway has sent every last result.

        Those results are read by `events`, before or after this returns.

        Raises:
            GatewayError: No session runs, or the recogniser failed at the end.
            DeadlineError: `Deadlines.finish` passed without any progress, or nobody read the
                events.
        """
        if self._inbox.stopped is not None:
            if self._running:
                # The gateway ended it by itself: audio may be missing.
                raise await self.end_reason()
            return self._inbox.stopped
        was_running, self._running = self._running, False
        try:
            return await self._end(StopTranscription())
        except GatewayError as error:
            if not was_running or error.code != ErrorCode.NO_ACTIVE_SESSION:
                raise
        # The gateway is ending it by itself, as in a drain: its last results are on the way.
        if self._inbox.stopped is None:
            await self._end(None)
        raise await self.end_reason()

    async def _end(self, message: StopTranscription | None) -> SessionStopped:
        seconds = self._deadlines.finish
        return await self._ask(message, SessionStopped, seconds, Progress(seconds))

    async def ping(self) -> float:
        """Return the seconds one small message takes to the gateway and back."""
        begun = monotonic()
        await self._ask(Ping(), Pong, self._deadlines.answer)
        return monotonic() - begun

    async def metrics(self) -> Metrics:
        """Return the gateway's counters as it shows them to this connection."""
        return await self._ask(GetMetrics(), Metrics, self._deadlines.answer)

    async def aclose(self) -> None:
        """Close the connection; may be repeated. Call `finish` first to receive all results."""
        await self._stop_reader()
        self._inbox.fail(ConnectionLostError("this client closed the connection", close_code=1000))
        await self._websocket.close()

    async def send_control(self, message: ClientMessage) -> None:
        """Send a control message without waiting for its answer, which goes to `on_message`.

        Raises:
            ClientError: As `send`.
        """
        await self._send(message.model_dump_json(exclude_none=True))

    async def stop_reading(self) -> None:
        """Stop reading from the socket; events already received stay in the queue."""
        await self._stop_reader()
        self._inbox.fail(ConnectionLostError("this client left the connection", retryable=True))

    async def _stop_reader(self) -> None:
        self._reader.cancel()
        await asyncio.wait({self._reader})

    async def end_reason(self) -> ClientError:
        """Wait until the reader has reached the end, and return its reason."""
        await asyncio.wait({self._reader}, timeout=self._deadlines.close)
        return self._inbox.ended or ConnectionLostError(
            "the gateway ended the session", retryable=True
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _pieces(self, audio: bytes) -> list[bytes]:
        """Cut audio into messages of at most the gateway's limit, never inside a sample."""
        most = self.hello.limits.max_message_bytes
        most -= most % self._frame_bytes
        return [audio[start : start + most] for start in range(0, len(audio), most)]

    async def _ask(
        self,
        message: ClientMessage | None,
        kind: type[AnswerT],
        seconds: float,
        extension: Extension | None = None,
    ) -> AnswerT:
        """Send a message, if any, and wait for an answer until the deadline, as extended."""
        answer = self._inbox.expect(kind)
        try:
            async with self._limits.within(seconds, extension):
                if message is not None:
                    await self._send(message.model_dump_json(exclude_none=True))
                return await answer
        except TimeoutError as error:
            unread = self._inbox.events.unread
            raise DeadlineError(
                f"the gateway did not answer with {kind.__name__} within {seconds:g} s"
                f"{'' if extension is None else ' of its last progress'}"
                f"{f'; {unread} events were not read' if unread else ''}",
                retryable=True,
            ) from error
        finally:
            self._inbox.forget(kind)

    async def _send(self, data: bytes | str) -> None:
        try:
            async with asyncio.timeout(self._deadlines.send):
                await self._websocket.send(data)
        except TimeoutError as error:
            raise DeadlineError(
                f"the gateway took no data for {self._deadlines.send:g} s", retryable=True
            ) from error
        except ConnectionClosed as error:
            raise await self.end_reason() from error

    def _received(self, message: ServerMessageA) -> None:
        self._limits.received(message)
        if isinstance(message, Heartbeat):
            self.heartbeat = message
        self._on_message(self, message)

    async def _read(self) -> None:
        try:
            async for raw in self._websocket:
                await self._inbox.deliver(raw)
        except ProtocolError as error:
            self._inbox.fail(error)
            return
        except ConnectionClosed:
            pass
        self._inbox.end(self._websocket.close_code, self._websocket.close_reason or "")
