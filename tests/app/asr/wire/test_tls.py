"""TLS and mutual TLS with real certificates, and the API key on its way.

Proves the client's side; which of a NIM's ports speak TLS is for the first live container to show.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import trustme
from structlog.testing import capture_logs

from app.asr import AsrError, Fault, Route
from app.asr.errors import (
    CERTIFICATE_ENDED,
    CERTIFICATE_FOR_ANOTHER,
    CERTIFICATE_NOT_TRUSTED,
    REFUSED_CERTIFICATE,
    SPEAKS_NO_TLS,
    SPEAKS_TLS,
    WANTS_A_CERTIFICATE,
)
from tests.app.asr.conftest import client_of
from tests.app.asr.sound import of, tone
from tests.support.certificates import fingerprint_of, pair_in, put
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
    authority: trustme.CA,
    name: str = "127.0.0.1",
    *,
    clients: trustme.CA | None = None,
    **times: Any,  # noqa: ANN401 - handed on
) -> grpc.ServerCredentials:
    certificate = authority.issue_cert(name, **times)
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


def client_files(
    authority: trustme.CA,
    folder: Path,
    **times: Any,  # noqa: ANN401 - handed on
) -> dict[str, Path]:
    issued = authority.issue_cert("gateway.internal", **times)
    pair = pair_in(folder, fingerprint_of(issued))
    put(pair, issued)
    return {"ssl_client_cert": pair.certificate, "ssl_client_key": pair.key}


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


def ended_for_a_day() -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"not_before": now - timedelta(days=3), "not_after": now - timedelta(days=1)}


@pytest.mark.parametrize("wrong", ["none", "of a stranger", "ended", "not good yet", "self-signed"])
async def test_mutual_tls_lets_in_who_has_a_certificate_and_nobody_else_and_says_why(
    authority: trustme.CA, stranger: trustme.CA, tmp_path: Path, wrong: str
) -> None:
    riva = FakeRiva(script=greet)
    files = {"ssl": True, "ssl_cert": ca_file(authority, tmp_path)}
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    shown: dict[str, dict[str, Path]] = {
        "none": {},
        "of a stranger": client_files(stranger, tmp_path),
        "self-signed": client_files(trustme.CA(), tmp_path),
        "ended": client_files(authority, tmp_path, **ended_for_a_day()),
        "not good yet": client_files(authority, tmp_path, not_before=tomorrow),
    }
    async with serving(riva, credentials=server_credentials(authority, clients=authority)):
        async with client_of(riva, **files, **shown[wrong], max_retries=0) as client:
            with pytest.raises(AsrError):
                await hear(client)
            with capture_logs() as log:
                readiness = [await client.ready() for _ in range(2)]
        assert riva.streams == []
        async with client_of(riva, **files, **client_files(authority, tmp_path)) as client:
            assert await hear(client) == ["hello"]
            assert (await client.ready()).ready
    reason = WANTS_A_CERTIFICATE if wrong == "none" else REFUSED_CERTIFICATE
    assert [(one.ready, one.reason) for one in readiness] == [(False, reason)] * 2
    told = [line for line in log if line["event"] == "asr_tls_failed"]
    assert [(line["endpoint"], line["reason"]) for line in told] == [("riva-1", reason)]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("authority", CERTIFICATE_NOT_TRUSTED),
        ("name", CERTIFICATE_FOR_ANOTHER),
        ("ended", CERTIFICATE_ENDED),
        ("no TLS", SPEAKS_NO_TLS),
    ],
)
async def test_a_recogniser_that_is_not_as_secure_as_was_asked_for_is_not_spoken_to(
    authority: trustme.CA, stranger: trustme.CA, tmp_path: Path, wrong: str, reason: str
) -> None:
    """Never in clear instead: not a byte of a call reaches it, and the cause is said."""
    riva = FakeRiva(script=greet)
    offered = {
        "authority": server_credentials(stranger),
        "name": server_credentials(authority, "riva.internal"),
        "ended": server_credentials(authority, **ended_for_a_day()),
        "no TLS": None,
    }
    files = {"ssl": True, "ssl_cert": ca_file(authority, tmp_path)}
    async with serving(riva, credentials=offered[wrong]), client_of(riva, **files) as client:
        with pytest.raises(AsrError) as caught:
            await hear(client)
        readiness = await client.ready()
    error = caught.value
    assert (error.code, error.retryable, error.fault) == ("TLS_FAILED", False, Fault.SETUP)
    assert (error.message, readiness.reason, readiness.ready) == (reason, reason, False)
    assert (riva.streams, riva.config_metadata) == ([], [])


async def test_a_recogniser_with_tls_that_is_spoken_to_in_clear_is_told_as_that(
    authority: trustme.CA,
) -> None:
    riva = FakeRiva(script=greet)
    async with (
        serving(riva, credentials=server_credentials(authority)),
        client_of(riva) as client,
    ):
        assert (await client.ready()).reason == SPEAKS_TLS


async def test_a_recogniser_that_is_away_is_not_said_to_have_the_wrong_certificate(
    authority: trustme.CA, tmp_path: Path
) -> None:
    for tls in ({}, {"ssl": True, "ssl_cert": ca_file(authority, tmp_path)}):
        async with client_of(FakeRiva(port=1), **tls) as client:
            reason = (await client.ready()).reason
        assert reason == "The recogniser cannot be reached at the moment."


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
