"""Words that were told before they were final are never repeated, changed or taken back."""

from hypothesis import given
from hypothesis import strategies as st

from app.gateway.dialects.realtime.agreement import LocalAgreement

WORDS = st.lists(st.sampled_from(["a", "b", "c", "A,", "b."]), max_size=8)


def bare(text: str) -> list[str]:
    return [word.strip(",.").lower() for word in text.split()]


def test_a_word_is_told_once_two_hypotheses_agree_on_it_and_more_was_heard() -> None:
    agreement = LocalAgreement()
    heard = ["hel", "hello", "hello wor", "hello world how", "Hello, world how are"]
    told = [agreement.interim(text) for text in heard]
    assert told == ["", "", "hello", "", "world how"]
    assert agreement.final("Hello, world. How are you?") == "are you?"


def test_a_word_that_changes_is_not_told_until_it_stands() -> None:
    agreement = LocalAgreement()
    assert agreement.interim("for tea years") == ""
    assert agreement.interim("forty years ago") == ""
    assert agreement.interim("forty years ago today") == "forty years ago"


def test_a_final_that_says_otherwise_adds_nothing_to_what_was_told() -> None:
    agreement = LocalAgreement()
    agreement.interim("two dogs ran")
    assert agreement.interim("two dogs ran off") == "two dogs ran"
    assert agreement.final("Too, dogs ran off.") == ""
    assert agreement.final("And back.") == "And back."


def test_a_hypothesis_that_wavers_is_waited_for() -> None:
    agreement = LocalAgreement()
    agreement.interim("one two three")
    assert agreement.interim("one two three four") == "one two three"
    assert agreement.interim("won two") == ""
    assert agreement.interim("one two three four five") == ""
    assert agreement.interim("one two three four five six") == "four five"


def test_a_capital_or_a_comma_is_no_disagreement() -> None:
    agreement = LocalAgreement()
    agreement.interim("yes please")
    assert agreement.interim("Yes, please do") == "Yes, please"


@given(st.lists(WORDS, max_size=8), WORDS)
def test_the_deltas_of_a_segment_are_the_beginning_of_its_final_or_stop_before_it_differs(
    hypotheses: list[list[str]], final: list[str]
) -> None:
    agreement = LocalAgreement()
    told: list[str] = []
    for words in hypotheses:
        before = list(told)
        told += bare(agreement.interim(" ".join(words)))
        # Only what this very hypothesis says stands behind what was told before.
        assert told == before or told == bare(" ".join(words))[: len(told)]
    rest = bare(agreement.final(" ".join(final)))
    said = bare(" ".join(final))
    if said[: len(told)] == told:
        assert told + rest == said
    else:
        assert rest == []
    assert agreement.interim("x y") == ""
    assert agreement.interim("x y z") == "x y"


@given(WORDS)
def test_a_hypothesis_that_only_grows_is_told_whole(words: list[str]) -> None:
    agreement = LocalAgreement()
    told = [agreement.interim(" ".join(words[:end])) for end in range(len(words) + 1)]
    told.append(agreement.final(" ".join(words)))
    assert " ".join(filter(None, told)).split() == words
