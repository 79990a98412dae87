"""The language that is wanted, among those that a recogniser lists."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from riva.client.proto import riva_asr_pb2

from app.asr import AsrError, SessionOptions
from app.asr.events import Model
from app.asr.languages import listed_language, lookup
from tests.app.asr.conftest import client_of
from tests.support.recognisers.fake_riva import FakeRiva, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.recognisers.fake_riva import Stream

SILENCE = Path(__file__).parents[2] / "fixtures" / "silence_10s.flac"


@pytest.mark.parametrize(
    ("wanted", "listed", "found"),
    [
        ("en-US", ["en-US"], "en-US"),
        ("en-us", ["en-US"], "en-US"),
        ("en", ["de-DE", "en-US"], "en-US"),
        ("en", ["en-GB", "en-US"], "en-US"),
        ("EN", ["en-GB", "en-IN"], "en-GB"),
        ("en", ["en", "en-US"], "en"),
        ("zh", ["zh-Hant-TW"], "zh-Hant-TW"),
        ("zh-Hant", ["zh-CN", "zh-Hant-TW"], "zh-Hant-TW"),
        # RFC 4647, 3.4: a part at a time goes, and a single letter with what follows it.
        ("de-CH", ["de", "de-DE"], "de"),
        ("zh-Hant-CN-x-private1-private2", ["zh", "zh-Hant"], "zh-Hant"),
        ("zh-Hant-CN-x-private1", ["zh-Hant-CN-x"], None),
        ("en-GB", ["en-US"], None),
        ("de-CH", ["de-DE"], None),
        ("eng", ["en-US"], None),
        ("e", ["en-US"], None),
        ("en", ["eng-US"], None),
        ("en", [], None),
    ],
)
def test_a_language_is_looked_up_among_those_that_are_listed(
    wanted: str, listed: list[str], found: str | None
) -> None:
    assert lookup(wanted, listed, "en-US") == found


TAGS = st.from_regex(r"\A[a-c]{2}(-[A-C]{2}){0,2}\Z")


@given(TAGS, st.lists(TAGS, max_size=5), TAGS)
def test_what_is_found_is_listed_and_begins_as_what_was_wanted_does_or_the_other_way_round(
    wanted: str, listed: list[str], preferred: str
) -> None:
    found = lookup(wanted, listed, preferred)
    pairs = [(f"{wanted}-".lower(), f"{tag}-".lower()) for tag in listed]
    assert (found is not None) == any(a.startswith(b) or b.startswith(a) for a, b in pairs)
    assert found is None or found in listed
    if wanted in listed:
        assert found is not None
        assert found.lower() == wanted.lower()


def model(name: str, language: str | None) -> Model:
    return Model(name=name, language=language, streaming=True, parameters=MappingProxyType({}))


EN, MANY = model("a", "en-US"), model("b", "es-US, fr-FR")


@pytest.mark.parametrize(
    ("wanted", "serving", "asked_for"),
    [
        ("en", [EN, MANY], "en-US"),
        ("fr", [MANY], "fr-FR"),
        ("de", [model("a", "de-DE,de-AT")], "de-DE"),
        # What is not said cannot be refused: the recogniser has the word.
        ("en", [], "en"),
        ("tlh", [], "tlh"),
        ("tlh", [model("a", None)], "tlh"),
        ("tlh", [EN, model("c", None)], "tlh"),
        ("tlh", [EN, model("c", "multi")], "tlh"),
        ("en", [EN, model("c", "mul")], "en-US"),
    ],
)
def test_a_call_asks_for_the_recognisers_own_tag(
    wanted: str, serving: list[Model], asked_for: str
) -> None:
    assert listed_language(wanted, serving, "en-US") == asked_for


def test_a_language_that_no_model_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(AsrError) as refused:
        listed_language("tlh", [EN, MANY], "en-US")
    assert refused.value.message == (
        "The recogniser has no model for the language tlh and this kind of request; "
        "accepted: en-US, es-US, fr-FR."
    )
    assert (refused.value.code, refused.value.fault) == ("MODEL_UNAVAILABLE", "caller")


async def no_audio() -> AsyncIterator[bytes]:
    for chunk in b"", b"":
        yield chunk


async def quiet(stream: Stream) -> None:
    await stream.receive_all()


async def test_a_session_asks_in_the_recognisers_own_tag_once_it_has_listed_them() -> None:
    async with serving(FakeRiva(script=quiet)) as riva, client_of(riva) as client:
        assert await client.check(SessionOptions(language="en")) == "en"
        assert riva.config_calls == 0
        await client.ready()
        assert await client.check(SessionOptions(language="en")) == "en-US"
        for language in ("en", "EN-us", None):
            async for _ in client.stream_events(no_audio(), language=language):
                pass
        # Nobody has the list asked for what is on it.
        assert riva.config_calls == 1
    asked = [stream.opening.streaming_config.config.language_code for stream in riva.streams]
    assert asked == ["en-US"] * 3


async def test_what_is_not_on_the_list_is_asked_for_again_before_it_is_refused() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        await client.ready()
        with pytest.raises(AsrError, match="has no model for the language fr"):
            await client.check(SessionOptions(language="fr"))
        with pytest.raises(AsrError, match="has no streaming model 'other'"):
            await client.check(SessionOptions(model="other"))
        # It restarts with another model.
        riva.models = {"other": {"type": "online", "language_code": "fr-FR"}}
        catalogue = client._default.routes.current.endpoints[0].catalogue
        catalogue._listed_at = None
        assert await client.check(SessionOptions(language="fr", model="other")) == "fr-FR"


async def test_a_crowd_of_refusals_is_no_crowd_of_questions() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        await client.ready()
        for _ in range(20):
            with pytest.raises(AsrError):
                await client.check(SessionOptions(language="fr"))
        assert riva.config_calls <= 3


async def test_where_nobody_can_be_asked_a_language_goes_on_as_it_is_named() -> None:
    async with serving(FakeRiva()) as riva, client_of(riva) as client:
        await client.ready()
        client._default.routes.current.endpoints[0].catalogue._listed_at = None
        riva.failures_before_success = 1_000
        assert await client.check(SessionOptions(language="fr")) == "fr"


async def test_a_recording_is_asked_for_in_the_recognisers_own_tag() -> None:
    async def hear(*_: object) -> Any:  # noqa: ANN401 - generated messages carry no types
        return riva_asr_pb2.RecognizeResponse()

    models = {
        "a": {"type": "online", "language_code": "de-AT"},
        "b": {"type": "offline", "language_code": "de-DE"},
    }
    async with (
        serving(FakeRiva(script=quiet, models=models, recognize=hear)) as riva,
        client_of(riva) as client,
    ):
        whole = await client.transcribe_file(SILENCE, language="de")
        assert riva.files[0].config.language_code == whole.language == "de-DE"
        del models["b"]
        await client.ready()
        streamed = await client.transcribe_file(SILENCE, language="de")
        assert streamed.language == "de-AT"
        assert (await riva.stream()).opening.streaming_config.config.language_code == "de-AT"
