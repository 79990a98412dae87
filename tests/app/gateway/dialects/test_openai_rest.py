"""OpenAI's REST API over HTTP, byte for byte; its SDKs themselves are in `tests/clients`.

The recogniser follows a script: that the words are the right ones is proved there, too.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from app.emulator import After, Emulator, Fail, Script, ScriptedResult, ScriptedWord, StreamScript
from app.gateway.dialects.openai.form import TEXTS
from tests.app.gateway.uploading import recording
from tests.support.gateways.running import Running, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/audio/transcriptions"
SPEECH = recording("WAV", "PCM_16")
MODEL = "parakeet-rnnt-1.1b-unified-ml-cs-universal-multi-asr-streaming"
TOKEN = "a-token-of-this-test-alone"  # pragma: allowlist secret


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_gateway(shared_emulator: Emulator) -> AsyncIterator[Running]:
    # Probed once: on a machine too busy to answer the next probe uploads are rightly refused.
    async with running_gateway(shared_emulator, app_ready_probe_interval_s=3600) as running:
        yield running


async def post(
    gateway: Running,
    *,
    path: str = PATH,
    data: bytes = SPEECH,
    headers: dict[str, str] | None = None,
    **fields: Any,  # noqa: ANN401 - texts, or lists of them
) -> httpx.Response:
    texts = {"model": "whisper-1"} | {name.replace("__", "[]"): one for name, one in fields.items()}
    async with httpx.AsyncClient(base_url=gateway.http_url, timeout=20) as http:
        return await http.post(
            path, data=texts, files={"file": ("talk.wav", data)}, headers=headers or {}
        )


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """Check the shape of an error, and return what is in it."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    error: dict[str, Any] = body["error"]
    return error


async def test_json_has_the_text_and_how_long_the_recording_was(gateway: Running) -> None:
    answer = await post(gateway)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "text": "hello world",
        "usage": {"type": "duration", "seconds": 1.0},
    }


@pytest.mark.parametrize(
    ("name", "kind", "body"),
    [
        ("text", "text/plain; charset=utf-8", "hello world\n"),
        (
            "srt",
            "text/plain; charset=utf-8",
            "1\n00:00:00,100 --> 00:00:00,933\nhello world\n\n",
        ),
        (
            "vtt",
            "text/vtt; charset=utf-8",
            "WEBVTT\n\n00:00:00.100 --> 00:00:00.933\nhello world\n\n",
        ),
    ],
)
async def test_texts_are_sent_as_they_are(
    gateway: Running, name: str, kind: str, body: str
) -> None:
    answer = await post(gateway, response_format=name)
    assert (answer.headers["content-type"], answer.text) == (kind, body)


async def test_a_verbose_answer_has_segments_and_says_what_nobody_measured(
    gateway: Running,
) -> None:
    body = (await post(gateway, response_format="verbose_json", temperature="0.2")).json()
    assert "words" not in body
    assert (body["task"], body["language"], body["duration"]) == ("transcribe", "en-US", 1.0)
    first, second = body["segments"]
    assert (first["id"], first["start"], first["end"], first["text"]) == (0, 0.1, 0.45, "hello")
    assert (second["id"], second["start"], second["end"], second["text"]) == (1, 0.6, 0.9, "world")
    assert (first["temperature"], first["seek"], first["tokens"]) == (0.2, 0, [])
    assert first["avg_logprob"] == first["no_speech_prob"] == 0.0
    assert first["not_measured"] == ["tokens", "avg_logprob", "no_speech_prob"]
    assert (first["confidence"], second["confidence"]) == (0.75, None)


@pytest.mark.parametrize(
    ("granularities", "keys"),
    [
        (["word"], {"words"}),
        (["segment"], {"segments"}),
        (["word", "segment"], {"words", "segments"}),
    ],
)
async def test_times_are_given_of_what_they_are_asked_for(
    gateway: Running, granularities: list[str], keys: set[str]
) -> None:
    answer = await post(
        gateway, response_format="verbose_json", timestamp_granularities__=granularities
    )
    body = answer.json()
    assert {"words", "segments"} & set(body) == keys
    if "words" in keys:
        assert body["words"] == [
            {"word": "hello", "start": 0.1, "end": 0.45},
            {"word": "world", "start": 0.6, "end": 0.9},
        ]


async def test_events_come_one_for_each_final_and_add_up_to_the_text(gateway: Running) -> None:
    answer = await post(gateway, stream="true")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    *texts, rest = answer.text.split("\n\n")
    assert rest == ""
    assert all(text.startswith("data: ") for text in texts)
    events = [json.loads(text.removeprefix("data: ")) for text in texts]
    assert events == [
        {"type": "transcript.text.delta", "delta": "hello"},
        {"type": "transcript.text.delta", "delta": " world"},
        {"type": "transcript.text.done", "text": "hello world"},
    ]


