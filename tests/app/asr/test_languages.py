"""The language that is wanted, among those that a recogniser lists."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.asr import AsrError
from app.asr.events import Model
from app.asr.languages import listed_language, lookup


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
        ("de", [model("a", "de-DE,de-AT")], "de-AT"),
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
