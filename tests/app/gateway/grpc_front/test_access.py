"""Who is let in by gRPC, to how much, and by which certificate the gateway is known there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from app import followed_files
from app.certificates import facts_of_chain
from app.emulator import Emulator
from tests.app.gateway.conftest import Log
from tests.app.gateway.grpc_front.calls import (
    METHOD,
    Heard,
    Metadata,
    audio,
    channel_of,
    config,
    converse,
    ended,
    stub_of,
)
from tests.support.certificates import pair_in, put
from tests.support.gateways.running import Running, eventually, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "a-token-for-clients-of-riva"  # pragma: allowlist secret
SECOND = [config(), *[audio()] * 10]


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_files, "POLL_S", 0.01)


@asynccontextmanager
async def closed(emulator: Emulator, **changes: Any) -> AsyncIterator[Running]:  # noqa: ANN401 - any setting
    async with running_gateway(
        emulator, app_grpc_port=0, app_auth_tokens=TOKEN, **changes
    ) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("metadata", "status"),
    [
        (bearer(TOKEN), grpc.StatusCode.OK),
        # NVIDIA's client shows it twice over TLS.
        (bearer(TOKEN) * 2, grpc.StatusCode.OK),
        ((), grpc.StatusCode.UNAUTHENTICATED),
        (bearer("another-token-of-some-length"), grpc.StatusCode.UNAUTHENTICATED),
        ((("authorization", TOKEN),), grpc.StatusCode.UNAUTHENTICATED),
    ],
    ids=["good", "good and twice", "none", "wrong", "no bearer"],
)
async def test_a_stream_is_for_who_shows_a_token(
    emulator: Emulator, log: Log, metadata: Metadata, status: grpc.StatusCode
) -> None:
    async with closed(emulator) as gateway:
        heard = await converse(gateway, SECOND, metadata)
    assert heard.status is status
    if status is not grpc.StatusCode.OK:
        assert heard.details == "A valid bearer token is required"
        assert heard.trailers == {"perch-code": "unauthorized"}
    assert TOKEN not in log.text


@pytest.mark.parametrize(
    "method", ["StreamingRecognize", "Recognize", "GetRivaSpeechRecognitionConfig"]
)
async def test_a_stranger_is_refused_before_a_byte_of_a_message_is_waited_for(
    emulator: Emulator, method: str
) -> None:
    async with closed(emulator) as gateway, channel_of(gateway) as channel:
        raw: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            METHOD + method
        )
        assert await raw().code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_page_of_another_site_is_refused_by_its_origin(emulator: Emulator) -> None:
    async with closed(emulator, app_allowed_origins="https://perch.example") as gateway:
        foreign = (*bearer(TOKEN), ("origin", "https://elsewhere.example"))
        heard = await converse(gateway, SECOND, foreign)
    assert heard.status is grpc.StatusCode.PERMISSION_DENIED
    assert heard.trailers["perch-code"] == "forbidden_origin"


@asynccontextmanager
async def speaking(channel: grpc.aio.Channel) -> AsyncIterator[Any]:
    """Open a stream that has been answered, and hold it."""

    async def sent() -> AsyncIterator[Any]:
        for one in SECOND:
            yield one
        await asyncio.Event().wait()

    call = stub_of(channel).StreamingRecognize(sent())
    await anext(aiter(call))
    try:
        yield call
    finally:
        call.cancel()


async def test_one_stream_too_many_is_told_when_to_come_back(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_grpc_port=0, ws_max_concurrent_sessions=1) as gateway:
        async with channel_of(gateway) as channel, speaking(channel):
            heard = await converse(gateway, SECOND)
        assert heard.status is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert heard.details == "All 1 sessions are in use"
        assert heard.trailers == {
            "perch-code": "too_many_sessions",
            "retry-after": "5",
            "grpc-retry-pushback-ms": "5000",
        }
        await eventually(lambda: gateway.gateway.admission.sessions == 0)
        # Who has read a status may begin the next stream, where there is one place.
        for _ in range(5):
            assert (await converse(gateway, SECOND)).status is grpc.StatusCode.OK


async def test_a_client_has_its_share_and_others_theirs(emulator: Emulator) -> None:
    tokens = f"{TOKEN},another-client-of-riva-itself"
    async with (
        running_gateway(
            emulator, app_grpc_port=0, app_auth_tokens=tokens, ws_max_sessions_per_client=1
        ) as gateway,
        channel_of(gateway) as channel,
    ):

        async def sent() -> AsyncIterator[Any]:
            for one in SECOND:
                yield one
            await asyncio.Event().wait()

        call = stub_of(channel).StreamingRecognize(sent(), metadata=bearer(TOKEN))
        await anext(aiter(call))
        mine = await converse(gateway, SECOND, bearer(TOKEN))
        theirs = await converse(gateway, SECOND, bearer("another-client-of-riva-itself"))
        call.cancel()
    assert mine.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert mine.trailers["perch-code"] == "too_many_client_sessions"
    assert theirs.status is grpc.StatusCode.OK


async def test_a_stream_goes_by_tls_and_a_new_certificate_is_shown_without_a_restart(
    emulator: Emulator, authority: trustme.CA, tmp_path: Path
) -> None:
    pair = pair_in(tmp_path, "gateway")
    put(pair, authority.issue_cert("127.0.0.1"))
    newer = trustme.CA()
    async with running_gateway(
        emulator, app_grpc_port=0, app_ssl_cert=pair.certificate, app_ssl_key=pair.key
    ) as gateway:
        old, new = authority.cert_pem.bytes(), newer.cert_pem.bytes()
        async with channel_of(gateway, old) as channel, speaking(channel) as running:
            assert (await converse(gateway, SECOND, roots=old)).status is grpc.StatusCode.OK
            assert (await converse(gateway, SECOND, roots=new)).finals == []
            put(pair, newer.issue_cert("127.0.0.1"))
            now = facts_of_chain(pair.certificate.read_bytes()).fingerprint
            certificate = gateway.server.certificate
            assert certificate is not None
            await eventually(lambda: facts_of_chain(certificate.pair.chain).fingerprint == now)
            assert (await converse(gateway, SECOND, roots=new)).status is grpc.StatusCode.OK
            assert (await converse(gateway, SECOND, roots=old)).finals == []
            # A stream of before goes on.
            assert not running.done()


async def test_a_stream_whose_token_is_revoked_ends_with_its_finals(
    emulator: Emulator,
) -> None:
    async with closed(emulator) as gateway, channel_of(gateway) as channel:

        async def sent() -> AsyncIterator[Any]:
            for one in SECOND:
                yield one
            await asyncio.Event().wait()

        call = stub_of(channel).StreamingRecognize(sent(), metadata=bearer(TOKEN))
        heard = Heard([await anext(aiter(call))])
        for connection in gateway.gateway.sessions:
            connection.revoked()
        await ended(call, heard)
    assert heard.finals == ["hello ", "world "]
    assert heard.status is grpc.StatusCode.UNAUTHENTICATED
