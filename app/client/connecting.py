"""Connecting for the length of an `async with` block."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Literal, Unpack, overload

from .connection import Address, AddressOptions, Connection, TokenSource
from .deadlines import Deadlines
from .resume import DEFAULT_KEEP_S, ReconnectRules, ResumableConnection

AnyConnection = Connection | ResumableConnection
"""What sessions run on, whether or not they outlive a break."""


@overload
def connect(
    url: str,
    *,
    deadlines: Deadlines | None = None,
    resume: Literal[True] = True,
    keep_s: float = DEFAULT_KEEP_S,
    reconnect: ReconnectRules | None = None,
    **options: Unpack[AddressOptions],
) -> AbstractAsyncContextManager[ResumableConnection]: ...


@overload
def connect(
    url: str,
    *,
    deadlines: Deadlines | None = None,
    resume: Literal[False],
    **options: Unpack[AddressOptions],
) -> AbstractAsyncContextManager[Connection]: ...


@overload
def connect(
    url: str,
    *,
    deadlines: Deadlines | None = None,
    resume: bool,
    keep_s: float = DEFAULT_KEEP_S,
    reconnect: ReconnectRules | None = None,
    **options: Unpack[AddressOptions],
) -> AbstractAsyncContextManager[AnyConnection]: ...


def connect(  # noqa: PLR0913 - independent keywords, each with a default
    url: str,
    *,
    token: TokenSource | None = None,
    ca: Path | str | None = None,
    ssl_context: SSLContext | None = None,
    server_hostname: str | None = None,
    headers: Mapping[str, str] | None = None,
    deadlines: Deadlines | None = None,
    wait: float | None = None,
    resume: bool = True,
    keep_s: float = DEFAULT_KEEP_S,
    reconnect: ReconnectRules | None = None,
) -> AbstractAsyncContextManager[AnyConnection]:
    """Connect to a gateway for the length of an `async with` block.

    Where the gateway offers it, sessions survive a break of the connection, see
    `ResumableConnection`.

    Example:
        async with connect("wss://asr.example.com/ws", token=token) as gateway:
            await gateway.start(StartTranscription(sample_rate=16000, hotwords=["Perch"]))
            await gateway.send(pcm)
            await gateway.finish()
            async for event in gateway.events():
                if isinstance(event, Transcription):
                    print(event.text)

    Args:
        url: `ws://` or `wss://`; any path but dialect B's `/ws/transcribe`.
        token: Bearer token, sent in the upgrade's Authorization header and written nowhere else. A
            function is called for each try to connect, and may be asynchronous: so single-use
            tokens are had anew. What it raises ends the try, and the session where one is to go on;
            a `ClientError` that is retryable is tried again. A session that a single-use token
            began goes on by itself where the gateway offers that, and asks only if it is refused.
        ca: PEM file of the authority to trust instead of the system's, for `wss://`.
        ssl_context: A complete TLS setting instead of `ca`.
        server_hostname: Name to ask for and to check in the certificate, where it is not the URL's
            host.
        headers: Further headers of the upgrade, such as the one by which a load balancer reaches
            one colour.
        deadlines: How long to wait for what.
        wait: Seconds (1 to 300) for which a place in the gateway's waiting room is taken when all
            sessions are in use; None to be refused at once.
        resume: False for a `Connection` that ends with its WebSocket.
        keep_s: Seconds of audio to buffer for a replay at most; at the limit `send` waits.
        reconnect: How a broken connection is replaced, within `Deadlines.reconnect`.

    Raises:
        ValueError: `url`, `ca`, `ssl_context`, `wait` or `keep_s` cannot be, or do not fit
            together.
        RefusedError: The gateway answered with an HTTP status; subclasses tell 401, 403, 429 and
            503 apart.
        ConnectFailedError: There was no such answer: name, network or TLS.
        DeadlineError: `Deadlines.open` passed.
    """
    address = Address.checked(
        url,
        token=token,
        ca=ca,
        ssl_context=ssl_context,
        server_hostname=server_hostname,
        headers=headers,
        wait=wait,
    )
    waits = deadlines or Deadlines()
    if not resume:
        return _plain(address, waits)
    return _resumable(address, waits, keep_s, reconnect)


@asynccontextmanager
async def _plain(address: Address, deadlines: Deadlines) -> AsyncIterator[Connection]:
    async with await Connection.at(address, deadlines) as connection:
        yield connection


@asynccontextmanager
async def _resumable(
    address: Address, deadlines: Deadlines, keep_s: float, rules: ReconnectRules | None
) -> AsyncIterator[ResumableConnection]:
    async with await ResumableConnection.at(
        address, deadlines, keep_s=keep_s, rules=rules
    ) as connection:
        yield connection
