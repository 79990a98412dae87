"""One call of gRPC: as a request that is judged like any other, and as a way to its client."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import grpc
from starlette.requests import HTTPConnection

from app.contract import ContractError, ErrorCode
from app.gateway.dialects.codec import Sent
from app.gateway.grpc_front.status import Trailers, status_of, trailers_of
from app.gateway.session.socket import HALF_CLOSE
from app.gateway.telemetry.logs import get_logger

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
"""A call without a (de)serialiser: it is read and written in bytes."""

_log = get_logger(__name__)

_GONE: Final = {"type": "websocket.disconnect", "code": 1006}
"""gRPC says alike of a client that cancels and of one that is lost."""


def request_of(context: Context, path: str) -> HTTPConnection:
    """Return the HTTP/2 request that a call is, for those who judge requests.

    Its `:authority` gRPC does not hand on. Binary headers are left out.
    """
    headers = [
        (name.lower().encode(), value.encode("latin-1", "replace"))
        for name, value in context.invocation_metadata() or ()
        if isinstance(value, str)
    ]
    return HTTPConnection(
        {
            "type": "http",
            "path": path,
            "query_string": b"",
            "headers": headers,
            "client": _address(context.peer()),
        }
    )


def _address(peer: str) -> tuple[str, int] | None:
    """Return host and port of `ipv4:192.0.2.1:5000` or `ipv6:%5B2001:db8::1%5D:5000`."""
    kind, _, rest = unquote(peer).partition(":")
    host, _, port = rest.rpartition(":")
    if kind not in {"ipv4", "ipv6"} or not port.isdigit():
        return None
    return host.strip("[]").partition("%")[0], int(port)


class CallSocket:
    """A call as the way to a client, in place of a WebSocket.

    It is never `flowing`: each message waits until gRPC has taken it, and there is one at a time.
    So what a client does not read is bounded by HTTP/2's window.

    Args:
        context: The call.

    Attributes:
        is_cut: Whether it was ended without waiting for the client to read.
    """

    flowing: Final = False
    waiting: Final = False

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gone = asyncio.Event()
        self._half_closed = False
        self.is_cut = False
        self.render_end: Callable[[ContractError], Sequence[Sent]] | None = None
        self.failure: ContractError | None = None
        self.owner = b""

    def left(self) -> None:
        """Note that the client is gone."""
        self._gone.set()

    async def receive(self) -> Mapping[str, Any]:
        """Wait for the next message, the half-close, or the end."""
        if not self._half_closed and not self._gone.is_set():
            message = await self._context.read()
            if message is not grpc.aio.EOF:
                return {"type": "websocket.receive", "bytes": message}
            self._half_closed = True
            if not self._gone.is_set():
                return {"type": HALF_CLOSE}
        await self._gone.wait()
        return _GONE

    async def deliver(self, message: bytes) -> None:
        """Send a message as soon as the client reads."""
        try:
            await self._context.write(message)
        except grpc.aio.BaseError as error:
            raise ConnectionResetError("the call is over") from error

    def push(self, _message: bytes) -> None:
        """Refuse: it is never `flowing`."""
        raise ConnectionResetError("a call is waited for")

    async def end(self, _code: int, _reason: str) -> None:
        """Leave the end to the call's own status, which follows."""

    def cut(self, _messages: Sequence[Sent], _code: int) -> None:
        """Note that the client does not read."""
        self.is_cut = True


async def end_call(context: Context, error: ContractError | None, trailers: Trailers) -> None:
    """End a call with its status; nothing of it may be done after this.

    Raises:
        grpc.aio.AbortError: That is how gRPC ends one that failed.
    """
    if error is None:
        context.set_trailing_metadata(trailers)
        return
    try:
        await context.abort(status_of(error), error.sentence, trailers)
    except grpc.aio.AbortError:
        raise
    except grpc.aio.BaseError:
        # The client was gone before it was told.
        return


async def say(context: Context, message: bytes, seconds: float) -> None:
    """Send a message.

    Raises:
        ContractError: `slow_reader`: the client did not read it in time.
    """
    try:
        async with asyncio.timeout(seconds):
            await context.write(message)
    except TimeoutError:
        raise ContractError(ErrorCode.SLOW_READER, seconds=seconds) from None


async def one_message(context: Context, seconds: float) -> bytes:
    """Read the one message of a call that has one; empty where it has none.

    Raises:
        ContractError: `message_timeout`: it did not come in time.
    """
    try:
        async with asyncio.timeout(seconds):
            message = await context.read()
    except TimeoutError:
        raise ContractError(ErrorCode.MESSAGE_TIMEOUT, seconds=seconds) from None
    return b"" if message is grpc.aio.EOF else message


def raw_handler(
    serve: Callable[[object, Context], Awaitable[None]],
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    """Return the handler of a method whose messages are read and written as bytes.

    What goes wrong in it is logged here, and not told: gRPC would send the exception's text.
    """

    async def guarded(requests: object, context: Context) -> None:
        try:
            await serve(requests, context)
        except (grpc.aio.AbortError, asyncio.CancelledError):
            raise
        except grpc.aio.BaseError:
            # The client was gone before it was answered.
            return
        except Exception:  # noqa: BLE001 - whatever it was, the client is told and the log has it
            _log.exception("call failed")
            error = ContractError(ErrorCode.INTERNAL_ERROR)
            await end_call(context, error, trailers_of(error))

    return grpc.stream_stream_rpc_method_handler(guarded)
