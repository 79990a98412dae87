"""`POST /transcribe/file`, for the formats the predecessor named.

The recogniser follows a script; that the words are the right ones is proved by the quality tests.
"""

import json

import httpx
import pytest

from app.emulator import Emulator, Fail, Script, StreamScript
from tests.app.gateway.uploading import recording, upload
from tests.support.gateways.running import Running, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

FORMATS = [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")]


@pytest.mark.parametrize(("form", "subtype"), FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
async def test_each_format_gives_a_transcript_in_the_old_shape(
    gateway: Running, form: str, subtype: str, channels: int
) -> None:
    answer = await upload(gateway, recording(form, subtype, channels=channels), f"talk.{form}")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] == "success"
    assert body["filename"] == f"talk.{form}"
    assert body["transcript"] == "hello world"
    assert body["duration"] == pytest.approx(1.0, abs=0.15)
    assert body["service"] == "perch"
    assert body["timestamp"].endswith("+00:00")
    assert [word["word"] for word in body["words"]] == ["hello", "world"]
    assert body["words"][1]["confidence"] is None


@pytest.mark.parametrize(
    "kind", ["Multipart/Form-Data; boundary=x", "MULTIPART/FORM-DATA ;BOUNDARY=x"]
)
@pytest.mark.parametrize("path", ["/transcribe/file", "/transcribe/file/"])
async def test_the_media_type_and_a_slash_at_the_end_may_be_written_as_anyone_likes(
    gateway: Running, kind: str, path: str
) -> None:
    content = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="talk.wav"\r\n\r\n'
        + recording("WAV", "PCM_16")
        + b"\r\n--x--\r\n"
    )
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        answer = await http.post(path, content=content, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert answer.json()["transcript"] == "hello world"


async def test_bytes_that_are_no_audio_are_415(gateway: Running) -> None:
    answer = await upload(gateway, b"this is a letter, not a song" * 100, "letter.wav")
    assert answer.status_code == 415
    body = answer.json()
    assert (body["status"], body["code"]) == ("error", "unsupported_audio")
    assert body["message"] == body["error"]
    assert "letter.wav" in body["error"]


async def test_an_upload_over_the_limit_is_413_with_and_without_a_declared_length(
    emulator: Emulator,
) -> None:
    async def chunks(data: bytes) -> object:
        for start in range(0, len(data), 65536):
            yield data[start : start + 65536]

    async with (
        running_gateway(emulator, app_max_upload_mb=0.25) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http,
    ):
        data = recording("WAV", "PCM_16", seconds=20)
        declared = await http.post("/transcribe/file", files={"file": data})
        request = http.build_request("POST", "/transcribe/file", files={"file": data})
        body = request.read()
        streamed = await http.post(
            "/transcribe/file",
            content=chunks(body),  # type: ignore[arg-type]
            headers={"Content-Type": request.headers["Content-Type"]},
        )
    assert [declared.status_code, streamed.status_code] == [413, 413]
    assert declared.json()["code"] == "upload_too_big"


async def test_a_recording_that_is_too_long_is_named_with_its_length(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_max_upload_s=2) as gateway:
        answer = await upload(gateway, recording("FLAC", "PCM_16", seconds=5))
    assert answer.status_code == 400
    assert answer.json()["error"] == "The recording lasts 5 s; accepted: at most 2 s"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{}", "application/json"),
        (b"--x\r\n\r\nbroken", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
        ),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
    ],
)
async def test_a_form_without_a_file_is_400(gateway: Running, content: bytes, kind: str) -> None:
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        answer = await http.post(
            "/transcribe/file", content=content, headers={"Content-Type": kind}
        )
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"


@pytest.mark.parametrize("fields", [{}, {"model": "whisper-1"}, {"model": "a", "stream": "1"}])
async def test_who_has_read_an_answer_may_post_the_next_one_where_there_is_one_place(
    emulator: Emulator, fields: dict[str, str]
) -> None:
    path = "/v1/audio/transcriptions" if fields else "/transcribe/file"
    files = {"file": ("talk.wav", recording("WAV", "PCM_16"))}
    async with (
        running_gateway(emulator, app_max_uploads=1, app_model_aliases="whisper-1,a") as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http,
    ):
        found = [(await http.post(path, data=fields, files=files)).status_code for _ in range(5)]
    assert found == [200] * 5


async def test_a_recogniser_that_fails_is_an_error_and_not_an_empty_transcript(
    emulator: Emulator,
) -> None:
    fault = Fail(do="fail", status="RESOURCE_EXHAUSTED", message="full")
    emulator.set_script(Script(streams=(StreamScript(fault=fault),)))
    # A full recogniser is waited for as long as an outage may last.
    async with running_gateway(emulator, riva={"outage_limit_s": 0.5}) as gateway:
        answer = await upload(gateway, recording("WAV", "PCM_16"))
        assert gateway.gateway.admission.sessions == 0
    assert answer.status_code == 503
    assert json.loads(answer.text)["code"] == "asr_overloaded"
    assert int(answer.headers["Retry-After"]) >= 1
