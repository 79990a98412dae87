"""The two log lines of a stream, its latencies and exemplars, of a gateway that runs."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx
import pytest

from app.emulator import Emulator
from app.gateway.settings.gateway import LogFormat, LogLevel
from app.gateway.telemetry.docs import logs_page
from app.gateway.telemetry.logs import configure_logging
from app.gateway.telemetry.stream_log import LINES, StreamEnded, StreamStarted
from tests.app.gateway.raw_http import measured
from tests.support.gateways.running import (
    SILENCE_100MS,
    client,
    running_gateway,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRACE = "4b" * 16
PARENT = f"00-{TRACE}-{'0f' * 8}-01"


@pytest.fixture
def log() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    text = StringIO()
    configure_logging(LogLevel.INFO, LogFormat.JSON, stream=text)
    yield text
    root.handlers = before
    root.setLevel(level)


def lines(log: StringIO) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in found if line["event"] in LINES]


async def test_a_stream_has_one_line_at_its_start_and_one_at_its_end(
    emulator: Emulator, log: StringIO
) -> None:
    async with running_gateway(emulator, app_admin_port=0) as gateway:
        async with client(gateway, additional_headers={"traceparent": PARENT}) as socket:
            await send(socket, "start_transcription")
            await said_until(socket, "session_started")
            for _ in range(10):
                await socket.send(SILENCE_100MS)
            await send(socket, "stop_transcription")
            await said_until(socket, "session_stopped")
        async with httpx.AsyncClient(base_url=gateway.admin_url) as http:
            plain = await http.get("/metrics")
            accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
            open_metrics = await http.get("/metrics", headers=accept)
        assert measured(gateway, "perch_final_latency_seconds_count") == 2
        assert measured(gateway, "perch_first_interim_latency_seconds_count") == 2
        assert measured(gateway, "perch_upstream_streams_total", code="OK", group="default") == 1
    started, ended = lines(log)
    common = {"timestamp", "level", "logger", "event"}
    StreamStarted.model_validate({k: v for k, v in started.items() if k not in common})
    end = StreamEnded.model_validate({k: v for k, v in ended.items() if k not in common})
    assert started["stream_id"] == ended["stream_id"]
    assert started["trace_id"] == ended["trace_id"] == TRACE
    assert end.audio_bytes == 10 * len(SILENCE_100MS)
    assert end.audio_s == pytest.approx(1.0)
    assert (end.interims, end.finals, end.replays, end.resumes) == (2, 2, 0, 0)
    assert (end.reason, end.close_code) == ("stopped", None)
    assert end.worst_final_s is not None
    assert f'# {{trace_id="{TRACE}"}}' in open_metrics.text
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert "trace_id" not in plain.text


async def test_a_client_that_leaves_ends_its_stream_with_the_close_code(
    emulator: Emulator, log: StringIO
) -> None:
    async with running_gateway(emulator) as gateway, client(gateway) as socket:
        await send(socket, "start_transcription")
        await said_until(socket, "session_started")
    ended = lines(log)[-1]
    assert (ended["reason"], ended["close_code"]) == ("client_closed", 1000)
    assert ended["worst_final_s"] is None


async def test_the_page_has_every_field() -> None:
    page = logs_page()
    for line in LINES.values():
        assert [name for name in line.model_fields if f"| `{name}` |" not in page] == []
