"""uvicorn's HTTP protocol, with a bound on connections.

uvicorn bounds requests at work. A connection that sends no request, or half of one, or reads no
answer, costs a file descriptor for as long as its peer likes. Here only so many are open; for one
more, a connection that does not read or was idle for longest is cut, and where all are at work the
newcomer is refused. A WebSocket leaves the table with the 101 and is bounded by admission.

A connection has one request at work, and in a turn of the event loop only a few connections begin
one: further requests wait, here up to a bound and then unread at the peer.
"""

import asyncio
import re
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, cast

import h11
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.admission.turns import Turns
from app.gateway.server.answers import last_answer
from app.gateway.server.protocol.connections import HttpConnections, peer_of
from app.gateway.server.protocol.frames import IncomingRules
from app.gateway.server.protocol.hang_up_watch import HangUpWatch
from app.gateway.server.protocol.heads import MAX_HEAD_BYTES, BoundedConnection
from app.gateway.server.protocol.unread_watch import UnreadWatch
from app.gateway.telemetry.metrics import GatewayMetrics

MAX_PIPELINED_BYTES: Final = 64 * 1024
"""Of requests that wait for the one before them; reading stops when there are more."""

HEAD_TIMEOUT_S: Final = 10.0
"""From a connection's first byte, or from its opening, to the end of a request's headers."""

LINGER_S: Final = 2.0
"""How long a refused client may go on sending: a socket closed with unread bytes is reset, and its
answer is lost."""

_TOO_LARGE: Final = 431
_BYTES: Final = re.compile(r"(?:bytearray\()?\bb(['\"])(.*)\1\)?", re.DOTALL)
"""Bytes as h11 repeats them in a sentence."""


class HttpConfig(uvicorn.Config):
    """uvicorn's configuration, with what the protocols need beside it.

    Attributes:
        open_connections: Those that are no WebSockets.
        turns: When their requests are begun.
        send_timeout_s: Seconds a client may leave an answer unread.
        incoming: What WebSockets may send.
        metrics: Where they are counted.
    """

    open_connections: HttpConnections
    turns: Turns
    send_timeout_s: float
    incoming: IncomingRules
    metrics: GatewayMetrics


