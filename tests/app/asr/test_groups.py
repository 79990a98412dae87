"""Groups of recognisers by language: how they are set, which one is asked, and what each keeps.

Real gRPC servers that say what they were asked for; that each one hears its language is its own.
"""

from __future__ import annotations

import json
import wave
from contextlib import asynccontextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.asr import AsrError, RivaASRClient, RivaSettings, Route, SessionOptions, SettingsError
from app.settings import read
from tests.app.asr.conftest import client_of
from tests.support.recognisers.fake_riva import FakeRiva, final, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from app.asr import Transcript
    from tests.support.recognisers.fake_riva import Stream

GERMAN = {"languages": ["de-DE", "de-AT"], "endpoints": "127.0.0.1:1/0", "model": "parakeet-de"}
FRENCH = {"languages": ["fr-FR"], "endpoints": ["127.0.0.1:2/0", "dns:asr-fr:50051"]}
GROUPS = {"german": GERMAN, "french": FRENCH}


def settings(groups: object, **values: object) -> RivaSettings:
    text = groups if isinstance(groups, str) else json.dumps(groups)
    return RivaSettings.model_validate({"groups": text, **values})


def problems(groups: object, **values: object) -> dict[str, str]:
    with pytest.raises(SettingsError) as refused:
        settings(groups, **values)
    return {one.key: f"{one.value}; {one.accepted}" for one in refused.value.problems}


def test_each_group_has_its_own_recognisers_model_and_ways() -> None:
    tls = {"ssl": True, "ssl_server_name": "asr.example", "endpoint_streams": 12}
    of = settings({"german": {**GERMAN, **tls}, "french": FRENCH}, endpoint_streams=40).of_group
    german, french = of("german"), of("french")
    assert [(one.host, one.port) for one in german.addresses] == [("127.0.0.1", 1)]
    assert [one.is_group for one in french.addresses] == [False, True]
    assert (german.language_code, german.model, german.ssl) == ("de-DE", "parakeet-de", True)
    assert (french.language_code, french.model, french.ssl) == ("fr-FR", "", False)
    assert (german.endpoint_streams, french.endpoint_streams) == (12, 40)
    assert (german.ssl_server_name, french.ssl_server_name) == ("asr.example", None)
    assert settings("").groups == {}


def test_every_problem_of_every_group_is_named_at_once() -> None:
    found = problems(
        {
            "Big": GERMAN,
            "default": FRENCH,
            "empty": {"languages": [], "endpoints": "", "moddel": "x"},
            "odd": {"languages": ["de_DE", "fr-FR"], "endpoints": ["asr"], "endpoint_streams": "9"},
            "half": {},
            "none": 3,
        }
    )
    assert found.keys() == {
        "RIVA_GROUPS: the name Big",
        "RIVA_GROUPS: the name default",
        "RIVA_GROUPS: empty.languages",
        "RIVA_GROUPS: empty.endpoints",
        "RIVA_GROUPS: empty.moddel",
        "RIVA_GROUPS: odd.languages",
        "RIVA_GROUPS: odd.endpoints",
        "RIVA_GROUPS: odd.endpoint_streams",
        "RIVA_GROUPS: half.languages",
        "RIVA_GROUPS: half.endpoints",
        "RIVA_GROUPS: none",
    }
    assert "known are languages, endpoints, model" in found["RIVA_GROUPS: empty.moddel"]
    assert found["RIVA_GROUPS: odd.languages"].startswith("'de_DE'; a list of 1 to 64 BCP 47")
    assert found["RIVA_GROUPS: half.endpoints"].startswith("empty; one recogniser or more")


def test_a_language_and_a_recogniser_belong_to_one_group() -> None:
    found = problems(
        {
            "german": {**GERMAN, "languages": ["de-DE", "en-us"]},
            "swiss": {"languages": ["DE-de"], "endpoints": "127.0.0.1:1"},
            "own": {"languages": ["it"], "endpoints": "localhost:50051", "endpoint_streams": 9999},
        }
    )
    assert found == {
        "RIVA_GROUPS: german.languages": "'en-us'; a language that no other has; "
        "RIVA_LANGUAGE_CODE names it",
        "RIVA_GROUPS: swiss.languages": "'DE-de'; a language that no other has; german names it",
        "RIVA_GROUPS: swiss.endpoints": "'127.0.0.1:1'; a recogniser that no other has; "
        "german names it",
        "RIVA_GROUPS: own.endpoints": "'localhost:50051'; a recogniser that no other has; "
        "RIVA_ENDPOINTS names it",
        "RIVA_GROUPS: own.endpoint_streams": "9999; at most RIVA_CHANNELS x "
        "RIVA_MAX_STREAMS_PER_CHANNEL (1440)",
    }


@pytest.mark.parametrize("text", ["german", "[]", '{"a": {"languages": [1], "languages": []}}'])
def test_what_is_no_object_of_groups_is_refused_as_a_whole(text: str) -> None:
    assert problems(text).keys() == {"RIVA_GROUPS"}


