# ruff: noqa: SIM117 - the collector is to outlive the gateway, and says so
"""The spans of streams and uploads, as a collector receives them from a gateway that runs.

The collector is a real server of OTLP, and the recogniser a real gRPC server that follows a script.
That a NIM makes spans of its own out of the metadata is not proved here.
"""

import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from app.emulator import Emulator, Script
from tests.app.gateway.conftest import Log
from tests.app.gateway.session.test_recogniser_failures import failing
from tests.app.gateway.uploading import recording, upload
from tests.support.collector import Collector, collecting
from tests.support.gateways.running import (
    SILENCE_100MS,
    TWO_FINALS,
    Running,
    client,
    last_words,
    running_gateway,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRACE, SPAN = "4b" * 16, "0f" * 8
FROM_CLIENT = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"}
TOKEN = "a-token-that-nobody-else-has"


@pytest.fixture(autouse=True)
def _by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")


@asynccontextmanager
async def traced(
    emulator: Emulator, collector: Collector, **changes: object
) -> AsyncIterator[Running]:
    """Run a gateway with traces; when this is left, every span has been sent."""
    own = {
        "otel_exporter_otlp_endpoint": f"http://127.0.0.1:{collector.http_port}",
        **changes,
    }
    async with running_gateway(emulator, None, **own) as gateway:
        yield gateway


async def speak(gateway: Running, headers: dict[str, str] | None = None) -> None:
    """Have two finals said."""
    async with client(gateway, additional_headers=headers) as socket:
        await send(socket, "start_transcription")
        await said_until(socket, "session_started")
        await socket.send(SILENCE_100MS * 10)
        await send(socket, "stop_transcription")
        await said_until(socket, "session_stopped")


def metadata(emulator: Emulator) -> list[dict[str, str | bytes]]:
    """Return what came with each stream at the recogniser, the latest last."""
    return [dict(stream.metadata) for stream in emulator.streams]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_a_stream_is_one_trace_that_goes_on_from_the_client_to_the_recogniser(
    emulator: Emulator, protocol: str
) -> None:
    async with collecting() as collector:
        port = collector.grpc_port if protocol == "grpc" else collector.http_port
        own = {
            "otel_exporter_otlp_endpoint": f"http://127.0.0.1:{port}",
            "otel_exporter_otlp_protocol": protocol,
            "otel_exporter_otlp_headers": "Api-Key=for-the-collector",
            "otel_resource_attributes": "perch.colour=blue,service.name=no",
        }
        async with traced(emulator, collector, **own) as gateway:
            await speak(gateway, FROM_CLIENT)
            version = gateway.gateway.version
    assert Counter(span.name for span in collector.spans) == {
        "perch.stream": 1,
        "perch.admission": 1,
        "perch.first_audio": 1,
        "perch.first_interim": 1,
        "perch.final": 2,
    }
    assert collector.headers[0]["api-key"] == "for-the-collector"
    [stream] = collector.named("perch.stream")
    assert {span.trace_id for span in collector.spans} == {TRACE}
    assert (stream.parent_id, stream.state) == (SPAN, "vendor=1")
    assert stream.attributes["perch.end_reason"] == "stopped"
    assert (stream.attributes["perch.finals"], stream.attributes["perch.sample_rate"]) == (2, 16000)
    for span in collector.spans:
        assert span.resource["service.name"] == "perch-gateway"
        assert (span.resource["service.version"], span.resource["perch.colour"]) == (
            version,
            "blue",
        )
        assert not span.failed
        if span is not stream:
            assert span.parent_id == stream.span_id
            assert stream.start - 0.1 <= span.start <= span.end <= stream.end + 0.1
    at_recogniser = metadata(emulator)[-1]
    parent = str(at_recogniser["traceparent"])
    assert parent.startswith(f"00-{TRACE}-{stream.span_id}-")
    assert int(parent[-2:], 16) & 1
    assert at_recogniser["tracestate"] == "vendor=1"


async def test_without_a_traceparent_the_trace_is_the_one_of_the_log_lines(
    emulator: Emulator, log: Log
) -> None:
    async with collecting() as collector, traced(emulator, collector) as gateway:
        await speak(gateway)
    [stream] = collector.named("perch.stream")
    assert stream.parent_id == ""
    started = next(line for line in log.lines if line["event"] == "stream started")
    assert stream.trace_id == started["trace_id"]
    assert stream.attributes["perch.stream_id"] == started["stream_id"]


async def test_a_replay_is_a_span_from_the_loss_to_the_return(emulator: Emulator) -> None:
    broken = failing("UNAVAILABLE", results=1).streams[0]
    emulator.set_script(Script(streams=(broken, *TWO_FINALS.streams)))
    async with (
        collecting() as collector,
        traced(emulator, collector, app_resume_keys="k" * 32) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await socket.send(SILENCE_100MS * 2)
        await said_until(socket, "transcription")
        await said_until(socket, "warning")
        await said_until(socket, "warning")
        await send(socket, "stop_transcription")
        await said_until(socket, "session_stopped")
    [replay] = collector.named("perch.replay")
    assert replay.attributes["perch.lost_to"] == "UNAVAILABLE"
    assert not replay.failed
    [stream] = collector.named("perch.stream")
    assert stream.attributes["perch.replays"] == 1
    first, second = (one["traceparent"] for one in metadata(emulator)[-2:])
    assert first == second


async def test_a_stream_that_the_recogniser_breaks_off_is_marked_as_failed(
    emulator: Emulator,
) -> None:
    emulator.set_script(failing("INTERNAL"))
    async with collecting() as collector:
        async with traced(emulator, collector) as gateway, client(gateway) as socket:
            await send(socket, "start_transcription")
            await socket.send(SILENCE_100MS * 2)
            await last_words(socket)
    [stream] = collector.named("perch.stream")
    assert stream.failed
    assert stream.attributes["error.type"] == "asr_failed"


async def test_a_resumed_session_has_a_span_that_says_where_it_goes_on(emulator: Emulator) -> None:
    async with collecting() as collector:
        async with traced(emulator, collector, app_resume_keys="k" * 32) as gateway:
            async with client(gateway) as socket:
                await send(socket, "start_transcription", resumable=True)
                await socket.send(SILENCE_100MS * 6)
                heard = await said_until(socket, "transcription")
                while heard[-1].get("resume") is None:
                    heard += await said_until(socket, "transcription")
            token = heard[-1]["resume"]["token"]
            async with client(gateway) as socket:
                await send(socket, "start_transcription", resume=token)
                await said_until(socket, "session_started")
    [resume] = collector.named("perch.resume")
    assert resume.attributes["perch.position_s"] > 0
    assert len(collector.named("perch.stream")) == 2


async def test_a_session_that_is_not_admitted_is_a_stream_with_its_reason(
    emulator: Emulator,
) -> None:
    async with collecting() as collector:
        async with (
            traced(emulator, collector, ws_max_concurrent_sessions=1) as gateway,
            client(gateway) as first,
            client(gateway) as second,
        ):
            await send(first, "start_transcription")
            await said_until(first, "session_started")
            await send(second, "start_transcription")
            await said_until(second, "error")
    refused = [one for one in collector.named("perch.stream") if one.failed]
    assert [one.attributes["perch.end_reason"] for one in refused] == ["too_many_sessions"]
    assert Counter(one.failed for one in collector.named("perch.admission")) == {
        True: 1,
        False: 1,
    }


async def test_an_upload_is_one_trace_too(emulator: Emulator, log: Log) -> None:
    async with (
        collecting() as collector,
        traced(emulator, collector) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http,
    ):
        files = {"file": ("talk.wav", recording("WAV", "PCM_16"))}
        answer = await http.post("/transcribe/file", files=files, headers=FROM_CLIENT)
        assert answer.status_code == 200
        refused = await upload(gateway, b"no recording")
        assert refused.status_code == 415
    ok, bad = collector.named("perch.upload")
    assert (ok.trace_id, ok.parent_id) == (TRACE, SPAN)
    assert ok.attributes["perch.end_reason"] == "ok"
    assert not bad.failed
    inner = [one for one in collector.spans if one.parent_id == ok.span_id]
    assert [one.name for one in inner] == ["perch.admission", "perch.recognition"]
    assert f"00-{TRACE}-{ok.span_id}-" in str(metadata(emulator)[-1]["traceparent"])
    transcribed = next(line for line in log.lines if line["event"] == "upload transcribed")
    assert transcribed["trace_id"] == TRACE


async def test_no_span_says_what_was_said_who_said_it_or_by_which_token(
    emulator: Emulator,
) -> None:
    async with collecting() as collector:
        async with traced(emulator, collector, app_auth_tokens=TOKEN) as gateway:
            await speak(gateway, {"authorization": f"Bearer {TOKEN}"})
    everything = json.dumps([[one.name, one.attributes] for one in collector.spans])
    assert len(collector.spans) == 6
    for secret in ("hello", "world", TOKEN, "127.0.0.1", "perch.client"):
        assert secret not in everything


@pytest.mark.parametrize(
    ("sampler", "ratio", "headers", "spans"),
    [
        ("parentbased_always_on", 1.0, {"traceparent": f"00-{TRACE}-{SPAN}-00"}, 0),
        ("traceidratio", 0.0, FROM_CLIENT, 0),
        ("traceidratio", 1.0, {"traceparent": f"00-{TRACE}-{SPAN}-00"}, 6),
        ("parentbased_traceidratio", 0.0, FROM_CLIENT, 6),
    ],
)
async def test_the_sampler_decides_and_what_it_leaves_out_still_goes_on(
    emulator: Emulator, sampler: str, ratio: float, headers: dict[str, str], spans: int
) -> None:
    async with collecting() as collector:
        own = {"otel_traces_sampler": sampler, "otel_traces_sampler_arg": ratio}
        async with traced(emulator, collector, **own) as gateway:
            await speak(gateway, headers)
    assert len(collector.spans) == spans
    parent = str(metadata(emulator)[-1]["traceparent"])
    assert parent.startswith(f"00-{TRACE}-")
    assert int(parent[-2:], 16) & 1 == (spans > 0)


async def test_a_collector_that_is_gone_changes_nothing_for_the_stream(
    emulator: Emulator, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.gateway.tracing.export._GOODBYE_S", 0.5)
    async with collecting() as collector:
        pass
    async with traced(emulator, collector, app_admin_port=0) as gateway:
        await speak(gateway)
        metrics = gateway.gateway.metrics
    assert metrics.trace_spans._value.get() == 6
    assert metrics.trace_spans_sent._value.get() == 0
    [lost] = [line for line in log.lines if line["event"].startswith("traces cannot be sent")]
    assert str(collector.http_port) in lost["detail"]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
async def test_a_collector_that_never_answers_holds_up_neither_a_stream_nor_the_end(
    emulator: Emulator, log: Log, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setattr("app.gateway.tracing.export._GOODBYE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        own = {
            "otel_exporter_otlp_endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "otel_exporter_otlp_protocol": protocol,
            "otel_exporter_otlp_timeout": 1000,
        }
        async with running_gateway(emulator, None, **own) as gateway:
            await speak(gateway)
            metrics = gateway.gateway.metrics
    assert metrics.trace_spans._value.get() == 6
    assert metrics.trace_spans_sent._value.get() == 0
    said = [line["event"] for line in log.lines]
    assert "traces: the collector did not take the last spans in time" in said


async def test_without_traces_the_clients_context_goes_on_and_nothing_else_does(
    gateway: Running, emulator: Emulator
) -> None:
    assert gateway.gateway.tracing is None
    await speak(gateway, FROM_CLIENT)
    assert metadata(emulator)[-1].items() >= FROM_CLIENT.items()
    await speak(gateway)
    await speak(gateway, {**FROM_CLIENT, "tracestate": "ä=\x01"} | {"tracestate": "no state"})
    without, bad_state = metadata(emulator)[-2:]
    assert "traceparent" not in without
    assert "traceparent" in bad_state
    assert "tracestate" not in bad_state