async def test_words_without_times_are_text_and_no_captions(emulator: Emulator) -> None:
    emulator.set_script(
        Script(streams=(StreamScript(results=(ScriptedResult(at=0.1, text="hi", is_final=True),)),))
    )
    async with running_gateway(emulator) as gateway:
        assert (await post(gateway, response_format="text")).text == "hi\n"
        verbose = (await post(gateway, response_format="verbose_json")).json()
        captions = await post(gateway, response_format="srt")
    assert verbose["text"] == "hi"
    assert "segments" not in verbose
    assert captions.status_code == 400
    assert "the recogniser gave none" in error_of(captions)["message"]


async def test_silence_is_an_empty_text_in_every_format(emulator: Emulator) -> None:
    emulator.set_script(Script(streams=(StreamScript(),)))
    async with running_gateway(emulator) as gateway:
        found = {
            one: (await post(gateway, response_format=one)).text
            for one in ("text", "srt", "vtt", "json")
        }
        verbose = (await post(gateway, response_format="verbose_json")).json()
        events = (await post(gateway, stream="true")).text
    assert (found["text"], found["srt"], found["vtt"]) == ("\n", "", "WEBVTT\n\n")
    assert json.loads(found["json"])["text"] == verbose["text"] == ""
    assert verbose["segments"] == []
    assert events == 'data: {"type":"transcript.text.done","text":""}\n\n'


@pytest.mark.parametrize("path", [PATH, f"/openai{PATH}", f"{PATH}/"])
@pytest.mark.parametrize(
    "model", ["whisper-1", "GPT-4o-transcribe", MODEL, MODEL.upper(), "parakeet"]
)
async def test_models_are_taken_by_their_names_and_by_those_they_stand_in_for(
    gateway: Running, path: str, model: str
) -> None:
    answer = await post(gateway, path=path, model=model)
    assert answer.status_code == 200, answer.text


async def test_a_model_there_is_not_is_404_with_those_there_are(gateway: Running) -> None:
    answer = await post(gateway, model="universal-2")
    assert answer.status_code == 404
    error = error_of(answer)
    assert error["code"] == "model_not_found"
    assert error["message"] == f"There is no model universal-2; accepted: {MODEL}"
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("language", ["en", "EN", "en-us", "en_US", ""])
async def test_languages_match_as_people_write_them(gateway: Running, language: str) -> None:
    answer = await post(gateway, language=language, response_format="verbose_json")
    assert answer.status_code == 200, answer.text
    assert answer.json()["language"] == "en-US"


@pytest.mark.parametrize("language", ["tlh", "multi"])
async def test_a_language_there_is_not_is_400_with_those_there_are(
    gateway: Running, language: str
) -> None:
    answer = await post(gateway, language=language)
    assert answer.status_code == 400
    assert "en-US" in error_of(answer)["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"response_format": "srt", "stream": "true"}, "stream"),
        ({"stream": "perhaps"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": "nan"}, "temperature"),
        ({"timestamp_granularities__": "word"}, "timestamp_granularities[]"),
        (
            {"timestamp_granularities__": "char", "response_format": "verbose_json"},
            "timestamp_granularities[]",
        ),
        ({"include__": "everything"}, "include[]"),
        ({"languages__": ["en", "de"]}, "languages[]"),
        ({"known_speaker_names__": "agent"}, "known_speaker_names[]"),
        ({"keywords__": "k" * 101}, "keywords[]"),
    ],
    ids=range(12),
)  # fmt: skip
async def test_a_field_that_cannot_be_taken_is_400_and_named(
    gateway: Running, fields: dict[str, Any], param: str
) -> None:
    answer = await post(gateway, **fields)
    assert answer.status_code == 400
    error = error_of(answer)
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"].startswith(param)
    assert "accepted: " in error["message"]


async def test_keywords_are_preferred_and_what_has_no_effect_is_taken(
    gateway: Running, emulator: Emulator
) -> None:
    answer = await post(
        gateway,
        keywords__=["Parakeet", " Perch "],
        prompt="Once upon a time",
        include__="logprobs",
        chunking_strategy="auto",
        unheard_of="yes",
    )
    assert answer.status_code == 200
    assert "logprobs" not in answer.json()
    assert emulator.streams[-1].hotwords == ("Parakeet", "Perch")


async def test_a_translation_is_refused_before_it_is_received(gateway: Running) -> None:
    answer = await post(gateway, path="/v1/audio/translations")
    assert answer.status_code == 400
    assert error_of(answer)["message"].startswith("Translation is not offered")


async def test_a_file_that_is_none_is_400_with_what_is_decoded(gateway: Running) -> None:
    answer = await post(gateway, data=b"this is a letter, not a song" * 100)
    assert answer.status_code == 400
    error = error_of(answer)
    assert error["code"] == "unsupported_audio"
    assert "WAV" in error["message"]


@pytest.mark.parametrize("path", [PATH, "/v1/models", "/v1/models/whisper-1"])
async def test_who_has_no_key_is_401_and_one_for_recordings_will_do(
    emulator: Emulator, path: str
) -> None:
    async with running_gateway(emulator, app_auth_tokens=TOKEN) as gateway:
        async with httpx.AsyncClient(base_url=gateway.http_url) as http:
            ask = http.post if path == PATH else http.get
            refused = await ask(path)
            wrong = await ask(path, headers={"Authorization": "Bearer wrong"})
        allowed = await post(gateway, headers={"Authorization": f"Bearer {TOKEN}"})
    for answer in (refused, wrong):
        assert answer.status_code == 401
        assert error_of(answer)["code"] == "invalid_api_key"
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert allowed.status_code == 200


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("GET", PATH, "POST"), ("POST", "/v1/models", "GET, HEAD"),
    ("DELETE", "/openai/v1/models/whisper-1", "GET, HEAD"),
])  # fmt: skip
async def test_another_method_is_405_in_the_dialects_words(
    gateway: Running, method: str, path: str, allow: str
) -> None:
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        answer = await http.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow
    assert error_of(answer)["code"] == "method_not_allowed"


