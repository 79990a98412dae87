"""The gateway's own TLS, and that last words survive it."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from app.emulator import Emulator
from app.gateway.server import loop
from tests.support.gateways.running import (
    DEADLINE_S,
    client,
    last_words,
    running_gateway,
    said,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_sessions_and_the_last_error_go_through_tls(
    emulator: Emulator, tmp_path: Path
) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with running_gateway(
        emulator, app_ssl_cert=certificate, app_ssl_key=key, ws_max_message_size_mb=1
    ) as gateway:
        gateway.url = gateway.url.replace("ws://", "wss://")
        async with client(gateway, ssl=context) as socket:
            await send(socket, "ping")
            assert (await said(socket))["type"] == "pong"
            await socket.send(bytes(1_500_000))
            error, code = await last_words(socket)
    assert (error["code"], code) == ("message_too_big", 1009)


async def test_a_tls_handshake_that_does_not_end_is_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "TLS_HANDSHAKE_TIMEOUT_S", 0.2)

    async def silent_client_is_cut() -> bool:
        running, context = asyncio.get_running_loop(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        server = await running.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        async with asyncio.timeout(DEADLINE_S):
            said = await reader.read()
        writer.close()
        server.close()
        return said == b""

    def in_a_loop_of_the_gateway() -> bool:
        with asyncio.Runner(loop_factory=loop.GatewayLoop) as runner:
            return runner.run(silent_client_is_cut())

    assert await asyncio.to_thread(in_a_loop_of_the_gateway)