class BoundedFlow(FlowControl):
    """uvicorn's flow control, which resumes reading only where there is room.

    uvicorn resumes it to see the end of a request or of its client; whatever else the client has
    sent would pile up meanwhile.

    Args:
        transport: Of the connection.
        has_room: Whether more may be read.
        on_hang_up: Called when the client hung up while nothing is read.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        has_room: Callable[[], bool],
        on_hang_up: Callable[[], None],
    ) -> None:
        super().__init__(transport)
        self._has_room = has_room
        self._watch = HangUpWatch(transport, on_hang_up)
        self._is_wanted = False

    def pause_reading(self) -> None:
        """Pause until resumed."""
        self._is_wanted = False
        super().pause_reading()
        self._watch.begin()

    def resume_reading(self) -> None:
        """Resume now, or as soon as there is room."""
        self._is_wanted = not self._has_room()
        if not self._is_wanted:
            self._watch.stop()
            super().resume_reading()

    def stop(self) -> None:
        """Stop watching: the connection is over or upgraded."""
        self._watch.stop()

    def note_room(self) -> None:
        """Resume if that is wanted: received bytes were handled."""
        if self._is_wanted:
            self.resume_reading()


class GatewayHttpProtocol(H11Protocol):
    """A connection until it is upgraded or closed."""

    _heard_at = 0.0
    _timer: asyncio.TimerHandle | None = None
    _unread: UnreadWatch
    _bounded_flow: BoundedFlow
    _is_refused = False
    _awaits_turn = False
    _is_answered = False

    @property
    def _limits(self) -> HttpConfig:
        return cast("HttpConfig", self.config)

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered, or waits for its turn."""
        # None before the first request, whatever uvicorn's annotation says.
        cycle: RequestResponseCycle | None = self.cycle
        return self._awaits_turn or (cycle is not None and not cycle.response_complete)

    @property
    def peer(self) -> str:
        """Address of the other end."""
        return peer_of(self.client)

    @property
    def idle_since(self) -> float | None:
        """When the last bytes came; None while a request is being answered."""
        return None if self.is_busy else self._heard_at

    @property
    def unread_since(self) -> float | None:
        """Since when an answer waits to be read; None where none does."""
        return self._unread.since

    @property
    def pipelined_since(self) -> float | None:
        """When the last bytes came, where they are more requests than the one at work."""
        is_more = self.is_busy and not self._is_amid_body and self.conn.trailing_data[0]
        return self._heard_at if is_more else None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Add the connection to the table, or refuse it."""
        super().connection_made(transport)
        self.conn = BoundedConnection()
        self.flow = self._bounded_flow = BoundedFlow(transport, self._has_room, transport.abort)
        self._unread = UnreadWatch(transport, self._limits.send_timeout_s, self._on_unread)
        self._heard_at = monotonic()
        self._close_after(HEAD_TIMEOUT_S)
        table = self._limits.open_connections
        if not table.add(self):
            self._limits.metrics.http_connections_cut.labels("refused").inc()
            self._refuse(ContractError(ErrorCode.TOO_MANY_CONNECTIONS, limit=table.limit))

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the connection from the table."""
        self._stop_timer()
        self._unread.stop()
        self._bounded_flow.stop()
        self._limits.open_connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse received bytes; a request's headers must be complete in time."""
        if not self._is_refused:
            self._heard_at = monotonic()
            super().data_received(data)
            if self._is_amid_body and not self.is_busy:
                self._rest()

    def handle_events(self) -> None:
        """Continue the request at work, or schedule the next one."""
        if self._is_amid_body:
            self._handle_events_now()
            return
        if not self._has_room():
            self.flow.pause_reading()
        if not self._awaits_turn:
            self._awaits_turn = True
            self._limits.turns.schedule(self._take_turn, is_pipelined=self._is_answered)

    def on_response_complete(self) -> None:
        """Watch that the answer is read, and that the rest of its request arrives."""
        self._unread.look()
        self._is_answered = True  # what is there already was sent before that
        super().on_response_complete()
        self._is_answered = False
        if self._is_amid_body:
            self._close_after(HEAD_TIMEOUT_S)

    def pause_writing(self) -> None:
        """Pause until the peer reads, but not for ever."""
        super().pause_writing()
        self._unread.look()

    def resume_writing(self) -> None:
        """Resume: the peer has read."""
        self._unread.note_progress()
        super().resume_writing()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand over the socket, and the bytes behind the request."""
        self._stop_timer()
        self._unread.stop()
        self._bounded_flow.stop()
        self._limits.open_connections.discard(self)
        # It announces no body, but the WebSocket parser reads no further than the name.
        self.headers = [one for one in self.headers if one != (b"content-length", b"0")]
        early, _ = self.conn.trailing_data
        if self.flow.read_paused:
            self.transport.resume_reading()
        super().handle_websocket_upgrade(event)
        if early:
            cast("asyncio.Protocol", self.transport.get_protocol()).data_received(early)

    def send_400_response(self, msg: str) -> None:
        """Answer a request that h11 refuses, where an answer is still possible."""
        error = sys.exception()
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()
        elif isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == _TOO_LARGE:
            accepted = f"{MAX_HEAD_BYTES} bytes in all"
            self._refuse(ContractError(ErrorCode.HEADERS_TOO_LARGE, accepted=accepted))
        else:
            reason = _BYTES.sub(r"\2", str(error or msg))
            detail = f"This is no proper HTTP request: {reason}"[: 3 * MAX_ECHO_CHARS]
            self._refuse(ContractError(ErrorCode.BAD_REQUEST, detail=detail))

    def abort(self) -> None:
        """Close at once, without an answer."""
        # Nobody waits for it when the server stops.
        self.connections.discard(self)
        self.transport.abort()

    # What uvicorn asks of a request's headers

    def _get_upgrade(self) -> bytes | None:
        """Return the protocols of an upgrade; uvicorn reads the last of several headers alone."""
        if self.scope["http_version"] == "1.0":
            return None  # RFC 9110, 7.8: to be ignored
        lists = {
            name: [
                token.strip().lower()
                for key, value in self.headers
                if key == name
                for token in value.split(b",")
            ]
            for name in (b"connection", b"upgrade")
        }
        return b", ".join(lists[b"upgrade"]) or None if b"upgrade" in lists[b"connection"] else None

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: many HTTP clients offer h2c with each request."""

    @property
    def _is_amid_body(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY

    def _has_room(self) -> bool:
        return len(self.conn.trailing_data[0]) <= MAX_PIPELINED_BYTES

    def _rest(self) -> None:
        """Resume reading in the next turn: libuv would read 8 MB of a body at once."""
        self.flow.pause_reading()
        self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()

    def _take_turn(self) -> None:
        self._awaits_turn = False
        if not (self._is_refused or self.transport.is_closing()):
            self.flow.resume_reading()
            self._handle_events_now()

    def _handle_events_now(self) -> None:
        super().handle_events()
        if self._is_refused or self.transport.get_protocol() is not self:
            return
        self._bounded_flow.note_room()
        is_amid_head = self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]
        if is_amid_head and self._timer is None:
            self._close_after(HEAD_TIMEOUT_S)
        elif not is_amid_head and (self.is_busy or not self._is_amid_body):
            self._stop_timer()

    def _close_after(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._is_refused:
            self.abort()
        elif not self.is_busy:
            self._limits.open_connections.cut(self, "late")

    def _on_unread(self) -> None:
        self._limits.open_connections.cut(self, "unread")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, error: ContractError) -> None:
        """Answer, and close once the client has stopped sending or a moment has passed."""
        self._is_refused = True
        # None before the first request, whatever uvicorn's annotation says.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # The application has its request still, and may answer no more.
            cycle.disconnected = True
            cycle.message_event.set()
        status, named, body = last_answer(error)
        headers: list[tuple[bytes, Any]] = [(key.encode(), value.encode()) for key, value in named]
        for part in (
            h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(part) or b"")
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._limits.open_connections.linger(self)
        self._close_after(LINGER_S)
