"""The gateway's own TLS: that last words survive it, and that its certificate may change."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families

from app import followed_files
from app.certificates import facts_of_chain
from app.emulator import Emulator
from app.gateway.server import loop
from tests.app.gateway.conftest import Log
from tests.support import certificates
from tests.support.certificates import Pair, fingerprint_of, pair_in, put, put_certificate, put_key
from tests.support.gateways.running import (
    DEADLINE_S,
    Running,
    client,
    eventually,
    last_words,
    running_gateway,
    said,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def pair(authority: trustme.CA, tmp_path: Path) -> Pair:
    made = pair_in(tmp_path, "gateway")
    put(made, authority.issue_cert(NAME))
    return made


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_files, "POLL_S", 0.01)


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@asynccontextmanager
async def secured(emulator: Emulator, pair: Pair, **changes: Any) -> AsyncIterator[Running]:  # noqa: ANN401 - any setting
    async with running_gateway(
        emulator, app_ssl_cert=pair.certificate, app_ssl_key=pair.key, **changes
    ) as gateway:
        gateway.url = gateway.url.replace("ws://", "wss://")
        yield gateway


async def shown(gateway: Running, authority: trustme.CA) -> str:
    """Shake hands, and return the fingerprint of the certificate that was shown."""
    port = int(gateway.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection(NAME, port, ssl=trusting(authority))
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return facts_of_chain(ssl.DER_cert_to_PEM_cert(der).encode()).fingerprint


def measured(gateway: Running, metric: str, name: str) -> float | None:
    text = gateway.gateway.metrics.render().decode()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == metric and sample.labels == {"name": name}:
                return sample.value
    return None


def problem(gateway: Running) -> Callable[[], bool]:
    return lambda: measured(gateway, "perch_file_not_followed", "APP_SSL_CERT") == 1.0


async def test_sessions_and_the_last_error_go_through_tls(
    emulator: Emulator, pair: Pair, authority: trustme.CA
) -> None:
    async with (
        secured(emulator, pair, ws_max_message_size_mb=1) as gateway,
        client(gateway, ssl=trusting(authority)) as socket,
    ):
        await send(socket, "ping")
        assert (await said(socket))["type"] == "pong"
        await socket.send(bytes(1_500_000))
        error, code = await last_words(socket)
    assert (error["code"], code) == ("message_too_big", 1009)


async def test_a_new_certificate_is_shown_to_new_handshakes_and_running_connections_stay(
    emulator: Emulator, pair: Pair, authority: trustme.CA, log: Log
) -> None:
    new = authority.issue_cert(NAME, not_after=datetime.now(UTC) + timedelta(days=7))
    async with secured(emulator, pair) as gateway:
        first = pair.fingerprint
        assert await shown(gateway, authority) == first
        async with client(gateway, ssl=trusting(authority)) as early:
            put(pair, new)
            await eventually(lambda: log.text.count("certificate taken") == 2)
            assert await shown(gateway, authority) == fingerprint_of(new) != first
            await send(early, "ping")
            assert (await said(early))["type"] == "pong"
        ends = measured(gateway, "perch_certificate_expiry_timestamp_seconds", "gateway")
    facts = facts_of_chain(pair.certificate.read_bytes())
    assert ends == facts.ends_at
    told = [line for line in log.lines if line["event"] == "certificate taken"]
    assert [line["fingerprint"] for line in told] == [first, fingerprint_of(new)]
    assert told[1]["ends"] == facts.ends
    assert "PRIVATE KEY" not in log.text


async def test_key_certificate_and_authorities_may_be_one_file(
    emulator: Emulator, authority: trustme.CA, tmp_path: Path, log: Log
) -> None:
    """As machines have it: what is put in place at once is never half of a pair."""
    file = tmp_path / "gateway-tls.pem"
    issued = [authority.issue_cert(NAME) for _ in range(2)]

    def put_one(number: int) -> None:
        one = issued[number]
        parts = (one.private_key_pem, *one.cert_chain_pems, authority.cert_pem)
        certificates.replace(file, b"".join(part.bytes() for part in parts))

    put_one(0)
    async with secured(emulator, Pair(file, file)) as gateway:
        put_one(1)
        await eventually(lambda: log.text.count("certificate taken") == 2)
        assert await shown(gateway, authority) == fingerprint_of(issued[1])
        expiry = "perch_certificate_expiry_timestamp_seconds"
        signer = facts_of_chain(authority.cert_pem.bytes())
        assert measured(gateway, expiry, "gateway_ca") == signer.ends_at
        # One without its authority says no more when that ends.
        alone = (issued[0].private_key_pem, issued[0].cert_chain_pems[0])
        certificates.replace(file, b"".join(part.bytes() for part in alone))
        await eventually(lambda: log.text.count("certificate taken") == 3)
        assert measured(gateway, expiry, "gateway_ca") is None
    assert "file not followed" not in log.text


async def test_a_certificate_of_another_authority_takes_its_place(
    emulator: Emulator, pair: Pair, authority: trustme.CA, log: Log
) -> None:
    other = trustme.CA()
    async with secured(emulator, pair) as gateway:
        put(pair, other.issue_cert(NAME))
        await eventually(lambda: log.text.count("certificate taken") == 2)
        assert await shown(gateway, other) == pair.fingerprint
        with pytest.raises(ssl.SSLCertVerificationError):
            await shown(gateway, authority)


async def test_a_pair_that_does_not_fit_changes_nothing_until_it_does_and_is_logged_once(
    emulator: Emulator, pair: Pair, authority: trustme.CA, log: Log
) -> None:
    new = authority.issue_cert(NAME)
    async with secured(emulator, pair) as gateway:
        first = pair.fingerprint
        put_certificate(pair, new)
        await eventually(problem(gateway))
        assert await shown(gateway, authority) == first
        put_key(pair, new)
        await eventually(lambda: not problem(gateway)())
        assert await shown(gateway, authority) == fingerprint_of(new)
    told = [line["problem"] for line in log.lines if line["event"] == "file not followed"]
    assert len(told) == 1
    assert "do not fit" in told[0]


@pytest.mark.parametrize("spoil", ["empty", "no certificate", "gone"])
async def test_files_that_make_no_sense_leave_the_old_certificate(
    emulator: Emulator, pair: Pair, authority: trustme.CA, spoil: str
) -> None:
    async with secured(emulator, pair) as gateway:
        first = pair.fingerprint
        if spoil == "gone":
            pair.certificate.unlink()
        else:
            certificates.replace(pair.certificate, b"" if spoil == "empty" else b"made-up")
        await eventually(problem(gateway))
        assert await shown(gateway, authority) == first


async def test_a_certificate_that_has_ended_does_not_take_the_place_of_one_that_has_not(
    emulator: Emulator, pair: Pair, authority: trustme.CA
) -> None:
    now = datetime.now(UTC)
    ended = authority.issue_cert(
        NAME, not_before=now - timedelta(days=2), not_after=now - timedelta(days=1)
    )
    async with secured(emulator, pair) as gateway:
        first = pair.fingerprint
        put(pair, ended)
        await eventually(problem(gateway))
        assert await shown(gateway, authority) == first


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
