"""One connection to a gateway, in dialect A of its contract (docs/contract.md)."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from app.client.deadlines import Deadlines
from app.client.errors import (
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    DeadlineError,
    ProtocolError,
    refusal,
)
from app.client.inbox import AnswerT, Event, Inbox
from app.contract import ClientMessage, Dialect, dialect_of
from app.contract.dialect_a import Connection as Hello
from app.contract.dialect_a import (
    GetMetrics,
    Metrics,
    Ping,
    Pong,
    SessionStarted,
    SessionStopped,
    StartTranscription,
    StopTranscription,
)

MAX_UNREAD_EVENTS: Final = 1024
"""Events kept for a slow reader: minutes of speech, at a few interims a second."""

BYTES_PER_SAMPLE: Final = {"pcm16": 2, "float32": 4}

# At DEBUG the websockets library logs handshakes, the bearer token included. This logger stays
# above.
_WIRE_LOG: Final = logging.getLogger("app.client.wire")
_WIRE_LOG.setLevel(logging.INFO)


class _OpenWebSocket(open_websocket):
    """Opens a WebSocket without following redirects: they could carry the token to another host."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Refuse every redirect."""
        return exc


class Connection:
    """An open connection. Made by `connect`; sessions on it run one after the other.

    One task may send while another reads events; neither is used by two tasks at once.

    Attributes:
        hello: What the gateway said of itself: limits, formats, its id for this connection.
    """

    def __init__(self, websocket: ClientConnection, deadlines: Deadlines) -> None:
        self._websocket = websocket
        self._deadlines = deadlines
        self._inbox = Inbox(MAX_UNREAD_EVENTS)
        self._sample_bytes = BYTES_PER_SAMPLE["pcm16"]
        # Ready before the first message can arrive, which is the hello.
        self._greeting = self._inbox.expect(Hello)
        self._running = False
        self._reader = asyncio.create_task(self._read(), name="perch-client-reader")
        self.hello: Hello

    @classmethod
    async def open(  # noqa: PLR0913 - independent keywords, each with a default
        cls,
        url: str,
        *,
        token: str | None = None,
        ca: Path | str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        headers: Mapping[str, str] | None = None,
        deadlines: Deadlines | None = None,
    ) -> Self:
        """Connect; whoever calls this owes an `aclose`. `connect` is the same as a context manager.

        Args and errors are those of `connect`.
        """
        waits = deadlines or Deadlines()
        context = _tls_context(url, ca, ssl_context, server_hostname)
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        try:
            async with asyncio.timeout(waits.open):
                websocket = await _OpenWebSocket(
                    url,
                    additional_headers=sent,
                    compression=None,  # sound does not shrink; every session would pay for trying
                    open_timeout=None,  # the deadline around this covers the hello as well
                    close_timeout=waits.close,
                    logger=_WIRE_LOG,
                    ssl=context,
                    server_hostname=server_hostname,
                )
                connection = cls(websocket, waits)
                try:
                    connection.hello = await connection._greeting
                except BaseException:
                    await connection.aclose()
                    raise
        except TimeoutError as error:
            raise DeadlineError(
                f"{_shown(url)} did not open a connection within {waits.open:g} s", retryable=True
            ) from error
        except InvalidStatus as error:
            answer = error.response
            raise refusal(answer.status_code, answer.headers, bytes(answer.body or b"")) from error
        except (OSError, InvalidHandshake) as error:
            raise ConnectFailedError(
                f"cannot connect to {_shown(url)}: {error}", retryable=not _is_certificate(error)
            ) from error
        return connection

    async def start(self, options: StartTranscription | None = None) -> SessionStarted:
        """Begin a session. Events of an earlier one that were not read are let go.

        Args:
            options: What to start with; by default 16 kHz PCM16 with interim results.

        Raises:
            GatewayError: The gateway or its recogniser refuses; the connection stays usable.
            DeadlineError: It did not answer in time.
        """
        options = options or StartTranscription()
        self._inbox.begin()
        started = await self._ask(options, SessionStarted, self._deadlines.start)
        self._sample_bytes = BYTES_PER_SAMPLE[options.encoding] * options.channels
        self._running = True
        return started

    async def send(self, audio: bytes) -> None:
        """Send audio, waiting while the gateway takes no more; about 64 kB at most lie here.

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
            raise await self._why_it_ended()
        for piece in self._pieces(audio):
            await self._send(piece)

    async def events(self) -> AsyncIterator[Event]:
        """Iterate the session's results in order; ends after its last one.

        An error that leaves the connection open is raised too; calling `events` again goes on after
        it.

        Raises:
            GatewayError: The gateway reported an error.
            ConnectionLostError: The connection broke.
            DeadlineError: `Deadlines.event` passed without one.
        """
        while True:
            try:
                async with asyncio.timeout(self._deadlines.event):
                    event = await self._inbox.next_event()
            except TimeoutError as error:
                raise DeadlineError(
                    f"no event came within {self._deadlines.event} s", retryable=True
                ) from error
            if event is None:
                return
            yield event

    async def finish(self) -> SessionStopped:
        """End the audio and wait until the gateway has sent every last result.

        Those results are read by `events`, before or after this returns.

        Raises:
            GatewayError: No session runs, or the recogniser failed at the end.
            DeadlineError: The last words did not come in time, or nobody read the events.
        """
        if self._inbox.stopped is not None:
            if self._running:
                # The gateway ended it, not we: audio may be missing, so this is no good end.
                raise await self._why_it_ended()
            return self._inbox.stopped
        self._running = False
        return await self._ask(StopTranscription(), SessionStopped, self._deadlines.finish)

    async def ping(self) -> float:
        """Return the seconds one small message takes to the gateway and back."""
        begun = monotonic()
        await self._ask(Ping(), Pong, self._deadlines.answer)
        return monotonic() - begun

    async def metrics(self) -> Metrics:
        """Return the gateway's counters as it shows them to this connection."""
        return await self._ask(GetMetrics(), Metrics, self._deadlines.answer)

    async def aclose(self) -> None:
        """Close and let go of everything; may be repeated. `finish` first to get the last words."""
        self._reader.cancel()
        await asyncio.wait({self._reader})
        self._inbox.forget(Hello)
        self._inbox.fail(ConnectionLostError("this client closed the connection", close_code=1000))
        await self._websocket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _pieces(self, audio: bytes) -> list[bytes]:
        """Cut audio that is larger than the gateway takes in one message, never inside a sample."""
        most = self.hello.limits.max_message_bytes
        most -= most % self._sample_bytes
        return [audio[start : start + most] for start in range(0, len(audio), most)]

    async def _ask(self, message: ClientMessage, kind: type[AnswerT], seconds: float) -> AnswerT:
        answer = self._inbox.expect(kind)
        try:
            async with asyncio.timeout(seconds):
                await self._send(message.model_dump_json(exclude_none=True))
                return await answer
        except TimeoutError as error:
            unread = f"; {self._inbox.unread} events were not read" if self._inbox.unread else ""
            raise DeadlineError(
                f"the gateway did not answer with {kind.__name__} within {seconds:g} s{unread}",
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
            raise await self._why_it_ended() from error

    async def _why_it_ended(self) -> ClientError:
        """Return the reason the reader finds when it has read what came before the end."""
        await asyncio.wait({self._reader}, timeout=self._deadlines.close)
        return self._inbox.ended or ConnectionLostError(
            "the gateway ended the session", retryable=True
        )

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


@asynccontextmanager
async def connect(  # noqa: PLR0913 - independent keywords, each with a default
    url: str,
    *,
    token: str | None = None,
    ca: Path | str | None = None,
    ssl_context: ssl.SSLContext | None = None,
    server_hostname: str | None = None,
    headers: Mapping[str, str] | None = None,
    deadlines: Deadlines | None = None,
) -> AsyncIterator[Connection]:
    """Connect to a gateway for the length of an `async with` block.

    Example:
        async with connect("wss://asr.example.com/ws", token=token) as gateway:
            await gateway.start(StartTranscription(sample_rate=16000, hotwords=["Perch"]))
            await gateway.send(pcm)
            await gateway.finish()
            async for event in gateway.events():
                print(event.text)

    Args:
        url: `ws://` or `wss://`; any path but dialect B's `/ws/transcribe`.
        token: Bearer token, sent in the upgrade's Authorization header and written nowhere else.
        ca: PEM file of the authority to trust instead of the system's, for `wss://`.
        ssl_context: A complete TLS setting instead of `ca`.
        server_hostname: Name to ask for and to check in the certificate, where it is not the URL's
            host.
        headers: Further headers of the upgrade, such as the one by which a load balancer reaches
            one colour.
        deadlines: How long to wait for what.

    Raises:
        ValueError: `url`, `ca` or `ssl_context` do not fit together.
        RefusedError: The gateway answered with an HTTP status; subclasses tell 401, 403, 429 and
            503 apart.
        ConnectFailedError: There was no such answer: name, network or TLS.
        DeadlineError: `Deadlines.open` passed.
    """
    connection = await Connection.open(
        url,
        token=token,
        ca=ca,
        ssl_context=ssl_context,
        server_hostname=server_hostname,
        headers=headers,
        deadlines=deadlines,
    )
    async with connection:
        yield connection


def _tls_context(
    url: str,
    ca: Path | str | None,
    context: ssl.SSLContext | None,
    server_hostname: str | None,
) -> ssl.SSLContext | None:
    """Check what was asked for, and return the TLS setting, None for `ws://`."""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise ValueError(f"url is {_shown(url)}; accepted: ws://host... or wss://host...")
    if dialect_of(parts.path) is not Dialect.A:
        raise ValueError(f"url has the path {parts.path}, where dialect B is spoken; use /ws")
    if ca is not None and context is not None:
        raise ValueError("ca and ssl_context are both given; accepted: one of them")
    if parts.scheme == "wss":
        return context or ssl.create_default_context(cafile=None if ca is None else str(ca))
    if ca is not None or context is not None or server_hostname is not None:
        raise ValueError("ca, ssl_context and server_hostname need a wss:// url; this is ws://")
    return None


def _shown(url: str) -> str:
    """Return the URL without what may be secret in it: credentials and the query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_certificate(error: Exception) -> bool:
    return isinstance(error, ssl.SSLCertVerificationError)
