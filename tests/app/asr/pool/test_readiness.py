"""Readiness and models: the HTTP probe and the list of models, each alone not enough."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import trustme

from app.asr import AsrError, Fault
from app.asr.errors import from_status
from app.asr.pool.retries import with_retries
from app.asr.pool.retry_budget import RetryBudget
from tests.app.asr.conftest import client_of
from tests.app.asr.sound import of, tone
from tests.support.certificates import put_authorities
from tests.support.recognisers.fake_riva import FakeRiva, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Probe:
    """An HTTP server that gives one answer to everything, or none."""

    def __init__(self, status: int = 200, body: bytes = b'{"status":"ready"}') -> None:
        self.status = status
        self.body = body
        self.silent = False
        self.requests: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(head.split(b"\r\n")[0].decode())
            if self.silent:
                await reader.read()
                return
            lines = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.body)}\r\n"
            writer.write(f"{lines}Connection: close\r\n\r\n".encode() + self.body)
            # Whoever asks may have read enough.
            with contextlib.suppress(ConnectionError):
                await writer.drain()
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0, ssl=tls)
        async with server:
            yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("body", [b'{"status":"ready"}', b'{"ready": true}', b""])
async def test_ready_is_http_readiness_and_a_model(body: bytes) -> None:
    probe = Probe(body=body)
    async with (
        probe.listening() as port,
        serving(FakeRiva()) as riva,
        client_of(riva, http_port=port) as client,
    ):
        readiness = await client.ready()
    assert (readiness.ready, readiness.reason) == (True, None)
    assert [m.name for m in readiness.models] == ["parakeet-streaming"]
    assert probe.requests == ["GET /v1/health/ready HTTP/1.1"]


@pytest.mark.parametrize(
    ("status", "body", "named"),
    [
        (503, b'{"status":"loading"}', "HTTP 503"),
        (200, b'{"status":"loading"}', "not ready"),
        (200, b'{"ready": "true"}', "not ready"),
        (200, b"[]", "not ready"),
        (200, b"<html>", "not JSON"),
        (404, b"", "HTTP 404"),
        (200, b" " * 20_000_000, "more than 16384 bytes"),
        (200, b"[" * 10_000, "not JSON"),
    ],
)
async def test_a_probe_that_does_not_say_ready_is_not_ready(
    status: int, body: bytes, named: str
) -> None:
    async with (
        Probe(status, body).listening() as port,
        serving(FakeRiva()) as riva,
        client_of(riva, http_port=port) as client,
    ):
        readiness = await client.ready()
    assert not readiness.ready
    assert named in (readiness.reason or "")
    assert len(readiness.models) == 1


async def test_a_ready_probe_without_a_fitting_model_is_not_ready() -> None:
    async with Probe().listening() as port, serving(FakeRiva()) as riva:
        async with client_of(riva, http_port=port, model="another") as client:
            unknown = await client.ready()
        riva.models = {}
        async with client_of(riva, http_port=port) as client:
            empty = await client.ready()
        riva.models = {"slow": {"type": "offline"}}
        async with client_of(riva, http_port=port) as client:
            only_offline = await client.ready()
    assert not unknown.ready
    assert "'another'; accepted: parakeet-streaming" in (unknown.reason or "")
    assert (empty.ready, empty.reason) == (False, "the recogniser lists no model")
    assert not only_offline.ready


async def test_a_probe_that_is_away_or_silent_is_not_ready_and_names_no_address() -> None:
    silent = Probe()
    silent.silent = True
    async with silent.listening() as port, serving(FakeRiva()) as riva:
        async with client_of(riva, http_port=1) as client:
            unreachable = await client.ready()
        async with client_of(riva, http_port=port, timeout_ms=100) as client:
            late = await client.ready()
    async with Probe().listening() as port, client_of(FakeRiva(port=1), http_port=port) as client:
        no_grpc = await client.ready()
    for readiness in (unreachable, late, no_grpc):
        assert not readiness.ready
        assert readiness.reason
        assert "127.0.0.1" not in readiness.reason


async def test_a_closed_client_is_not_ready() -> None:
    async with Probe().listening() as port, serving(FakeRiva()) as riva:
        async with client_of(riva, http_port=port) as client:
            assert (await client.ready()).ready
        readiness = await client.ready()
        assert "closed" in (await client._default.routes.current.endpoints[0].http.reason() or "")
    assert not readiness.ready


async def test_certificate_files_that_cannot_be_used_are_a_reason_and_not_a_traceback(
    tmp_path: Path,
) -> None:
    nonsense = tmp_path / "ca.pem"
    put_authorities(nonsense, trustme.CA())
    async with (
        Probe().listening() as port,
        client_of(FakeRiva(port=1), http_port=port, ssl=True, ssl_cert=nonsense) as client,
    ):
        # At the start it would be a problem of the settings.
        nonsense.write_text("not a certificate")
        readiness = await client.ready()
        assert "SSLError" in (await client._default.routes.current.endpoints[0].http.reason() or "")
    assert not readiness.ready


async def test_a_proxy_of_the_environment_is_not_asked_about_a_recogniser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with (
        Probe().listening() as port,
        serving(FakeRiva()) as riva,
        client_of(riva, http_port=port) as client,
    ):
        assert await client._default.routes.current.endpoints[0].http.reason() is None


async def test_a_server_that_is_loading_becomes_ready_on_a_later_question() -> None:
    riva = FakeRiva(failures_before_success=1)
    async with serving(riva), client_of(riva) as client:
        first, second = await client.ready(), await client.ready()
    assert (first.ready, second.ready) == (False, True)
    assert "10.1.2.3" not in (first.reason or "")


async def test_the_probe_speaks_tls_with_the_same_authority(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    files = {"right": tmp_path / "right.pem", "wrong": tmp_path / "wrong.pem"}
    authority.cert_pem.write_to_path(files["right"])
    stranger.cert_pem.write_to_path(files["wrong"])
    reasons = {}
    async with Probe().listening(context) as port, serving(FakeRiva()) as riva:
        for name, path in files.items():
            async with client_of(riva, ssl=True, ssl_cert=path, http_port=port) as client:
                reasons[name] = await client._default.routes.current.endpoints[0].http.reason()
    assert reasons["right"] is None
    assert reasons["wrong"] == "the readiness probe of the recogniser failed (ConnectError)"


async def test_models_carry_what_the_server_says_about_them() -> None:
    riva = FakeRiva(
        models={
            "a": {"type": "online", "language_code": "en-US"},
            "b": {"type": "offline"},
            "c": {"sample_rate": "16000"},
        }
    )
    async with serving(riva), client_of(riva) as client:
        models = await client.models()
    assert [(m.name, m.language, m.streaming) for m in models] == [
        ("a", "en-US", True),
        ("b", None, False),
        ("c", None, None),
    ]
    assert models[2].parameters == {"sample_rate": "16000"}


async def test_a_model_that_is_not_listed_is_refused_with_the_list_and_found_after_a_restart() -> (
    None
):
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        with pytest.raises(AsrError) as caught:
            [t async for t in client.stream_transcribe(of([tone(0.1)]), model="new-model")]
        assert riva.streams == []
        riva.models = {"new-model": {"type": "online"}}
        [t async for t in client.stream_transcribe(of([tone(0.1)]), model="new-model")]
        asked = riva.config_calls
        [t async for t in client.stream_transcribe(of([tone(0.1)]), model="new-model")]
        assert riva.config_calls == asked
    error = caught.value
    assert (error.code, error.retryable, error.fault) == ("MODEL_UNAVAILABLE", False, Fault.CALLER)
    assert "'new-model'; accepted: parakeet-streaming" in error.message


def unbounded() -> RetryBudget:
    """A budget of one caller, who never has to wait for a turn."""
    return RetryBudget(lambda: 0, longest_s=5.0)


async def test_retries_wait_at_random_below_a_bound_that_doubles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bounds: list[float] = []
    slept: list[float] = []

    def draw(low: float, high: float) -> float:
        bounds.append(high)
        return (low + high) / 2

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("app.backoff.random.uniform", draw)
    monkeypatch.setattr("app.asr.pool.retries.asyncio.sleep", sleep)

    async def fail() -> None:
        raise from_status("UNAVAILABLE", "", doing="try")

    with pytest.raises(AsrError):
        await with_retries(fail, retries=6, first_wait_s=1.0, budget=unbounded())
    assert bounds == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert slept == [bound / 2 for bound in bounds]
