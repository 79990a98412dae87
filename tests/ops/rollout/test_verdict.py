"""What is a good canary, and what cannot be said; the table of steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.rollout import steps
from ops.rollout.verdict import LIMITS, Limits, Sample, Verdict, judge, summarise
from tests.ops.rollout.world import BROKEN, GOOD, SLOW, WRONG


def verdict(canary: list[Sample], baseline: list[Sample]) -> Verdict:
    return judge(canary, baseline)


def test_as_good_as_the_baseline_passes() -> None:
    assert verdict([GOOD] * 3, [GOOD] * 3).result == "pass"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (SLOW, "first interim 2000 ms at the canary, 200 ms at the baseline, allowed 340 ms"),
        (WRONG, "word error rate 50.0 % at the canary, 5.0 % at the baseline, allowed 12.0 %"),
    ],
)
def test_a_canary_beyond_the_limit_and_the_baseline_fails(kind: Sample, reason: str) -> None:
    found = verdict([kind] * 3, [GOOD] * 3)
    assert found.result == "fail"
    assert reason in found.reason


@pytest.mark.parametrize("kind", [SLOW, WRONG])
def test_what_both_have_is_not_the_canarys_fault(kind: Sample) -> None:
    assert verdict([kind] * 3, [kind] * 3).result == "pass"


def test_few_samples_prove_nothing_but_failures() -> None:
    assert verdict([SLOW] * 2, [GOOD] * 2).result == "inconclusive"
    assert verdict([BROKEN] * 2, [GOOD] * 2).result == "fail"
    assert verdict([], []).result == "inconclusive"


def test_a_little_too_slow_is_judged_once_the_step_is_over() -> None:
    """Every round is another chance to be unlucky; what is far beyond does not wait."""
    late = Sample(first_interim_s=0.2, final_s=0.9, words=20, wrong=1)
    assert judge([late] * 3, [GOOD] * 3, baked=False).result == "inconclusive"
    assert judge([late] * 3, [GOOD] * 3).result == "fail"
    assert judge([SLOW] * 3, [GOOD] * 3, baked=False).result == "fail"


def test_one_failure_is_a_question_and_no_answer() -> None:
    assert verdict([BROKEN, GOOD, GOOD, GOOD], [GOOD] * 4).result == "inconclusive"


def test_where_both_fail_nobody_can_say() -> None:
    assert verdict([BROKEN] * 4, [BROKEN] * 4).result == "inconclusive"


def test_a_baseline_that_fails_does_not_excuse_a_canary_that_fails_more() -> None:
    assert verdict([BROKEN] * 4, [BROKEN, GOOD, GOOD, GOOD]).result == "fail"


def test_what_was_not_measured_is_not_made_up() -> None:
    silent = Sample(words=20, wrong=1, final_s=0.4)
    found = verdict([silent] * 3, [GOOD] * 3)
    assert found.result == "inconclusive"
    assert "first interim not measured at the canary" in found.reason
    assert summarise([silent]).first_interim_s is None


def test_words_are_counted_together_and_not_by_session() -> None:
    long, short = Sample(words=90, wrong=0), Sample(words=10, wrong=10)
    assert summarise([long, short]).wer == 0.1


def test_limits_are_the_plans() -> None:
    limits = (LIMITS.first_interim_s, LIMITS.final_s, LIMITS.errors, LIMITS.wer)
    assert limits == (0.3, 0.8, 0.005, 0.12)


SAMPLES = st.lists(
    st.builds(
        Sample,
        first_interim_s=st.none() | st.floats(0, 10),
        final_s=st.none() | st.floats(0, 10),
        words=st.integers(0, 30),
        wrong=st.integers(0, 30),
        failure=st.none() | st.just("gone"),
    ),
    max_size=12,
)


@given(SAMPLES, SAMPLES)
def test_a_verdict_follows_from_its_comparisons(
    canary: list[Sample], baseline: list[Sample]
) -> None:
    found = judge(canary, baseline, Limits(samples=1))
    results = [one.result for one in found.comparisons]
    assert found.reason
    assert (found.result == "fail") == ("fail" in results)
    if found.result == "pass":
        assert set(results) == {"pass"}


@given(SAMPLES)
def test_nobody_fails_against_himself(samples: list[Sample]) -> None:
    assert judge(samples, samples).result != "fail"


def test_the_table_rises_to_everything() -> None:
    assert [step.weight for step in steps.DEFAULT] == [1, 5, 25, 50, 100]
    assert steps.parse(None, None) == steps.DEFAULT


def test_steps_and_bakes_are_what_a_person_says() -> None:
    own = steps.parse("10,100", "0,5")
    assert [(step.weight, step.bake_s) for step in own] == [(10, 0), (100, 5)]
    assert [step.bake_s for step in steps.parse(None, "7")] == [7] * 5
    assert [step.bake_s for step in steps.parse("2,60,100", None)] == [300, 600, 600]


@pytest.mark.parametrize(
    "weights", ["", "5", "0,100", "5,5,100", "50,5,100", "5,101", "a", "1.5,100"]
)
def test_steps_that_do_not_rise_to_everything_are_refused(weights: str) -> None:
    with pytest.raises(ValueError, match="--steps is"):
        steps.parse(weights, None)


@pytest.mark.parametrize("bake", ["", "-1", "nan", "inf", "x", "1,2"])
def test_bakes_that_do_not_fit_are_refused(bake: str) -> None:
    with pytest.raises(ValueError, match="--bake"):
        steps.parse(None, bake)