def test_a_key_is_not_sent_in_clear_to_a_group_elsewhere_either() -> None:
    far = {**GERMAN, "endpoints": "asr-de:50051"}
    key = {"api_key": "a-key"}  # pragma: allowlist secret
    assert problems({"german": far}, **key).keys() == {"RIVA_API_KEY"}
    assert settings({"german": {**far, "ssl": True}}, **key).groups


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["german", "x", "languages", "endpoints", "model", "ssl"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_whatever_stands_there_is_taken_or_refused_by_name(value: object) -> None:
    taken, found = read(RivaSettings, groups=json.dumps(value), _env_file=None)
    assert all(one.key.startswith("RIVA_GROUPS") for one in found)
    assert found or all(one.languages and one.endpoints for one in taken.groups.values())


@pytest.mark.parametrize(
    ("options", "group"),
    [
        ({}, "default"),
        ({"language": "en-US"}, "default"),
        ({"language": "en"}, "default"),
        ({"language": "de-DE"}, "german"),
        ({"language": "DE-at"}, "german"),
        ({"language": "de"}, "german"),
        ({"language": "fr"}, "french"),
        # Another region's is nobody's here; the default group's list has the word.
        ({"language": "de-CH"}, "default"),
        ({"language": "tlh"}, "default"),
        ({"model": "parakeet-de"}, "german"),
        ({"model": "parakeet-de", "language": "fr"}, "french"),
        ({"model": "unheard-of"}, "default"),
        ({"model": ""}, "default"),
        ({"group": "french"}, "french"),
        ({"group": "german", "language": "fr"}, "german"),
    ],
)
def test_a_call_goes_to_the_group_of_its_language_else_of_its_model(
    options: dict[str, Any], group: str
) -> None:
    assert RivaASRClient(settings(GROUPS)).group_of(SessionOptions(**options)) == group


def test_a_group_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(AsrError) as refused:
        RivaASRClient(settings(GROUPS)).group_of(SessionOptions(group="greek"))
    assert refused.value.message == "group is 'greek'; accepted: default, german, french."


async def say_where(stream: Stream) -> None:
    """Answers with the language and the model that it was asked for."""
    await stream.receive_all()
    config = stream.opening.streaming_config.config
    await stream.say(final(f"{config.language_code} {config.model}"))


def recogniser(name: str, language: str) -> FakeRiva:
    return FakeRiva(script=say_where, models={name: {"type": "online", "language_code": language}})


@asynccontextmanager
async def two_groups(
    german: FakeRiva | None = None, **changes: object
) -> AsyncIterator[tuple[RivaASRClient, FakeRiva, FakeRiva]]:
    english = recogniser("parakeet-en", "en-US")
    german = german or recogniser("parakeet-de", "de-DE")
    async with serving(english), serving(german):
        groups = {"german": {**GERMAN, "endpoints": f"127.0.0.1:{german.port}/0"}}
        async with client_of(english, groups=json.dumps(groups), **changes) as client:
            yield client, english, german


async def heard(
    client: RivaASRClient, language: str | None = None, model: str | None = None
) -> str:
    async def audio() -> AsyncIterator[bytes]:
        yield bytes(3200)

    found: list[Transcript] = [
        one async for one in client.stream_transcribe(audio(), language=language, model=model)
    ]
    return " ".join(one.text for one in found)


async def test_each_group_hears_its_own_languages_by_its_own_tag_and_model() -> None:
    async with two_groups() as (client, english, german):
        assert await heard(client, language="de") == "de-DE parakeet-de"
        assert await heard(client, model="parakeet-de") == "de-DE parakeet-de"
        assert await heard(client) == "en-US"
        assert (len(english.streams), len(german.streams)) == (1, 2)


async def test_a_recording_goes_to_the_group_of_its_language() -> None:
    sound = BytesIO()
    with wave.open(sound, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes(bytes(32_000))
    async with two_groups() as (client, english, german):
        found = await client.transcribe_file(sound.getvalue(), language="de")
        assert found.text == "de-DE parakeet-de"
        assert (len(english.streams), len(german.streams)) == (0, 1)


async def test_an_unknown_language_is_refused_with_those_of_every_group() -> None:
    async with two_groups() as (client, _, _german):
        await client.ready()
        with pytest.raises(AsrError) as refused:
            await client.check(SessionOptions(language="tlh"))
        assert "accepted: de-AT, de-DE, en-US" in refused.value.message


async def test_each_group_is_ready_and_has_room_by_itself() -> None:
    async with two_groups(endpoint_streams=3) as (client, english, _):
        assert (await client.ready()).ready
        assert (await client.ready("german")).ready
        assert [(one.name, one.group) for one in client.endpoints()] == [
            ("riva-1", "default"),
            ("riva-german-1", "german"),
        ]
        assert [model.name for model in client.known_models("german")] == ["parakeet-de"]
        english.models.clear()
        assert not (await client.ready()).ready
        assert (client.slots(), client.slots("german")) == (0, 3)
        assert (await client.ready("german")).ready


async def test_a_group_whose_recogniser_has_none_of_its_languages_is_not_ready_and_says_why() -> (
    None
):
    async with two_groups(recogniser("parakeet-de", "it-IT")) as (client, _, _german):
        answer = await client.ready("german")
        assert not answer.ready
        assert answer.reason == ("the recogniser lists it-IT, and this group is for de-DE, de-AT")


async def test_the_fallback_is_the_default_groups_and_leaves_the_others_where_they_are() -> None:
    spare = recogniser("parakeet-en", "en-US")
    async with (
        serving(spare),
        two_groups(fallback_endpoints=f"127.0.0.1:{spare.port}/0") as (client, english, german),
    ):
        client.route(Route.FALLBACK)
        assert await heard(client) == "en-US"
        assert await heard(client, language="de") == "de-DE parakeet-de"
        assert [len(one.streams) for one in (english, spare, german)] == [0, 1, 1]
