"""Opening a connection: refusals, networks and certificates, what cannot be meant.

Does not prove that a real gateway refuses in these ways; `test_with_a_gateway.py` does that.
"""

import asyncio
import logging
import ssl
from http import HTTPStatus
from pathlib import Path

import pytest
import trustme

from app.client import (
    BusyError,
    ConnectFailedError,
    Connection,
    DeadlineError,
    Deadlines,
    ForbiddenError,
    RefusedError,
    TooManyRequestsError,
    UnauthorizedError,
    connect,
)
from app.contract import ErrorCode
from tests.app.client import scripted as play
from tests.app.client.scripted import Peer, scripted


async def greet(peer: Peer) -> None:
    await peer.begin()
    await peer.hear("stop_transcription")
    await peer.say(play.stopped())


BODY = (
    b'{"error": "All 2 connections are in use", "code": "too_many_connections",'
    b' "retryable": true, "retry_after": 5}'
)


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (HTTPStatus.UNAUTHORIZED, UnauthorizedError, False),
        (HTTPStatus.FORBIDDEN, ForbiddenError, False),
        (HTTPStatus.TOO_MANY_REQUESTS, TooManyRequestsError, True),
        (HTTPStatus.SERVICE_UNAVAILABLE, BusyError, True),
        (HTTPStatus.BAD_GATEWAY, RefusedError, True),
        (HTTPStatus.NOT_FOUND, RefusedError, False),
        (HTTPStatus.FOUND, RefusedError, False),
    ],
)
async def test_a_refusal_before_the_upgrade_is_told_apart_by_its_status(
    status: HTTPStatus, kind: type[RefusedError], *, retryable: bool
) -> None:
    # A load balancer's own page: not JSON, and a redirect must not be followed with the token.
    refusal = (status, {"Retry-After": "7", "Location": "/elsewhere"}, b"<html>no</html>")
    async with scripted(greet, refusal=refusal) as gateway:
        with pytest.raises(kind) as refused:
            await Connection.open(gateway.url)
        assert type(refused.value) is kind
        assert refused.value.status == status
        assert refused.value.retryable is retryable
        assert refused.value.retry_after == 7.0
        assert len(gateway.requests) == 1


async def test_a_refusal_in_the_contracts_words_keeps_code_and_wait() -> None:
    refusal = (HTTPStatus.SERVICE_UNAVAILABLE, {"Content-Type": "application/json"}, BODY)
    async with scripted(greet, refusal=refusal) as gateway:
        with pytest.raises(BusyError, match="All 2 connections are in use") as refused:
            await Connection.open(gateway.url)
        assert refused.value.code == ErrorCode.TOO_MANY_CONNECTIONS
        assert refused.value.retry_after == 5.0


async def test_nobody_listening_is_told_without_the_query_or_credentials_of_the_url() -> None:
    async with scripted(greet) as gateway:
        port = gateway.url.split(":")[2].split("/")[0]
    login = "user:word"
    with pytest.raises(ConnectFailedError, match=rf"ws://127\.0\.0\.1:{port}/ws") as failed:
        await Connection.open(f"ws://{login}@127.0.0.1:{port}/ws?token=abc")
    assert "word" not in str(failed.value)
    assert "abc" not in str(failed.value)
    assert failed.value.retryable


async def test_a_server_that_is_no_websocket_server_is_told() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectFailedError, match="cannot connect"):
            await Connection.open(f"ws://127.0.0.1:{port}/ws")


async def test_the_token_goes_into_the_upgrade_and_not_into_any_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        scripted(greet) as gateway,
        connect(gateway.url, token="made-up") as connection,
    ):
        assert gateway.requests[0].headers["Authorization"] == "Bearer made-up"
    client_lines = [r for r in caplog.records if not r.name.startswith("websockets.server")]
    assert "made-up" not in " ".join(record.getMessage() for record in client_lines)
    assert "made-up" not in repr(vars(connection))


async def test_a_private_authority_is_trusted_by_its_file_and_not_without(tmp_path: Path) -> None:
    authority = trustme.CA()
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with scripted(greet, tls=context) as gateway:
        async with connect(gateway.url, ca=pem) as connection:
            await connection.start()
            await connection.finish()
        with pytest.raises(ConnectFailedError, match="certificate verify failed") as refused:
            await Connection.open(gateway.url)
        assert not refused.value.retryable


@pytest.mark.parametrize(
    ("url", "options", "complaint"),
    [
        ("http://host/ws", {}, "url is http://host/ws; accepted: ws://"),
        ("host:8080", {}, "accepted: ws://"),
        ("ws:///ws", {}, "accepted: ws://"),
        ("wss://host/ws/transcribe", {}, "dialect B"),
        ("ws://host/ws", {"ca": "ca.pem"}, "need a wss:// url"),
        ("ws://host/ws", {"server_hostname": "name"}, "need a wss:// url"),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_anything_is_opened(
    url: str, options: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        await Connection.open(url, **options)  # type: ignore[arg-type] # whatever the case asks for


async def test_no_hello_within_the_deadline_closes_the_connection_again() -> None:
    async def silence(peer: Peer) -> None:
        await peer.socket.wait_closed()

    async with scripted(silence) as gateway:
        with pytest.raises(DeadlineError, match=r"did not open a connection within 0\.2 s"):
            await Connection.open(gateway.url, deadlines=Deadlines(open=0.2))
        for peer in gateway.peers:
            await peer.socket.wait_closed()
