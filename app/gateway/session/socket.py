"""The WebSocket of a connection: receives texts and bytes, reports its end."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from starlette.types import Scope, Send
from starlette.websockets import WebSocketDisconnect

from app.contract import ContractError

EXTENSION: Final = "perch.control"
"""Key of the ASGI scope's extensions under which the application finds its `SocketControl`."""

_GONE: Final = (OSError, RuntimeError, WebSocketDisconnect)
"""uvicorn raises OSError for a lost connection and RuntimeError for one it closed itself; Starlette
turns some of the former into its own."""


class SocketControl(Protocol):
    """What the application may do to its connection beside ASGI's events."""

    render_end: Callable[[ContractError], Sequence[str]] | None
    failure: ContractError | None
    owner: bytes

    @property
    def flowing(self) -> bool:
        """Whether the client reads what is sent: False once a write buffer is full."""

    @property
    def waiting(self) -> bool:
        """Whether `receive` has something to return at once."""

    async def receive(self) -> Mapping[str, Any]:
        """Wait for the client's next message or its end, as an ASGI event."""

    def push(self, text: str) -> None:
        """Send a text while `flowing`; raises OSError when the connection is closed."""

    def cut(self, texts: Sequence[str], code: int) -> None:
        """Queue the last messages and a close, not waiting for a client that does not read."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The client is gone.

    Attributes:
        code: Close code of the client, or 1005/1006 where there was none.
        failure: The error the connection ended with below the session, if one did.
    """

    code: int
    failure: ContractError | None


class ClientGoneError(Exception):
    """Nothing can be sent any more."""


class SlowReaderError(Exception):
    """The client did not read within the deadline."""


class ClientSocket:
    """One accepted WebSocket.

    Args:
        scope: ASGI scope of the connection.
        send: ASGI send, for what the connection's protocol cannot send at once.
        send_timeout_s: Seconds a message may wait for the client to read.
    """

    def __init__(self, scope: Scope, send: Send, send_timeout_s: float) -> None:
        self._send = send
        self._send_timeout_s = send_timeout_s
        self.control: SocketControl = scope["extensions"][EXTENSION]

    @property
    def waiting(self) -> bool:
        """Whether `receive` has something to return at once."""
        return self.control.waiting

    @property
    def flowing(self) -> bool:
        """Whether the client reads: False while what is sent would only pile up."""
        return self.control.flowing

    async def receive(self) -> str | bytes | Disconnected:
        """Wait for the next message or for the end."""
        message = await self.control.receive()
        if message["type"] == "websocket.disconnect":
            return Disconnected(message.get("code", 1005), self.control.failure)
        text: str | None = message.get("text")
        if text is not None:
            return text
        data: bytes = message["bytes"]
        return data

    async def send(self, text: str) -> None:
        """Send a message.

        Raises:
            SlowReaderError: The client does not read.
            ClientGoneError: The connection is closed.
        """
        try:
            if self.control.flowing:
                self.control.push(text)
            else:
                async with asyncio.timeout(self._send_timeout_s):
                    await self._send({"type": "websocket.send", "text": text})
        except TimeoutError as error:
            raise SlowReaderError from error
        except _GONE as error:
            raise ClientGoneError from error

    async def close(self, code: int) -> None:
        """Start the closing handshake, or cut a connection whose client does not read."""
        try:
            async with asyncio.timeout(self._send_timeout_s):
                await self._send({"type": "websocket.close", "code": code, "reason": ""})
        except _GONE as error:
            raise ClientGoneError from error

    def cut(self, texts: Sequence[str], code: int) -> None:
        """Queue the last messages to a client that may not read, and end the connection."""
        self.control.cut(texts, code)
