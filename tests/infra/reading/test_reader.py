"""The reader: fields first, and a rule only where its fields could be read."""

from collections.abc import Iterator
from typing import Annotated

import pytest
from pydantic import ValidationError

from infra.reading import kinds
from infra.reading.reader import Problem, Section, Unread, read

Number = Annotated[int, kinds.whole(0, 9)]


class Pair(Section):
    """Two numbers."""

    low: Number
    """The lower."""
    high: Number = 9
    """The higher."""


class Settings(Section):
    """A pair that may be left out, and one that is always there."""

    spare: Pair | None = None
    """One more."""
    pair: Pair
    """The one."""


def is_ordered(settings: Settings) -> Iterator[Problem]:
    if settings.pair.low > settings.pair.high:
        yield Problem("pair", "upside down", "low before high")


def is_lucky(settings: Settings) -> Iterator[Problem]:
    if settings.pair.high != 7:
        yield Problem("pair.high", str(settings.pair.high), "7")


def problems(raw: object) -> list[str]:
    return [str(problem) for problem in read(Settings, raw, (is_ordered, is_lucky))[1]]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"pair": {"low": 1, "high": 7}}, []),
        ({"pair": {"low": 8, "high": "7"}}, ["pair is upside down; accepted: low before high"]),
        (
            {"pair": {"low": "x", "high": 5}, "spare": None},
            [
                'pair.low is "x"; accepted: a whole number from 0 to 9',
                "pair.high is 5; accepted: 7",
            ],
        ),
        (
            {},
            ["pair.low is missing; accepted: a whole number from 0 to 9", "pair.high is 9; accep"],
        ),
        ({"pair": 3}, ["pair is 3; accepted: a map of keys"]),
        (None, [" is null; accepted: a map of keys"]),
        (
            {"pair": {"low": 1, "high": 7}, "spare": {"lo": 1}},
            [
                "spare.lo is not a key; accepted: did you mean low?",
                "spare.low is missing; accepted: a whole number from 0 to 9",
            ],
        ),
    ],
)
def test_every_field_is_named_and_only_rules_whose_fields_were_read_speak(
    raw: object, said: list[str]
) -> None:
    found = problems(raw)
    assert len(found) == len(said)
    assert all(one.startswith(part) for one, part in zip(found, said, strict=True)), found


def test_what_was_not_read_cannot_be_used_by_mistake() -> None:
    settings, found = read(Settings, {"pair": {"low": 99}})
    assert [problem.key for problem in found] == ["pair.low"]
    assert settings.pair.high == 9
    with pytest.raises(Unread):
        _ = settings.pair.low


def test_a_section_made_by_hand_is_checked_like_any_model() -> None:
    assert Pair(low=1).high == 9
    with pytest.raises(ValidationError, match="a whole number from 0 to 9"):
        Pair(low=99)
