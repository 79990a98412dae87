"""Uploads on their way in: at a least rate, holding nothing of what speakers have.

What many slow ones at once do to a neighbour's speed is shown by `make abuse`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.emulator import Emulator
from app.gateway.telemetry.uploads import UploadCounts
from app.gateway.uploads import reception
from tests.app.gateway.raw_http import Raw, raw
from tests.app.gateway.uploading import recording, upload
from tests.support.gateways.running import (
    Running,
    client,
    eventually,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKENS = ("token-of-ann-0123456789", "token-of-ben-0123456789")
HEAD = (
    b"POST /transcribe/file HTTP/1.1\r\nHost: perch\r\nContent-Length: 60000\r\n"
    b"Authorization: Bearer token-of-ann-0123456789\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
)
SPEECH = recording("WAV", "PCM_16")


@asynccontextmanager
async def begun(gateway: Running, count: int = 1) -> AsyncIterator[Raw]:
    """Begin uploads of which nothing more comes; yields the last one's connection."""
    async with AsyncExitStack() as stack:
        for _ in range(count):
            last = await stack.enter_async_context(raw(gateway))
            await last.say(HEAD)
        await eventually(lambda: gateway.gateway.uploads.counts().active == count)
        yield last


async def refused(answer: httpx.Response, status: int) -> str:
    body = answer.json()
    assert answer.status_code == status
    assert (body["status"], body["message"]) == ("error", body["error"])
    assert int(answer.headers["Retry-After"]) >= body["retry_after"] > 0
    return f"{body['code']}: {body['error']}"


async def test_uploads_that_never_end_take_no_session_and_their_own_places_alone(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(
            emulator,
            ws_max_concurrent_sessions=1,
            app_max_uploads=4,
            app_upload_client_share=1,
            app_upload_min_kb_s=0,
        ) as gateway,
        begun(gateway, 4),
        client(gateway) as speaker,
    ):
        await send(speaker, "start_transcription")
        assert (await said(speaker))["type"] == "session_started"
        said_to_it = await refused(await upload(gateway, SPEECH), 503)
        assert said_to_it == "too_many_uploads: Uploads are at their limit: 4 at once"


async def test_an_upload_below_the_least_rate_is_408_and_its_connection_closed(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "PATIENCE_S", 0.2)
    async with running_gateway(emulator) as gateway, begun(gateway) as slow:
        answer = await slow.answer()
        assert answer.status == 408
        body = json.loads(answer.body)
        assert body["error"] == "The upload fell 0.2 s behind the least rate of 4096 bytes a second"
        assert (body["code"], body["retryable"]) == ("upload_too_slow", True)
        assert await slow.is_closed()
        assert gateway.gateway.uploads.counts() == UploadCounts()


async def test_one_clients_uploads_leave_places_to_others(emulator: Emulator) -> None:
    async with (
        running_gateway(
            emulator, app_auth_tokens=",".join(TOKENS), app_max_uploads=2, app_upload_min_kb_s=0
        ) as gateway,
        begun(gateway),
        httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http,
    ):
        ann, ben = [
            await http.post(
                "/transcribe/file",
                files={"file": ("talk.wav", SPEECH)},
                headers={"Authorization": f"Bearer {token}"},
            )
            for token in TOKENS
        ]
    said_to_it = await refused(ann, 429)
    assert said_to_it == (
        "too_many_client_uploads: This client's uploads are at their limit: 1 at once"
    )
    assert ben.status_code == 200


@pytest.mark.parametrize("declares", [True, False])
async def test_what_lies_on_disk_is_bounded_over_all_uploads(
    emulator: Emulator, declares: bool
) -> None:
    async def pieces(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 8192):
            yield body[start : start + 8192]

    settings: dict[str, Any] = {"app_max_upload_mb": 0.08, "app_upload_spool_mb": 0.08}
    settings |= {"app_upload_client_share": 1, "app_upload_min_kb_s": 0}
    async with (
        running_gateway(emulator, **settings) as gateway,
        begun(gateway),
        httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http,
    ):
        request = http.build_request("POST", "/transcribe/file", files={"file": SPEECH})
        body = request.read()
        answer = await http.post(
            "/transcribe/file",
            content=body if declares else pieces(body),
            headers={"Content-Type": request.headers["Content-Type"]},
        )
    said_to_it = await refused(answer, 503)
    assert said_to_it == "too_many_uploads: Uploads are at their limit: 83886 bytes on disk"


async def test_a_form_may_be_larger_than_the_largest_file_in_it(emulator: Emulator) -> None:
    settings: dict[str, Any] = {
        "app_max_upload_mb": len(SPEECH) / 2**20,
        "app_upload_spool_mb": 0.04,
    }
    async with running_gateway(emulator, **settings) as gateway:
        assert (await upload(gateway, SPEECH)).status_code == 200


async def test_a_folder_that_is_gone_is_503_and_no_traceback(
    emulator: Emulator, tmp_path: Path
) -> None:
    folder = tmp_path / "uploads"
    folder.mkdir()
    async with running_gateway(emulator, app_upload_dir=folder) as gateway:
        assert (await upload(gateway, SPEECH)).status_code == 200
        folder.rmdir()
        said_to_it = await refused(await upload(gateway, SPEECH), 503)
    assert said_to_it == "too_many_uploads: Uploads are at their limit: the room there is on disk"


async def test_a_drain_tells_an_upload_that_is_still_coming(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, app_upload_min_kb_s=0) as gateway,
        begun(gateway) as slow,
    ):
        gateway.gateway.begin_drain()
        answer = await slow.answer()
        assert answer.status == 503
        assert json.loads(answer.body)["code"] == "draining"


async def test_an_upload_that_has_arrived_waits_for_a_session(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway) as speaker,
    ):
        await send(speaker, "start_transcription")
        await said(speaker)
        waiting = asyncio.create_task(upload(gateway, SPEECH))
        await eventually(lambda: gateway.gateway.uploads.counts().waiting == 1)
        await send(speaker, "stop_transcription")
        await said_until(speaker, "session_stopped")
        assert (await waiting).status_code == 200


async def test_an_upload_waits_no_longer_than_it_may(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1, app_upload_wait_s=0) as gateway,
        client(gateway) as speaker,
    ):
        await send(speaker, "start_transcription")
        await said(speaker)
        said_to_it = await refused(await upload(gateway, SPEECH), 503)
        assert said_to_it == "too_many_sessions: All 1 sessions are in use"
        assert gateway.gateway.uploads.counts() == UploadCounts()


async def test_what_is_no_recording_is_refused_without_a_wait_for_a_session(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        client(gateway) as speaker,
    ):
        await send(speaker, "start_transcription")
        await said(speaker)
        answer = await upload(gateway, b"this is a letter, not a song" * 100, "letter.wav")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_audio")