@pytest.mark.parametrize("base", ["/v1", "/openai/v1"])
async def test_what_is_served_is_listed_and_found_one_by_one(gateway: Running, base: str) -> None:
    async with httpx.AsyncClient(base_url=f"{gateway.http_url}{base}") as http:
        listed = await http.get("/models")
        one = await http.get(f"/models/{MODEL}")
        foreign = await http.get("/models/whisper-1")
        none = await http.get("/models/nvidia/canary")
    (entry,) = listed.json()["data"]
    assert listed.json()["object"] == "list"
    assert entry == one.json()
    assert (entry["id"], entry["object"], entry["owned_by"]) == (MODEL, "model", "perch")
    assert isinstance(entry["created"], int)
    assert entry["streaming"] is True
    assert "en-US" in entry["languages"]
    assert foreign.json()["id"] == "whisper-1"
    assert none.status_code == 404
    assert error_of(none)["code"] == "model_not_found"


async def test_where_no_recogniser_has_answered_yet_models_are_503(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, riva={"port": 1, "http_port": 0}) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url) as http,
    ):
        answer = await http.get("/v1/models")
    assert answer.status_code == 503
    assert error_of(answer)["code"] == "asr_unavailable"
    assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("5", "true")


async def test_a_recogniser_that_fails_before_the_first_word_is_an_error_with_its_status(
    emulator: Emulator,
) -> None:
    fault = Fail(do="fail", status="RESOURCE_EXHAUSTED", message="full")
    emulator.set_script(Script(streams=(StreamScript(fault=fault),)))
    async with running_gateway(emulator, riva={"outage_limit_s": 0.5}) as gateway:
        answer = await post(gateway, stream="true")
    assert answer.status_code == 503
    error = error_of(answer)
    assert (error["type"], error["code"]) == ("server_error", "asr_overloaded")
    assert int(answer.headers["retry-after"]) >= 1


async def test_one_that_fails_after_it_ends_the_events_with_an_error(emulator: Emulator) -> None:
    word = ScriptedWord(word="hello", start=0.1, end=0.45)
    fault = Fail(do="fail", status="INVALID_ARGUMENT", message="no more", after=After(results=1))
    said = ScriptedResult(at=0.5, text="hello", is_final=True, words=(word,))
    emulator.set_script(Script(streams=(StreamScript(results=(said,), fault=fault),)))
    async with running_gateway(emulator) as gateway:
        answer = await post(gateway, stream="true")
    assert answer.status_code == 200
    first, last, rest = answer.text.split("\n\n")
    assert (json.loads(first[6:])["delta"], rest) == ("hello", "")
    assert json.loads(last[6:])["error"]["message"]


TEXT = st.text(max_size=12) | st.sampled_from(
    ["json", "srt", "verbose_json", "true", "word", "segment", "en_US", "whisper-1", "0.5", "1e999"]
)


@given(
    st.dictionaries(st.sampled_from(sorted(TEXTS)), st.lists(TEXT, min_size=1, max_size=2)),
    st.just(SPEECH) | st.binary(max_size=40),
)
@settings(deadline=None, max_examples=15)
async def test_whatever_a_form_holds_the_answer_is_words_or_a_documented_error(
    shared_gateway: Running, fields: dict[str, list[str]], data: bytes
) -> None:
    async with httpx.AsyncClient(base_url=shared_gateway.http_url, timeout=20) as http:
        answer = await http.post(
            PATH, data={"model": "whisper-1", **fields}, files={"file": ("talk.wav", data)}
        )
    assert answer.status_code in {200, 400, 404}
    if answer.status_code != 200:
        assert error_of(answer)["code"] in {
            "bad_request", "model_not_found", "unsupported_audio", "asr_rejected"
        }  # fmt: skip
