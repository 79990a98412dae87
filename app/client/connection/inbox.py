"""Dispatches messages of a gateway: answers to their waiters, results to a bounded queue."""

import asyncio
import json
from collections.abc import Callable
from typing import Final, TypeVar, cast, get_args

from pydantic import TypeAdapter, ValidationError

from ...contract import ERRORS, CloseCode, ErrorCode, ServerMessageA
from ...contract.dialect_a import Connection as Hello
from ...contract.dialect_a import (
    ErrorA,
    Metrics,
    Partial,
    Pong,
    SessionStarted,
    SessionStopped,
    Transcription,
    WarningA,
)
from ...contract.fields import Finalized, Heartbeat, Queued
from ..errors import ClientError, ConnectionLostError, GatewayError, ProtocolError
from ..event_queue import EventQueue

Answer = Hello | SessionStarted | SessionStopped | Finalized | Pong | Metrics
AnswerT = TypeVar("AnswerT", Hello, SessionStarted, SessionStopped, Finalized, Pong, Metrics)

_MESSAGES: Final[TypeAdapter[ServerMessageA]] = TypeAdapter(ServerMessageA)
_KNOWN: Final = frozenset(
    member.model_fields["type"].default for member in get_args(get_args(ServerMessageA)[0])
)

_CLIENT_AT_FAULT: Final = frozenset(
    {CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA, CloseCode.POLICY, CloseCode.TOO_BIG}
)
"""Close codes after which the same would only happen again."""


class Inbox:
    """The messages received on one connection.

    While the queue of events is full `deliver` waits, so that the socket fills and the gateway is
    slowed down: memory grows on neither side.

    Args:
        size: Most unread events.
        on_message: Called with every message in order, once it is stored; must return at once.
    """

    def __init__(self, size: int, on_message: Callable[[ServerMessageA], None]) -> None:
        self.events = EventQueue(size)
        self._on_message = on_message
        self._waiting: dict[type[Answer], asyncio.Future[Answer]] = {}
        self._fatal: ErrorA | None = None
        self.ended: ClientError | None = None
        """Why nothing more will come, None while something may."""
        self.stopped: SessionStopped | None = None
        """How the latest session ended, None while it runs."""

    def expect(self, kind: type[AnswerT]) -> "asyncio.Future[AnswerT]":
        """Return a future for the next answer of a kind; it fails when the connection ends first.

        Whoever expects an answer says `forget` when the wait is over, whatever its end.

        Raises:
            ClientError: The connection is over.
            RuntimeError: Somebody else is waiting for the same.
        """
        if kind in self._waiting:
            raise RuntimeError(f"already waiting for {kind.__name__}")
        if self.ended is not None:
            raise self.ended
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[kind] = future
        # A future of one kind is only ever given an answer of that kind, in `_answer`.
        return cast("asyncio.Future[AnswerT]", future)

    def forget(self, kind: type[Answer]) -> None:
        """Stop waiting for an answer of this kind."""
        future = self._waiting.pop(kind, None)
        # Cancelled or looked at, so that no future is left with an exception that nobody saw.
        if future is not None and not future.cancel() and not future.cancelled():
            future.exception()

    def begin(self) -> None:
        """Prepare for a new session: discard unread events of an earlier one."""
        self.events.begin()
        self.stopped = None

    async def deliver(self, raw: str | bytes) -> None:
        """Parse and dispatch one message as received.

        Raises:
            ProtocolError: It is not in the contract. Types the contract does not know are passed
                over, as it asks.
        """
        message = _parsed(raw)
        match message:
            case None:
                return
            case Partial() | Transcription() | WarningA() | Queued():
                await self.events.room()
                self.events.append(message)
            case ErrorA():
                await self._error(message)
            case SessionStopped():
                await self.events.room()
                self.events.end()
                self.stopped = message
                self._answer(message)
            case Heartbeat():
                pass
            case _:
                self._answer(message)
        self._on_message(message)

    def end(self, close_code: int | None, reason: str) -> None:
        """Fail all waits because the connection ended, in the gateway's words if it gave any."""
        if self._fatal is not None:
            self.fail(GatewayError.from_message(self._fatal, close_code=close_code))
            return
        said = f" ({reason})" if reason else ""
        self.fail(
            ConnectionLostError(
                f"the connection ended with close code {close_code}{said}",
                retryable=close_code not in _CLIENT_AT_FAULT,
                close_code=close_code,
            )
        )

    def fail(self, error: ClientError) -> None:
        """End with a given error; the first one stands."""
        if self.ended is not None:
            return
        self.ended = error
        self.events.fail(error)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)

    async def _error(self, message: ErrorA) -> None:
        if _closes(message.code):
            # The close follows and brings its code; until then this is the reason it will be given.
            self._fatal = message
            return
        error = GatewayError.from_message(message)
        # An error that closes nothing answers what the client asked last, which can only be a
        # start, a finalize or a stop.
        for kind in (SessionStarted, SessionStopped, Finalized):
            future = self._waiting.get(kind)
            if future is not None and not future.done():
                future.set_exception(error)
                return
        await self.events.room()
        self.events.append(error)

    def _answer(self, message: Answer) -> None:
        future = self._waiting.get(type(message))
        if future is not None and not future.done():
            future.set_result(message)


def _closes(code: str) -> bool:
    try:
        return ERRORS[ErrorCode(code)].close_code is not None
    except ValueError:
        return False


def _parsed(raw: str | bytes) -> ServerMessageA | None:
    """Return the message, None when its type is unknown here."""
    try:
        # What JSON has no word for, NaN and the infinities, is no number: unknown.
        payload = json.loads(raw, parse_constant=lambda _: None)
        kind = payload["type"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ProtocolError(
            "the gateway sent something that is no JSON object with a type"
        ) from error
    if not isinstance(kind, str):
        raise ProtocolError("the gateway sent a JSON object whose type is no text")
    if kind not in _KNOWN:
        return None
    try:
        return _MESSAGES.validate_python(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ProtocolError(
            f"the gateway sent a malformed message: {where}: {first['msg']}"
        ) from error
