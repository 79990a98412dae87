"""What is made of a gateway's answers about itself, and of those that are no gateway's."""

import httpx
import pytest

from ops.smoke import told
from ops.smoke.failure import CheckFailedError, CheckWarning


def answer(**said: object) -> httpx.Response:
    return httpx.Response(200, json=said)


def listing(*models: str, colour: str | None = None) -> httpx.Response:
    return answer(colour=colour, groups=[{"name": "default", "models": models}])


def test_readiness_is_said_in_words_and_whatever_else_answers_as_it_is() -> None:
    full = {"colour": None, "sessions": 64, "slots": 64, "recognition": "off"}
    assert told.readiness(answer(**full)) == "a gateway has 64 of 64 sessions, recognition is off"
    refused = httpx.Response(503, json=full | {"reasons": ["draining", "full"]})
    assert told.readiness(refused) == "HTTP 503: draining; full"
    for odd in ("<html>", "7", '{"reasons": 7}', '{"sessions": 1}'):
        assert told.readiness(httpx.Response(200, text=odd)) == f"HTTP 200 {odd}"


def test_colours_are_counted_and_one_that_says_none_is_warned_of() -> None:
    said = [told.colour_of(one) for one in (answer(colour="green"), answer(colour="blue"))]
    assert told.colours(said, None) == "answered: blue 1 of 2 times, green 1 of 2 times"
    page = httpx.Response(503, text="<html>")
    with pytest.raises(CheckWarning, match="a gateway that does not say its colour 1 of 2 times"):
        told.colours([told.colour_of(page), "blue"], "blue")


def test_the_model_of_the_colour_that_answers_must_be_listed() -> None:
    deployed = {"blue": "parakeet", "green": "canary"}
    listed = listing("parakeet", "other", colour="blue")
    assert told.model(listed, deployed) == "parakeet is listed: parakeet, other"
    with pytest.raises(CheckFailedError, match=r"canary is not among .*; listed: parakeet"):
        told.model(listing("parakeet", colour="green"), deployed)
    # One that does not say its colour may be either.
    assert told.model(listing("canary"), deployed) == "canary or parakeet is listed: canary"
    assert told.model(listing("any"), {"blue": None}) == "the recogniser chooses; listed: any"
    for unknown in (listing(), answer(groups=7), httpx.Response(503, text="<html>")):
        with pytest.raises(CheckWarning, match="does not tell which models"):
            told.model(unknown, deployed)
