"""TLS and mutual TLS with real certificates, and the API key on its way.

Proves the client's side; which of a NIM's ports speak TLS is for the first live container to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest
import trustme

from app.asr import AsrError, Fault, Route
from tests.app.asr.conftest import client_of
from tests.app.asr.sound import of, tone
from tests.support.recognisers.fake_riva import FakeRiva, final, serving

if TYPE_CHECKING:
    from pathlib import Path

    from app.asr import RivaASRClient
    from tests.support.recognisers.fake_riva import Stream

KEY = "made-up-key"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def stranger() -> trustme.CA:
    return trustme.CA()


def server_credentials(
    authority: trustme.CA, name: str = "127.0.0.1", *, clients: trustme.CA | None = None
) -> grpc.ServerCredentials:
    certificate = authority.issue_cert(name)
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    return grpc.ssl_server_credentials(
        [(certificate.private_key_pem.bytes(), chain)],
        root_certificates=None if clients is None else clients.cert_pem.bytes(),
        require_client_auth=clients is not None,
    )


def ca_file(authority: trustme.CA, folder: Path) -> Path:
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def client_files(authority: trustme.CA, folder: Path) -> dict[str, Path]:
    certificate = authority.issue_cert("gateway.internal")
    files = {"ssl_client_cert": folder / "client.pem", "ssl_client_key": folder / "client.key"}
    files["ssl_client_cert"].write_bytes(
        b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    )
    certificate.private_key_pem.write_to_path(files["ssl_client_key"])
    return files


async def greet(stream: Stream) -> None:
    await stream.receive_all()
    await stream.say(final("hello"))


async def hear(client: RivaASRClient) -> list[str]:
    return [t.text async for t in client.stream_transcribe(of([tone(0.1)]))]


async def test_a_stream_over_tls_with_the_right_authority_is_heard(
    authority: trustme.CA, tmp_path: Path
) -> None:
    riva = FakeRiva(script=greet)
    async with (
        serving(riva, credentials=server_credentials(authority)),
        client_of(riva, ssl=True, ssl_cert=ca_file(authority, tmp_path)) as client,
    ):
        assert await hear(client) == ["hello"]
        assert (await client.ready()).ready


async def test_a_certificate_of_another_authority_is_refused_without_further_tries(
    authority: trustme.CA, stranger: trustme.CA, tmp_path: Path
) -> None:
    riva = FakeRiva(script=greet)
    async with (
        serving(riva, credentials=server_credentials(authority)),
        client_of(riva, ssl=True, ssl_cert=ca_file(stranger, tmp_path)) as client,
    ):
        with pytest.raises(AsrError) as caught:
            await hear(client)
        assert riva.streams == []
        readiness = await client.ready()
    error = caught.value
    assert (error.code, error.retryable, error.fault) == ("TLS_FAILED", False, Fault.SETUP)
    assert (readiness.ready, readiness.reason) == (False, error.message)


async def test_a_certificate_for_another_name_is_refused_unless_that_name_is_expected(
    authority: trustme.CA, tmp_path: Path
) -> None:
    riva = FakeRiva(script=greet)
    files = {"ssl": True, "ssl_cert": ca_file(authority, tmp_path)}
    async with serving(riva, credentials=server_credentials(authority, "riva.internal")):
        async with client_of(riva, **files) as client:
            with pytest.raises(AsrError) as caught:
                await hear(client)
        async with client_of(riva, **files, ssl_server_name="riva.internal") as client:
            assert await hear(client) == ["hello"]
    assert caught.value.code == "TLS_FAILED"


async def test_mutual_tls_lets_in_who_has_a_certificate_and_nobody_else(
    authority: trustme.CA, tmp_path: Path
) -> None:
    riva = FakeRiva(script=greet)
    files = {"ssl": True, "ssl_cert": ca_file(authority, tmp_path)}
    async with serving(riva, credentials=server_credentials(authority, clients=authority)):
        async with client_of(riva, **files, **client_files(authority, tmp_path)) as client:
            assert await hear(client) == ["hello"]
        async with client_of(riva, **files, max_retries=0) as client:
            with pytest.raises(AsrError):
                await hear(client)
        assert len(riva.streams) == 1


async def test_a_fallback_on_another_host_is_spoken_to_by_mutual_tls_and_the_own_one_in_clear(
    authority: trustme.CA, tmp_path: Path
) -> None:
    """As on a machine: its recogniser is beside it, the fallback is somebody else's."""
    own, other = FakeRiva(script=greet), FakeRiva(script=greet)
    credentials = server_credentials(authority, "riva.example.org", clients=authority)
    async with (
        serving(own),
        serving(other, credentials=credentials),
        client_of(
            own,
            fallback_endpoints=f"127.0.0.1:{other.port}/0",
            fallback_ssl=True,
            ssl_cert=ca_file(authority, tmp_path),
            ssl_server_name="riva.example.org",
            **client_files(authority, tmp_path),
        ) as client,
    ):
        assert await hear(client) == ["hello"]
        client.route(Route.FALLBACK)
        assert await hear(client) == ["hello"]
        assert (await client.ready()).ready
        assert (len(own.streams), len(other.streams)) == (1, 1)


async def test_the_api_key_is_sent_exactly_once_with_every_call_over_tls(
    authority: trustme.CA, tmp_path: Path
) -> None:
    riva = FakeRiva(script=greet)
    async with (
        serving(riva, credentials=server_credentials(authority)),
        client_of(riva, ssl=True, ssl_cert=ca_file(authority, tmp_path), api_key=KEY) as client,
    ):
        await hear(client)
        await client.models()
    for metadata in (riva.streams[0].metadata, *riva.config_metadata):
        assert [value for key, value in metadata if key == "authorization"] == [f"Bearer {KEY}"]


async def test_without_a_key_no_authorization_is_sent() -> None:
    async with serving(FakeRiva(script=greet)) as riva, client_of(riva) as client:
        await hear(client)
        assert "authorization" not in dict(riva.streams[0].metadata)


async def test_the_api_key_is_in_no_error_and_in_no_text_of_the_settings_or_the_client(
    authority: trustme.CA, stranger: trustme.CA, tmp_path: Path
) -> None:
    riva = FakeRiva(script=greet)
    async with (
        serving(riva, credentials=server_credentials(authority)),
        client_of(riva, ssl=True, ssl_cert=ca_file(stranger, tmp_path), api_key=KEY) as client,
    ):
        with pytest.raises(AsrError) as caught:
            await hear(client)
        texts = (str(caught.value), caught.value.detail, repr(client._settings), repr(client))
    assert not any(KEY in text for text in texts)


async def test_certificate_files_that_vanish_after_the_start_are_named_in_the_detail_only(
    authority: trustme.CA, tmp_path: Path
) -> None:
    path = ca_file(authority, tmp_path)
    async with client_of(FakeRiva(port=1), ssl=True, ssl_cert=path) as client:
        path.unlink()
        with pytest.raises(AsrError) as caught:
            await hear(client)
    assert caught.value.code == "TLS_FAILED"
    assert str(path) in caught.value.detail
    assert str(path) not in caught.value.message
