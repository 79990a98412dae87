"""Certificates and keys toward a recogniser, changed under a client: against a real gRPC server.

The server asks for client certificates and tells which one it saw. That no word of real speech is
lost is shown by the rotation drills (`tests/chaos/drills`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
import trustme
from structlog.testing import capture_logs

from app.asr import AsrError
from app.certificates import facts_of_authorities, facts_of_chain
from tests.app.asr.conftest import client_of
from tests.app.asr.leftovers import channels_of, pool_of
from tests.app.asr.sound import Microphone, of, tone
from tests.support.certificates import (
    Pair,
    fingerprint_of,
    pair_in,
    put,
    put_authorities,
    put_certificate,
    put_key,
    replace,
)
from tests.support.recognisers.fake_riva import FakeRiva, final, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from app.asr import RivaASRClient
    from tests.support.recognisers.fake_riva import Stream

NAME = "127.0.0.1"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def next_authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def pair(authority: trustme.CA, tmp_path: Path) -> Pair:
    made = pair_in(tmp_path, "client")
    put(made, authority.issue_cert("gateway.internal"))
    return made


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    put_authorities(path, authority)
    return path


def credentials(
    issuer: trustme.CA, *clients: trustme.CA, name: str = NAME
) -> grpc.ServerCredentials:
    """A server's, by an issuer; it wants client certificates of these authorities."""
    issued = issuer.issue_cert(name)
    return grpc.ssl_server_credentials(
        [(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())],
        root_certificates=b"".join(one.cert_pem.bytes() for one in clients) or None,
        require_client_auth=bool(clients),
    )


def mutual(trusted: Path, pair: Pair) -> dict[str, object]:
    return {
        "ssl": True,
        "ssl_cert": trusted,
        "ssl_client_cert": pair.certificate,
        "ssl_client_key": pair.key,
    }


SHOWN: dict[str, str] = {}
"""Fingerprint of the client's certificate, by the peer that showed it."""


async def greet(stream: Stream) -> None:
    context = stream.context.auth_context()
    if "x509_pem_cert" in context:
        SHOWN[stream.peer] = facts_of_chain(context["x509_pem_cert"][0]).fingerprint
    await stream.receive_all()
    await stream.say(final("hello"))


async def hear(client: RivaASRClient, audio: AsyncIterator[bytes] | None = None) -> list[str]:
    return [t.text async for t in client.stream_transcribe(audio or of([tone(0.1)]))]


async def look(client: RivaASRClient) -> None:
    """Look at the files, as a gateway does every second."""
    for files in client.credentials.followed:
        await files.refresh()


def shown_by(stream: Stream) -> str:
    """Fingerprint of the certificate that a client showed."""
    return SHOWN[stream.peer]


async def test_new_calls_show_the_new_certificate_and_a_running_stream_goes_on_over_the_old_one(
    authority: trustme.CA, next_authority: trustme.CA, trusted: Path, pair: Pair
) -> None:
    riva, microphone = FakeRiva(script=greet), Microphone()
    new = next_authority.issue_cert("gateway.internal")
    async with (
        serving(riva, credentials=credentials(authority, authority, next_authority)),
        client_of(riva, **mutual(trusted, pair)) as client,
    ):
        old = pair.fingerprint
        running = asyncio.create_task(hear(client, microphone.listen()))
        microphone.speak(tone(0.1))
        first = await riva.stream()
        await first.saw_audio(1)
        put(pair, new)
        await look(client)
        assert await hear(client) == ["hello"]
        await client.models()
        second = riva.streams[1]
        assert (shown_by(first), shown_by(second)) == (old, fingerprint_of(new))
        assert not first.ended.is_set()
        retired = pool_of(client)._retired
        assert [channel.calls for channel in retired] == [1]
        microphone.speak(tone(0.1))
        await first.saw_audio(2)
        microphone.stop()
        assert await running == ["hello"]
        # Nothing is left of the old connection.
        async with asyncio.timeout(20):
            while (  # noqa: ASYNC110 - nothing announces it
                retired[0].channel.get_state() is not grpc.ChannelConnectivity.SHUTDOWN
            ):
                await asyncio.sleep(0)
        assert pool_of(client)._retired == []
        assert len(channels_of(client)) == 1


