"""The echo of short windows, on texts. How often it happens is in docs/adr/0202."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.emulator.engine.echo import echo_length, without_echo


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("We will visit. We will visit.", "We will visit."),
        ("We will visit. we will, visit", "We will visit."),
        ("One two three. One two three. One two three.", "One two three."),
        ("The first floor opens. The first floor", "The first floor opens."),
        ("Do you want the small table or the large table?", None),
        ("Please ask not what you can ask, but what you can do.", None),
        ("The first floor opens the first floor shop", None),
        ("", ""),
    ],
)
def test_only_a_repeated_ending_is_cut(text: str, kept: str | None) -> None:
    assert without_echo(text) == (text if kept is None else kept)


words = st.lists(st.sampled_from(["a", "b", "c", "d."]), max_size=14)


@given(words)
def test_what_is_cut_is_an_ending_that_was_said_before(said: list[str]) -> None:
    length = echo_length(said)
    assert 0 <= length < max(1, len(said))
    assert without_echo(" ".join(said)).split() == said[: len(said) - length]


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=8))
def test_a_whole_repetition_is_always_found(said: list[str]) -> None:
    assert echo_length(said + said) >= len(said)
