"""What counts as a broken promise. Fed with made-up measurements; nothing runs."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.abuse.observations import (
    OK,
    Holdings,
    Limits,
    Observations,
    Ping,
    Span,
    Trial,
    Visit,
    broken_promises,
    percentile,
)
from tests.abuse.witness import Witness

ALONE, UNDER = Span(begin=0.0, end=10.0), Span(begin=20.0, end=30.0)
LIMITS = Limits(grown_mib=100, files=500, left_files=10)
CALM = [Ping(at=n / 5, seconds=0.004) for n in range(50)]


def trial(*under: float, visits: tuple[Visit, ...] = ()) -> Trial:
    """One in which the neighbour waited so long for each ping under attack."""
    pings = [*CALM, *(Ping(at=20.0 + n / 5, seconds=wait) for n, wait in enumerate(under))]
    held = Holdings(memory_mib=80, files=20)
    return Trial(
        alone=ALONE,
        under=UNDER,
        observations=Observations(pings=pings, visits=visits),
        before=held,
        most=held,
        after=held,
    )


GOOD = trial(*[0.010] * 20)


@given(st.lists(st.floats(min_value=0, max_value=100), min_size=1))
def test_at_least_nineteen_of_twenty_are_no_larger_than_the_percentile(values: list[float]) -> None:
    found = percentile(values)
    assert found in values
    assert sum(value <= found for value in values) >= 0.95 * len(values)


def test_there_is_no_percentile_of_nothing_and_it_keeps_no_promise() -> None:
    assert math.isnan(percentile([]))
    assert "the neighbour's p95 was nan ms" in broken_promises(trial(), LIMITS)[0]


def test_a_neighbour_may_wait_fifty_milliseconds_longer_than_alone_and_no_more() -> None:
    assert broken_promises(trial(*[0.054] * 20), LIMITS) == []
    (sentence,) = broken_promises(trial(*[0.055] * 20), LIMITS)
    assert "was 55 ms, 4 ms alone" in sentence


def test_one_late_answer_of_twenty_is_none_of_the_95_per_cent_and_two_are() -> None:
    assert broken_promises(trial(*[0.01] * 19, 9.0), LIMITS) == []
    assert broken_promises(trial(*[0.01] * 18, 9.0, 9.0), LIMITS) != []


def test_a_neighbour_whose_session_was_ended_is_no_kept_promise() -> None:
    ended = replace(GOOD, observations=replace(GOOD.observations, ended="asr_overloaded"))
    assert broken_promises(ended, LIMITS) == ["the neighbour's session was ended: asr_overloaded"]


def test_who_was_not_served_during_the_attack_is_counted_by_what_and_how() -> None:
    visits = (
        Visit(at=5.0, what="session", outcome="503 too_many_sessions", seconds=0.1),
        Visit(at=21.0, what="session", outcome="503 too_many_sessions", seconds=0.1),
        Visit(at=22.0, what="session", outcome="503 too_many_sessions", seconds=0.1),
        Visit(at=23.0, what="upload", outcome=OK, seconds=0.4),
        Visit(at=24.0, what="health", outcome="not within 5 s", seconds=5.0),
    )
    (sentence,) = broken_promises(trial(*[0.01] * 20, visits=visits), LIMITS)
    assert sentence == (
        "3 of 4 others were not served: "
        "health not within 5 s x 1, session 503 too_many_sessions x 2"
    )
    observations = Observations(pings=(), visits=visits)
    assert observations.slowest("upload", UNDER) == 0.4
    assert math.isnan(observations.slowest("upload", ALONE))


@pytest.mark.parametrize(
    ("beyond", "sentence"),
    [
        (
            replace(GOOD, most=Holdings(memory_mib=181, files=20)),
            "memory grew by 101 MiB, the budget is 100 MiB",
        ),
        (
            replace(GOOD, most=Holdings(memory_mib=80, files=501)),
            "501 descriptors were open, at most 500 may be",
        ),
        (
            replace(GOOD, after=Holdings(memory_mib=80, files=31)),
            "11 descriptors were left when the attacker had gone",
        ),
    ],
)
def test_what_the_gateway_holds_beyond_its_budget_is_told(beyond: Trial, sentence: str) -> None:
    assert broken_promises(GOOD, LIMITS) == []
    assert broken_promises(beyond, LIMITS) == [sentence]


def test_what_the_witness_says_is_what_is_read() -> None:
    """A ping that has no answer has waited until now: leaving it out would hide the worst."""
    witness = Witness(1, None)
    witness.pings = [(1.0, 0.25), (2.0, None)]
    witness.visits = [Visit(at=3.0, what="health", outcome=OK, seconds=0.5)]
    witness.finals, witness.ended = 7, "gone"
    observations = Observations.parse(json.loads(json.dumps(witness.said())))
    assert observations.pings[0] == Ping(at=1.0, seconds=0.25)
    assert observations.pings[1].seconds > 0
    assert list(observations.visits) == witness.visits
    assert (observations.finals, observations.ended) == (7, "gone")
    with pytest.raises(TypeError, match="accepted: pings, visits and finals"):
        Observations.parse({"pings": 1, "visits": 2, "finals": 3})