async def test_an_authority_is_taken_in_and_left_out_without_a_restart(
    authority: trustme.CA, next_authority: trustme.CA, trusted: Path, pair: Pair
) -> None:
    riva = FakeRiva(script=greet)
    async with (
        serving(riva, credentials=credentials(next_authority, authority)),
        client_of(riva, max_retries=0, **mutual(trusted, pair)) as client,
    ):
        for bundle, is_heard in (
            ((authority,), False),
            ((authority, next_authority), True),
            ((next_authority,), True),
            ((authority,), False),
        ):
            put_authorities(trusted, *bundle)
            await look(client)
            if is_heard:
                assert await hear(client) == ["hello"]
                continue
            with pytest.raises(AsrError, match="comes from no authority that this service trusts"):
                await hear(client)
        assert len(riva.streams) == 2


async def test_a_pair_of_which_half_is_new_changes_nothing_and_is_logged_once(
    authority: trustme.CA, trusted: Path, pair: Pair
) -> None:
    riva = FakeRiva(script=greet)
    new = authority.issue_cert("gateway.internal")
    async with (
        serving(riva, credentials=credentials(authority, authority)),
        client_of(riva, **mutual(trusted, pair)) as client,
    ):
        old = pair.fingerprint
        await look(client)
        put_certificate(pair, new)
        with capture_logs() as log:
            await look(client)
            await look(client)
        assert await hear(client) == ["hello"]
        put_key(pair, new)
        await look(client)
        assert await hear(client) == ["hello"]
    assert [line["problem"] for line in log] == ["certificate and key do not fit each other"]
    assert [shown_by(stream) for stream in riva.streams] == [old, fingerprint_of(new)]


async def test_a_key_in_a_file_is_sent_and_another_one_by_the_next_call(
    authority: trustme.CA, trusted: Path, tmp_path: Path
) -> None:
    riva, file = FakeRiva(script=greet), tmp_path / "token"
    masked: list[str] = []
    replace(file, b"first-key\n")
    async with (
        serving(riva, credentials=credentials(authority)),
        client_of(riva, ssl=True, ssl_cert=trusted, api_key_file=file) as client,
    ):
        client.credentials.on_key = masked.append
        await hear(client)
        replace(file, b"second-key\n")
        await look(client)
        await hear(client)
        await client.models()
        replace(file, b"")
        await look(client)
        await hear(client)
    sent = [dict(stream.metadata)["authorization"] for stream in riva.streams]
    assert sent == ["Bearer first-key", "Bearer second-key", "Bearer second-key"]
    assert dict(riva.config_metadata[-1])["authorization"] == "Bearer second-key"
    assert masked == ["first-key", "second-key"]


async def test_the_ends_of_the_certificates_in_use_are_known(
    authority: trustme.CA, next_authority: trustme.CA, trusted: Path, pair: Pair
) -> None:
    async with client_of(FakeRiva(port=1), **mutual(trusted, pair)) as client:
        known = client.credentials
        assert known.certificates() == ("riva_ca", "riva_client")
        await look(client)
        put_authorities(trusted, authority, next_authority)
        await look(client)
        ends = [known.ends_at(name) for name in known.certificates()]
    async with client_of(FakeRiva(port=1)) as client:
        assert client.credentials.certificates() == ()
        assert client.credentials.followed == ()
    first_to_end = min(
        (facts_of_authorities(one.cert_pem.bytes()) for one in (authority, next_authority)),
        key=lambda facts: facts.ends_at,
    )
    own = facts_of_chain(pair.certificate.read_bytes())
    assert ends == [first_to_end.ends_at, own.ends_at]
