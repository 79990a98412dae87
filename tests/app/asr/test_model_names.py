"""The model that is meant by a name as people write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.asr.model_names import look_up
from tests.app.asr.conftest import client_of
from tests.support.recognisers.fake_riva import FakeRiva, serving

LISTED = (
    "parakeet-1.1b-en-US-asr-streaming",
    "parakeet-1.1b-en-US-asr-offline",
    "parakeet-tdt-0.6b",
    "canary_1b",
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("parakeet-tdt-0.6b", ["parakeet-tdt-0.6b"]),
        ("Parakeet_TDT 0.6B", ["parakeet-tdt-0.6b"]),
        (" parakeet-tdt ", ["parakeet-tdt-0.6b"]),
        ("canary-1b", ["canary_1b"]),
        ("parakeet-1.1b-en-us-asr-offline", ["parakeet-1.1b-en-US-asr-offline"]),
        ("parakeet-1.1b", list(LISTED[:2])),
        ("parakeet", list(LISTED[:3])),
        # Up to a separator only: a number is no beginning of another one.
        ("parakeet-1", []),
        # What says more than is listed is another model.
        ("parakeet-tdt-0.6b-v2", []),
        ("whisper-1", []),
        ("", []),
        ("-", []),
    ],
)
def test_a_model_is_looked_up_among_those_that_are_listed(wanted: str, found: list[str]) -> None:
    assert list(look_up(wanted, LISTED)) == found


NAMES = st.text(alphabet="aB1.-_ ", min_size=1, max_size=8)


@given(NAMES, st.lists(NAMES, max_size=4))
def test_a_name_that_is_listed_stands_for_itself_and_nothing_is_made_up(
    wanted: str, listed: list[str]
) -> None:
    found = look_up(wanted, listed)
    assert set(found) <= set(listed)
    if wanted in listed:
        assert found == (wanted,)


async def test_what_is_listed_is_what_the_recogniser_said_last() -> None:
    models = {"parakeet-a": {"type": "online"}}
    async with serving(FakeRiva(models=models)) as riva, client_of(riva) as client:
        assert client.model_names("parakeet") == ()
        await client.ready()
        assert client.model_names("parakeet") == ("parakeet-a",)
