"""Opening a connection: refusals, networks and certificates, what cannot be meant.

Does not prove that a real gateway refuses in these ways; `test_with_a_gateway.py` does that.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
import trustme

from app.client import (
    BusyError,
    CertificateError,
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
from tests.support.gateways import scripted as play
from tests.support.gateways.scripted import Peer, scripted


async def greet(peer: Peer) -> None:
    await peer.begin()
    await peer.hear("stop_transcription")
    await peer.say(play.stopped())


LOGIN = "user:word"
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
    with pytest.raises(ConnectFailedError, match=rf"ws://127\.0\.0\.1:{port}/ws") as failed:
        await Connection.open(f"ws://{LOGIN}@127.0.0.1:{port}/ws?token=abc")
    assert "word" not in str(failed.value)
    assert "abc" not in str(failed.value)
    assert failed.value.retryable


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[int]:
    """A port that says something else than WebSocket servers do, and hangs up."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_server_that_is_no_websocket_server_is_told() -> None:
    async with listening(b"220 mail ready\r\n") as port:
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
        with pytest.raises(CertificateError, match="certificate verify failed") as refused:
            await Connection.open(gateway.url)
        assert not refused.value.retryable
        assert refused.value.unknown_authority
        by_name = gateway.url.replace("127.0.0.1", "localhost")
        with pytest.raises(CertificateError, match="not valid for 'localhost'") as refused:
            await Connection.open(by_name, ca=pem)
        assert not refused.value.unknown_authority


async def test_a_port_that_speaks_tls_is_told_apart_from_one_that_does_not() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with scripted(greet, tls=context) as gateway:
        plain = gateway.url.replace("wss:", "ws:")
        with pytest.raises(ConnectFailedError, match=r": this port speaks TLS; use wss://$"):
            await Connection.open(plain)
    for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"):
        async with listening(answer) as port:
            with pytest.raises(ConnectFailedError, match=r"there speaks no TLS[;,] use ws://$"):
                await Connection.open(f"wss://127.0.0.1:{port}/ws")


@pytest.mark.parametrize("proxy", ["socks5h://127.0.0.1:9", "http://127.0.0.1:9", "what://is", "["])
async def test_no_proxy_of_the_environment_is_asked_the_way_to_this_machine(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SOCKS_PROXY"):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.lower(), proxy)
    async with scripted(greet) as gateway, connect(gateway.url) as connection:
        assert connection.hello is not None
    # Where there is no other way, what is wrong with it is said.
    with pytest.raises(ConnectFailedError, match=r"cannot connect to ws://gateway.invalid/ws: "):
        await Connection.open("ws://gateway.invalid/ws")


async def test_a_proxy_that_cannot_be_used_is_named_with_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("socks_proxy", "socks5://127.0.0.1:9")
    with pytest.raises(ConnectFailedError, match="SOCKS needs the package python-socks") as refused:
        await Connection.open("ws://gateway.invalid/ws")
    assert not refused.value.retryable


@pytest.mark.parametrize(
    ("url", "options", "complaint"),
    [
        ("http://host/ws", {}, "url is http://host/ws; accepted: ws://"),
        ("https://host:8443/ui", {}, "; perhaps wss://host:8443/ws is meant"),
        ("host:8080", {}, "accepted: ws://"),
        ("host", {}, "url is host; accepted: ws://"),
        ("ws://[evil/ws", {}, "url is 'ws://.evil/ws'; accepted: ws://.*Invalid IPv6"),
        ("ws://host:99999/ws", {}, "url is 'ws://host:99999/ws'; accepted: .*out of range 0-65535"),
        ("ws://a..b/ws", {}, "url is 'ws://a..b/ws'; accepted: .*no host is called so"),
        ("ws://caf\udce9/ws", {}, r"url is 'ws://caf.udce9/ws'; accepted: .*no host is called so"),
        ("ws://host/caf\udce9", {}, r"url is 'ws://host/caf.udce9'; accepted: ws://"),
        (f"ws://{LOGIN}@[x", {}, "url is '.x'; accepted: ws://"),
        ("ws://host/ws#top", {}, "accepted: ws://host... or wss://host..., without #"),
        ("ws:///ws", {}, "accepted: ws://"),
        ("wss://host/ws/transcribe", {}, "dialect B"),
        ("ws://host/ws", {"ca": "ca.pem"}, "need a wss:// url"),
        ("wss://host/ws", {"ca": "/nowhere.pem"}, "ca is /nowhere.pem; accepted: .*No such file"),
        ("wss://host/ws", {"ca": "/"}, "ca is /; accepted: .*Is a directory"),
        ("wss://host/ws", {"ca": __file__}, "accepted: a readable PEM .*it holds no certificate"),
        ("wss://host/ws", {"token": "Schlüssel"}, "token has characters a header cannot carry"),
        ("wss://host/ws", {"token": "two lines\n"}, "token has characters a header cannot carry"),
        ("ws://host/ws", {"server_hostname": "name"}, "need a wss:// url"),
        (
            "wss://host/ws",
            {"ca": "ca.pem", "ssl_context": ssl.create_default_context()},
            "are both given",
        ),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_anything_is_opened(
    url: str, options: dict[str, object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        await Connection.open(url, **options)  # type: ignore[arg-type] # whatever the case asks for


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("http://host", "ws://host/ws"),
        ("http://host/", "ws://host/ws"),
        ("http://host:81/ui", "ws://host:81/ws"),
        ("https://host/elsewhere", "wss://host/elsewhere"),
        (f"https://{LOGIN}@host/ws?token=abc", "wss://host/ws"),
        ("ftp://host/ws", None),
        ("http:///ws", None),
        ("http://host:0/ws", None),
    ],
)
async def test_an_address_of_a_page_leads_to_that_of_its_gateway(
    url: str, meant: str | None
) -> None:
    with pytest.raises(ValueError, match="accepted") as refused:
        await Connection.open(url)
    _, _, told = str(refused.value).partition("; accepted: ws://host... or wss://host...")
    assert told == ("" if meant is None else f"; perhaps {meant} is meant")
    assert "word" not in str(refused.value)
    assert "abc" not in str(refused.value)


async def test_no_hello_within_the_deadline_closes_the_connection_again() -> None:
    async def silence(peer: Peer) -> None:
        await peer.socket.wait_closed()

    async with scripted(silence) as gateway:
        with pytest.raises(DeadlineError, match=r"did not open a connection within 0\.2 s"):
            await Connection.open(gateway.url, deadlines=Deadlines(open=0.2))
        for peer in gateway.peers:
            await peer.socket.wait_closed()
