"""The gateway's own TLS, and that last words survive it."""

import ssl
from pathlib import Path

import pytest
import trustme

from app.emulator import Emulator
from tests.app.gateway.running import client, last_words, running_gateway, said, send

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
