"""A release from begin to end, and from every point at which its operator's machine may die.

Not proved: how long AWS takes for any of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.console.errors import CommandFailedError, ConfigurationError
from ops.rollout.journal import Journal, Operator, now
from ops.rollout.states import OVER
from ops.rollout.steps import FULL
from tests.ops.rollout.world import (
    BROKEN,
    GOOD,
    SLOW,
    WRONG,
    Died,
    Journals,
    World,
    new_release,
)

if TYPE_CHECKING:
    from ops.rollout.verdict import Sample
    from ops.stack import Colour


def expire(world: World) -> None:
    """Let the lease of whoever was at it run out."""
    journal = world.journal()
    if journal is None or journal.operator is None:
        return
    gone = journal.operator.model_copy(update={"until": now() - timedelta(seconds=1)})
    world.shelf.text = journal.model_copy(update={"operator": gone}).model_dump_json()
    world.shelf.version += 1


def is_settled(world: World, journal: Journal) -> bool:
    """Say whether everything agrees that the release is over."""
    good: Colour = "green" if journal.state.phase == "promoted" else "blue"
    return (
        journal.is_over
        and world.weights[good] == FULL
        and world.in_service == good
        and not world.held
        and journal.operator is None
    )


def test_a_good_canary_takes_every_step_and_serves() -> None:
    world = World()
    done = world.release().begin(new_release())
    assert done.state.phase == "promoted"
    assert is_settled(world, done)
    assert world.shares == [5, 50, 100]
    assert world.warm == {"blue": 30}
    assert [event.phase for event in done.events][:4] == ["checking", "moving", "baking", "moving"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (SLOW, "first interim 2000 ms"),
        (WRONG, "word error rate 50.0 %"),
        (BROKEN, "closed with 1011"),
    ],
)
def test_a_bad_canary_goes_back_and_the_journal_says_why(kind: Sample, reason: str) -> None:
    world = World(canary=[kind])
    done = world.release().begin(new_release())
    assert done.state.phase == "rolled_back"
    assert reason in done.state.reason
    assert is_settled(world, done)
    assert world.shares == [5, 0]


def test_a_canary_that_turns_bad_late_goes_all_the_way_back() -> None:
    world = World(canary=[GOOD] * 7 + [BROKEN])
    done = world.release().begin(new_release())
    assert done.state.phase == "rolled_back"
    assert world.shares[-1] == 0
    assert is_settled(world, done)


def test_an_alarm_of_the_canary_takes_it_back() -> None:
    world = World(alarms={"green"})
    done = world.release().begin(new_release())
    assert (done.state.phase, done.state.reason) == ("rolled_back", "in ALARM: green")


def test_an_alarm_of_the_baseline_pauses() -> None:
    world = World(alarms={"blue"})
    done = world.release().begin(new_release())
    assert (done.state.phase, done.state.reason) == ("paused", "in ALARM at the baseline: blue")


def test_what_is_not_ready_is_refused_and_nothing_moved() -> None:
    world = World(problems=("green has 0 healthy targets",))
    done = world.release().begin(new_release())
    assert (done.state.phase, world.shares, world.held) == ("refused", [], set())


def test_what_cannot_be_judged_pauses_where_it_is_and_resumes_at_that_step() -> None:
    """The way to both is bad for the first six rounds: nobody can tell a canary from it."""
    world = World(canary=[BROKEN] * 6 + [GOOD], baseline=[BROKEN] * 6 + [GOOD])
    paused = world.release().begin(new_release())
    assert (paused.state.phase, paused.operator) == ("paused", None)
    assert world.weights["green"] == 5
    done = world.release().resume()
    assert done.state.phase == "promoted"
    assert is_settled(world, done)


def test_weights_that_somebody_else_turned_pause_the_release() -> None:
    world = World()
    measured = world.measure

    def and_somebody_turns(colours: object) -> tuple[Sample, ...]:
        world.weights = {"blue": 70, "green": 30}
        return measured(colours)  # type: ignore[arg-type]  # as it came

    release = world.release()
    object.__setattr__(release._parts, "measure", and_somebody_turns)
    done = release.begin(new_release())
    assert (done.state.phase, world.weights["green"]) == ("paused", 30)


def test_a_second_release_waits_for_the_first_one_to_be_over() -> None:
    world = World(alarms={"blue"})
    world.release().begin(new_release())
    with pytest.raises(ConfigurationError, match="is paused; go on with --resume"):
        world.release().begin(new_release())


def test_nobody_resumes_what_another_operator_is_at() -> None:
    world = World(dies_at=20)
    with pytest.raises(Died):
        world.release().begin(new_release())
    with pytest.raises(ConfigurationError, match="is at the release of green"):
        world.release().resume()


def test_a_process_that_lost_its_release_leaves_the_weights_as_the_winner_has_them() -> None:
    """Somebody took it back between its write and its turn of the weights, and it turned them."""
    world = World()
    hold = world.hold
    thief = Journals(world)

    def and_is_robbed(colour: object, weight: int) -> tuple[int | None, float]:
        if weight == 50:
            journal = thief.load()
            assert journal is not None
            taken = journal.state.model_copy(update={"phase": "rolled_back"})
            them = Operator(name="ann@desk", token="t", until=now())
            thief.save(journal.with_state(taken, "taken back", me=them))
        return hold(colour, weight)  # type: ignore[arg-type]  # as it came

    release = world.release()
    weights = type("Weights", (), {"hold": staticmethod(and_is_robbed), "share": world.share})
    object.__setattr__(release._parts, "weights", weights)
    with pytest.raises(
        CommandFailedError, match="ann@desk took the release over: it is rolled_back"
    ):
        release.begin(new_release())
    assert world.weights == {"blue": FULL, "green": 0}


def test_ctrl_c_pauses_and_lets_go() -> None:
    world = World()
    release = world.release()

    def interrupted(_colours: object) -> tuple[Sample, ...]:
        raise KeyboardInterrupt

    object.__setattr__(release._parts, "measure", interrupted)
    with pytest.raises(KeyboardInterrupt):
        release.begin(new_release())
    journal = world.journal()
    assert journal is not None
    assert (journal.state.phase, journal.operator) == ("paused", None)


SAMPLES = st.lists(
    st.sampled_from([GOOD, GOOD, GOOD, SLOW, WRONG, BROKEN]), min_size=1, max_size=12
)


def test_a_release_that_died_with_machines_held_and_is_refused_then_lets_them_go() -> None:
    world = World()
    world.dies_at = touches_until_held()
    with pytest.raises(Died):
        world.release().begin(new_release())
    assert world.held == {"green"}
    expire(world)
    world.dies_at, world.problems = None, ("green has 0 healthy targets",)
    done = world.release().resume()
    assert done.state.phase == "refused"
    assert is_settled(world, done)


def touches_until_held() -> int:
    """The touch after the one that holds the canary's machines."""
    world = World()
    while not world.held:
        world = World(dies_at=world.touches + 1)
        with pytest.raises(Died):
            world.release().begin(new_release())
    return world.touches


