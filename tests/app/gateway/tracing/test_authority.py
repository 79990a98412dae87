"""The authority of the collector's certificate, changed under a gateway that sends traces."""

from hashlib import sha256
from pathlib import Path

import grpc
import pytest
import trustme

from app import followed_files
from app.emulator import Emulator
from tests.app.gateway.conftest import Log
from tests.app.gateway.session.words import A
from tests.support.certificates import put_authorities
from tests.support.collector import collecting
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    eventually,
    running_gateway,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def speak(gateway: Running) -> None:
    async with client(gateway) as socket:
        await A.begin(socket)
        await socket.send(SILENCE_100MS * 10)
        await send(socket, A.stop)
        await said_until(socket, A.stopped)


async def test_a_collector_of_a_new_authority_is_believed_without_a_restart(
    emulator: Emulator, tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_files, "POLL_S", 0.01)
    file, authority = tmp_path / "collector-ca.pem", trustme.CA()
    put_authorities(file, trustme.CA())
    issued = authority.issue_cert("localhost")
    credentials = grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())]
    )
    async with (
        collecting(credentials) as collector,
        running_gateway(
            emulator,
            otel_exporter_otlp_endpoint=f"https://localhost:{collector.grpc_port}",
            otel_exporter_otlp_protocol="grpc",
            otel_exporter_otlp_certificate=file,
            otel_exporter_otlp_timeout=500,
        ) as gateway,
    ):
        await speak(gateway)
        await eventually(lambda: "traces cannot be sent" in log.text)
        assert collector.spans == []
        put_authorities(file, authority)
        mark = sha256(file.read_bytes()).digest()
        (followed,) = [one for one in gateway.gateway.followed if one.name.startswith("OTEL_")]
        await eventually(lambda: followed._taken == mark)
        await speak(gateway)
        await collector.until(lambda seen: bool(seen.spans))
