"""What the listener speaks: each protocol and cipher that this machine's OpenSSL can offer, tried.

Proves nothing of what that OpenSSL cannot offer, such as SSL 3 and in most builds RC4. Where it
cannot offer a protocol or family at all, a server that takes everything shows so, and the test is
skipped.
"""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio
import trustme

from app.emulator import Emulator
from tests.support.certificates import pair_in, put
from tests.support.gateways.running import DEADLINE_S, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME: Final = "127.0.0.1"
EVERYTHING: Final = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
OLD: Final = ("TLSv1", "TLSv1_1")
WITHOUT_FORWARD_SECRECY: Final = "kRSA:@SECLEVEL=0"
FAMILIES: Final = {
    "without forward secrecy": WITHOUT_FORWARD_SECRECY,
    "3DES": "3DES:@SECLEVEL=0",
    "RC4": "RC4:@SECLEVEL=0",
    "CBC": "SHA1:SHA256:SHA384:!AESGCM:!CHACHA20:!AESCCM:!ARIAGCM:!kRSA:@SECLEVEL=0",
    "nobody proves who he is": "aNULL:@SECLEVEL=0",
    "nothing is encrypted": "eNULL:@SECLEVEL=0",
}
KEYS: Final = {"ECDSA": trustme.KeyType.ECDSA, "RSA": trustme.KeyType.RSA}
ACCEPTED: Final = {
    f"ECDHE-{key}-{cipher}": key
    for key in KEYS
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
}


def offer(
    version: str = "TLSv1_2", ciphers: str = EVERYTHING, *, alpn: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """Return a client that offers one protocol and these ciphers, and believes everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    _only(context, version)
    return context


def _only(context: ssl.SSLContext, version: str) -> None:
    with warnings.catch_warnings():
        # That they are old is the point.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]


async def met(context: ssl.SSLContext, port: int) -> ssl.SSLObject | None:
    """Shake hands, and return what was agreed on; None where nothing was."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            _, writer = await asyncio.open_connection(NAME, port, ssl=context)
    except (ssl.SSLError, ConnectionError):
        return None
    agreed: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.close()
    return agreed


async def is_offered(context: ssl.SSLContext, version: str, key: str) -> bool:
    """Say whether a server that takes everything and a client of this machine can agree on it."""
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    lax.set_ciphers(EVERYTHING)
    _only(lax, version)
    trustme.CA(key_type=KEYS[key]).issue_cert(NAME, key_type=KEYS[key]).configure_cert(lax)
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, NAME, 0, ssl=lax)
    try:
        return await met(context, server.sockets[0].getsockname()[1]) is not None
    finally:
        server.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ports(
    shared_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, int]]:
    """A gateway with a key of each kind, by kind."""
    async with (
        running_gateway(shared_emulator, **_pair(tmp_path_factory, "ECDSA")) as one,
        running_gateway(shared_emulator, **_pair(tmp_path_factory, "RSA")) as other,
    ):
        yield {
            kind: int(gateway.url.rpartition(":")[2])
            for kind, gateway in (("ECDSA", one), ("RSA", other))
        }


def _pair(folders: pytest.TempPathFactory, key: str) -> dict[str, Any]:
    pair = pair_in(folders.mktemp(key), "gateway")
    put(pair, trustme.CA(key_type=KEYS[key]).issue_cert(NAME, key_type=KEYS[key]))
    return {"app_ssl_cert": pair.certificate, "app_ssl_key": pair.key}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_tls_1_2_and_1_3_are_spoken(ports: dict[str, int], version: str, key: str) -> None:
    agreed = await met(offer(version), ports[key])
    assert agreed is not None
    assert agreed.version() == version.replace("_", ".")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("version", OLD)
async def test_an_older_protocol_is_refused(ports: dict[str, int], version: str, key: str) -> None:
    client = offer(version)
    if not await is_offered(client, version, key):
        pytest.skip(f"this machine's {ssl.OPENSSL_VERSION} cannot offer {version}")
    assert await met(client, ports[key]) is None


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("family", FAMILIES)
async def test_a_weak_family_of_ciphers_is_refused(
    ports: dict[str, int], family: str, key: str
) -> None:
    try:
        client = offer(ciphers=FAMILIES[family])
    except ssl.SSLError:
        pytest.skip(f"this machine's {ssl.OPENSSL_VERSION} has no cipher of the family: {family}")
    if not await is_offered(client, "TLSv1_2", key):
        pytest.skip(f"this machine's {ssl.OPENSSL_VERSION} cannot offer the family: {family}")
    assert await met(client, ports[key]) is None


async def test_of_every_cipher_of_tls_1_2_only_six_are_accepted_each_with_forward_secrecy(
    ports: dict[str, int],
) -> None:
    known = {str(one["name"]) for one in offer().get_ciphers() if one["protocol"] != "TLSv1.3"}
    accepted = {
        name: key
        for key, port in ports.items()
        for name in sorted(known)
        if await met(offer(ciphers=f"{name}:@SECLEVEL=0"), port) is not None
    }
    assert len(known) > len(ACCEPTED)
    assert accepted == {name: key for name, key in ACCEPTED.items() if name in known}


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_http_1_1_is_what_is_negotiated(ports: dict[str, int], version: str) -> None:
    agreed = await met(offer(version, alpn=("h2", "http/1.1")), ports["ECDSA"])
    assert agreed is not None
    assert agreed.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
async def test_no_ticket_is_given_to_resume_a_session_by(
    ports: dict[str, int], version: str
) -> None:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection(NAME, ports["ECDSA"], ssl=offer(version))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        # TLS 1.3 sends tickets behind the handshake, before anything else.
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
    session = writer.get_extra_info("ssl_object").session
    writer.close()
    assert not session.has_ticket