@given(
    canary=SAMPLES,
    baseline=SAMPLES,
    alarms=st.sets(st.sampled_from(["blue", "green"])),
    deaths=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    later=st.sampled_from([(), ("green has 0 healthy targets",)]),
)
def test_from_every_point_of_death_it_ends_or_waits_visibly(
    canary: list[Sample],
    baseline: list[Sample],
    alarms: set[str],
    deaths: list[int],
    later: tuple[str, ...],
) -> None:
    """Whatever is seen, and at whatever touch of the world the operator's machine dies, again and

    again: weights add up to a hundred; what the journal calls over is over everywhere; and who goes
    on by the journal alone ends promoted, rolled back, refused or paused.
    """
    world = World(canary=canary, baseline=baseline, alarms=alarms)
    done: Journal | None = None
    for death in [*deaths, None]:
        world.dies_at = None if death is None else world.touches + death
        written = world.journal()
        if written is not None and (written.is_over or written.state.phase == "paused"):
            break
        try:
            release = world.release()
            done = release.begin(new_release()) if written is None else release.resume()
        except Died:
            # What was ready may be so no more for whoever goes on.
            world.problems = later
            between = world.journal()
            # Dead before anything was written: then nothing was moved either.
            if between is None:
                assert world.shares == []
            elif between.is_over:
                assert is_settled(world, between)
            expire(world)
    done = world.journal()
    assert done is not None
    assert done.state.phase in OVER | {"paused"}
    if done.is_over:
        assert is_settled(world, done)
    else:
        assert world.weights["green"] == done.state.weight
        assert done.state.reason
