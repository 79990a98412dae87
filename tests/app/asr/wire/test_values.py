"""Where a number or a name of a recogniser stops being one: the last that is taken, and the next.

`test_answer_values.py` tries whatever protobuf can carry; here stand the bounds themselves.
"""

from __future__ import annotations

import math

import pytest

from app.asr.wire.values import language, languages, score, seconds, share, span, tag


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (-1000.0, True),
        (math.nextafter(-1000.0, -math.inf), False),
        (-0.5, True),
        (0.0, False),
        (1e-9, True),
        (1.0 + 1e-6, True),
        (1.00001, False),
    ],
)
def test_a_confidence_is_like_a_logarithm_or_a_probability(value: float, *, taken: bool) -> None:
    assert score(value) == (value if taken else None)


@pytest.mark.parametrize(
    ("value", "taken"),
    [(-1e-9, False), (0.0, False), (1e-9, True), (1.0 + 1e-6, True), (1.00001, False)],
)
def test_a_stability_is_a_share(value: float, *, taken: bool) -> None:
    assert share(value) == (value if taken else None)


@pytest.mark.parametrize(
    ("value", "taken"), [(0.0, False), (0.001, True), (13.0, True), (13.001, False)]
)
def test_a_moment_lies_at_most_ten_seconds_behind_what_was_sent(
    value: float, *, taken: bool
) -> None:
    assert seconds(value, 3.0) == (value if taken else None)


@pytest.mark.parametrize(
    ("start", "end", "place"),
    [
        (1000, 2500, (1.0, 2.5)),
        (1000, 1000, (1.0, 1.0)),
        (1001, 1000, None),
        (-500, -100, (0.0, 0.0)),
        (-500, 250, (0.0, 0.25)),
        (-501, 250, None),
        (12_000, 13_000, (12.0, 13.0)),
        (12_000, 13_001, None),
    ],
)
def test_a_word_lies_within_what_was_sent_and_what_is_rounded_and_padded(
    start: int, end: int, place: tuple[float, float] | None
) -> None:
    assert span(start, end, 3.0) == place


@pytest.mark.parametrize(("value", "taken"), [(0, False), (1, True), (1000, True), (1001, False)])
def test_a_channel_or_a_speaker_is_counted_from_one(value: int, *, taken: bool) -> None:
    assert tag(value) == (value if taken else None)


def test_a_language_has_as_many_characters_as_a_tag_may_have() -> None:
    """RFC 5646, 4.4.1: 35 are enough for every tag that can be made."""
    assert [language(code) for code in ("", "e", "e" * 35, "e" * 36)] == [None, "e", "e" * 35, None]
    # Characters, and not the bytes of an encoding.
    assert language("ü" * 35) == "ü" * 35


def test_of_many_languages_the_first_that_may_be_are_taken() -> None:
    codes = [f"l{number}" for number in range(20)]
    assert languages(codes[:16]) == tuple(codes[:16])
    assert languages(codes) == tuple(codes[:16])
    assert languages(["", *codes[:3], "x" * 36, "end"]) == ("l0", "l1", "l2", "end")
