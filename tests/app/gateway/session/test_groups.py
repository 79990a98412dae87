"""Recognisers of several languages behind one gateway.

Two emulators that follow scripts: which of them was asked shows in what it says.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.emulator import Emulator, Script, ScriptedResult, ScriptedWord, StreamScript
from tests.app.gateway.conftest import Log
from tests.app.gateway.session.words import A, Words, both, of_type
from tests.app.gateway.uploading import recording
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    eventually,
    running_emulator,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

GERMAN = "parakeet-de"
POSTED = "/v1/audio/transcriptions"


def speech(text: str) -> Script:
    words = (ScriptedWord(word=text, start=0.1, end=0.4),)
    result = ScriptedResult(at=0.5, text=text, is_final=True, words=words)
    return Script(streams=(StreamScript(results=(result,)),))


@asynccontextmanager
async def two_languages(
    emulator: Emulator, *, is_loading: bool = False, streams: int = 8, **changes: object
) -> AsyncIterator[Running]:
    emulator.set_script(speech("hello"))
    script = speech("hallo")
    if is_loading:
        script = script.model_copy(update={"loading_seconds": 3600.0})
    async with running_emulator(script, model_name=GERMAN, languages=("de-DE",)) as german:
        group = {
            "languages": ["de-DE"],
            "endpoints": f"{german.host}:{german.grpc_port}/{german.http_port}",
            "endpoint_streams": streams,
        }
        way = {"groups": json.dumps({"german": group}), "endpoint_streams": 8}
        async with running_gateway(emulator, way, **changes) as gateway:
            yield gateway


async def state(gateway: Running) -> tuple[int, dict[str, dict[str, Any]]]:
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        answer = await http.get("/readyz")
    return answer.status_code, {one["name"]: one for one in answer.json()["groups"]}


@both
async def test_each_session_is_heard_by_the_recogniser_of_its_language(
    emulator: Emulator, dialect: Words, log: Log
) -> None:
    async with two_languages(emulator) as gateway:
        for asked, tag, text in (("de", "de-DE", "hallo"), (None, "en-US", "hello")):
            async with client(gateway, dialect.path) as socket:
                await dialect.begin(socket, **({} if asked is None else {"language": asked}))
                started = (await said_until(socket, dialect.started))[-1]
                assert started["config"]["language"] == tag
                await socket.send(SILENCE_100MS * 6)
                await send(socket, dialect.stop)
                heard = await said_until(socket, dialect.stopped)
            assert [one["text"] for one in of_type(heard, "transcription")] == [text]
        text = gateway.gateway.metrics.render().decode()
    name = "a" if dialect is A else "b"
    for line in (
        f'perch_sessions_started_total{{dialect="{name}",group="german"}} 1.0',
        f'perch_sessions_started_total{{dialect="{name}",group="default"}} 1.0',
        'perch_endpoint_ready{endpoint="riva-german-1",group="german"} 1.0',
        'perch_group_ready{group="german"} 1.0',
        'perch_group_session_slots{group="german"} 8.0',
        'perch_group_sessions_active{group="german"} 0.0',
        'perch_group_model_info{group="german",model="parakeet-de"} 1.0',
        "perch_session_slots 16.0",
    ):
        assert line in text
    assert log.text.count('"group": "german"') >= 2


async def test_an_unknown_language_is_refused_with_those_of_every_recogniser(
    emulator: Emulator,
) -> None:
    async with two_languages(emulator) as gateway, client(gateway) as socket:
        await A.begin(socket, language="tlh")
        refused = await said(socket)
        assert (refused["code"], refused["retryable"]) == ("asr_rejected", False)
        assert "accepted: de-DE, en-US" in refused["error"]
        await A.begin(socket, language="de")
        assert (await said(socket))["type"] == A.started


async def test_a_language_whose_recogniser_is_away_is_refused_and_the_others_go_on(
    emulator: Emulator,
) -> None:
    async with two_languages(emulator, is_loading=True) as gateway:
        status, groups = await state(gateway)
        assert (status, groups["default"]["ready"], groups["german"]["ready"]) == (200, True, False)
        assert groups["german"]["reason"]
        async with client(gateway) as socket:
            await A.begin(socket, language="de")
            refused = await said(socket)
            assert (refused["code"], refused["retryable"]) == ("asr_unavailable", True)
            await A.begin(socket)
            assert (await said(socket))["type"] == A.started


async def test_the_gateway_is_as_ready_as_its_default_recognisers() -> None:
    async with (
        running_emulator(Script(loading_seconds=3600)) as loading,
        two_languages(loading) as gateway,
    ):
        status, groups = await state(gateway)
        assert (status, groups["default"]["ready"], groups["german"]["ready"]) == (503, False, True)


async def test_a_language_that_is_full_refuses_its_own_sessions_alone(emulator: Emulator) -> None:
    async with (
        two_languages(emulator, streams=1) as gateway,
        client(gateway) as first,
        client(gateway) as second,
    ):
        await A.begin(first, language="de")
        assert (await said(first))["type"] == A.started
        await A.begin(second, language="de")
        refused = await said(second)
        assert refused["code"] == "too_many_sessions"
        status, groups = await state(gateway)
        assert (status, groups["german"]["sessions"], groups["german"]["slots"]) == (200, 1, 1)
        await A.begin(second)
        assert (await said(second))["type"] == A.started


async def test_who_waits_for_one_language_is_next_of_it_and_holds_up_no_other(
    emulator: Emulator,
) -> None:
    async with (
        two_languages(emulator, streams=1) as gateway,
        client(gateway) as first,
        client(gateway, "/?wait=20") as waiting,
        client(gateway) as other,
    ):
        await A.begin(first, language="de")
        assert (await said(first))["type"] == A.started
        await A.begin(waiting, language="de")
        assert (await said(waiting))["type"] == "queued"
        await A.begin(other)
        assert (await said(other))["type"] == A.started
        await send(first, A.stop)
        assert (await said_until(waiting, A.started))[-1]["config"]["language"] == "de-DE"


async def test_a_session_is_resumed_in_its_language_also_where_none_is_named_again(
    emulator: Emulator,
) -> None:
    async with two_languages(emulator) as gateway:
        async with client(gateway) as socket:
            await A.begin(socket, language="de", resumable=True)
            await said_until(socket, A.started)
            await socket.send(SILENCE_100MS * 6)
            token = (await said_until(socket, "transcription"))[-1]["resume"]["token"]
            socket.transport.abort()
        async with client(gateway) as socket:
            await A.begin(socket, resumable=True, resume=token)
            resumed = (await said_until(socket, A.started))[-1]
            assert resumed["config"]["language"] == "de-DE"
            assert resumed["resumed"]["segment_id"] == 1
        await eventually(lambda: gateway.gateway.admission.sessions == 0)
        assert gateway.gateway.admission.sessions_of("german") == 0


async def test_an_upload_names_its_language_in_the_address(emulator: Emulator) -> None:
    files = {"file": ("talk.wav", recording("WAV", "PCM_16"))}
    async with (
        two_languages(emulator) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http,
    ):
        for query, status, text in (
            ("?language=de", 200, "hallo"),
            ("", 200, "hello"),
            ("?language=", 200, "hello"),
        ):
            answer = await http.post(f"/transcribe/file{query}", files=files)
            assert (answer.status_code, answer.json()["transcript"]) == (status, text)
        odd = await http.post("/transcribe/file?language=d_e", files=files)
        assert (odd.status_code, odd.json()["code"]) == (400, "bad_request")
        unknown = await http.post("/transcribe/file?language=tlh", files=files)
        assert unknown.json()["code"] == "asr_rejected"
        assert "de-DE" in unknown.json()["error"]


async def test_a_form_names_the_language_or_the_model_of_who_hears_it(emulator: Emulator) -> None:
    files = {"file": ("talk.wav", recording("WAV", "PCM_16"))}
    async with (
        two_languages(emulator) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http,
    ):
        for fields, heard in (
            ({"model": "whisper-1"}, ("hello", "en-US")),
            ({"model": "whisper-1", "language": "de"}, ("hallo", "de-DE")),
            ({"model": "whisper-1", "language": "de_DE"}, ("hallo", "de-DE")),
            ({"model": GERMAN}, ("hallo", "de-DE")),
            ({"model": "Parakeet_DE", "language": "de"}, ("hallo", "de-DE")),
        ):
            data = fields | {"response_format": "verbose_json"}
            answer = (await http.post(POSTED, data=data, files=files)).json()
            assert (answer["text"], answer["language"]) == heard, fields
        # The language says who takes it, and the model is not among theirs.
        fields = {"model": GERMAN, "language": "en"}
        refused = await http.post(POSTED, data=fields, files=files)
        assert refused.json()["error"]["code"] == "model_not_found"
        listed = (await http.get("/v1/models")).json()["data"]
        assert [(one["id"], one["languages"]) for one in listed[1:]] == [(GERMAN, ["de-DE"])]
        assert "en-US" in listed[0]["languages"]


async def test_a_form_for_who_cannot_be_reached_is_refused_when_it_has_arrived(
    emulator: Emulator,
) -> None:
    files = {"file": ("talk.wav", recording("WAV", "PCM_16"))}
    async with (
        two_languages(emulator) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http,
    ):
        gateway.gateway.admission._capacities["german"] = lambda: 0
        german = {"model": "whisper-1", "language": "de"}
        refused = await http.post(POSTED, data=german, files=files)
        heard = await http.post(POSTED, data={"model": "whisper-1"}, files=files)
        gateway.gateway.admission._capacities["default"] = lambda: 0
        nobody = await http.post(POSTED, data=german, files=files)
        assert gateway.gateway.uploads.counts().active == 0
    for answer in (refused, nobody):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "asr_unavailable")
    assert heard.json()["text"] == "hello"
