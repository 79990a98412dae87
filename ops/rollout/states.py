"""What a release does next: its state and what was seen make the next state. Pure.

Every phase asks for one thing to be done, which may be done again without harm; `release` does it
and reports what it saw. The next state is written down before anything of it is done. So whoever
finds the journal of a release that died knows what may have happened, and does that again.
"""

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from ops.rollout.steps import FULL, Step
from ops.rollout.verdict import Verdict

Phase = Literal[
    "checking",  # whether the canary is ready; its alarms are held
    "moving",  # the weights are turned to those of the step
    "baking",  # the step is watched
    "paused",  # a person decides; the weights stay
    "promoting",  # the record and the alarms are brought in order for the canary
    "returning",  # the weights are turned to the baseline alone
    "restoring",  # the record and the alarms are brought in order for the baseline
    "promoted",
    "rolled_back",
    "refused",  # nothing was moved
]
OVER: Final[frozenset[Phase]] = frozenset({"promoted", "rolled_back", "refused"})
"""Phases of a release that is over: it moved nothing, or one colour has all, as the record says."""


class State(BaseModel):
    """Where a release stands.

    Attributes:
        phase: What is to be done, or was the last thing to be.
        steps: The table it follows.
        step: Index of the step that it is at.
        reason: Why it is there, a sentence; empty where all went as it should.
    """

    model_config = ConfigDict(frozen=True)

    phase: Phase = "checking"
    steps: tuple[Step, ...]
    step: int = 0
    reason: str = ""

    @model_validator(mode="after")
    def _is_possible(self) -> "State":
        if not 0 <= self.step < len(self.steps):
            raise ValueError(f"step is {self.step}; accepted: 0 to {len(self.steps) - 1}")
        return self

    @property
    def weight(self) -> int:
        """The canary's share of new sessions that this state asks for, in percent."""
        if self.phase in {"checking", "returning", "restoring", "rolled_back", "refused"}:
            return 0
        if self.phase in {"promoting", "promoted"}:
            return FULL
        return self.steps[self.step].weight


class Seen(BaseModel):
    """What was seen after a phase's thing was done.

    Attributes:
        weight: The canary's share as ELB says it; None where ELB does not say, or the weights are
            none that a release makes.
        alarms: Composite alarms of the canary that are in ALARM.
        baseline_alarms: Those of the baseline.
        problems: Why the canary is not ready, or what AWS did not do.
        verdict: Of the step's samples so far.
        baked: Whether the step was watched for long enough.
        exhausted: Whether waiting longer would not make an inconclusive verdict conclusive.
    """

    model_config = ConfigDict(frozen=True)

    weight: int | None = None
    alarms: tuple[str, ...] = ()
    baseline_alarms: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    verdict: Verdict | None = None
    baked: bool = False
    exhausted: bool = False


def next_state(state: State, seen: Seen) -> State:
    """Return what follows; the same state where it is not finished.

    Args:
        state: Where the release stands; not over and not paused.
        seen: What was seen after that was done.

    Raises:
        ValueError: The release is over or paused: only a person goes on from there.
    """
    match state.phase:
        case "checking":
            return _checked(state, seen)
        case "moving":
            return _moved(state, seen)
        case "baking":
            return _baked(state, seen)
        case "promoting":
            return _to(state, "promoted")
        case "returning":
            # Until it holds: nothing else is as urgent, and nobody is told that it is done.
            return _to(state, "restoring", state.reason) if seen.weight == 0 else state
        case "restoring":
            return _to(state, "rolled_back", state.reason)
        case _:
            raise ValueError(f"a release that is {state.phase} does nothing by itself")


def resumed(state: State) -> State:
    """Return where a release goes on that was paused, or whose operator is gone.

    A step is taken anew: its weights are turned again and its samples begin from none. What was on
    its way back goes on going back.
    """
    if state.phase in {"paused", "moving", "baking"}:
        return _to(state, "moving")
    return state


def back(state: State, reason: str) -> State:
    """Return the state of a release that a person, or what was seen, sends back."""
    return _to(state, "returning", reason)


def paused(state: State, reason: str) -> State:
    """Return the state of a release that waits for a person."""
    return _to(state, "paused", reason)


def _to(state: State, phase: Phase, reason: str = "", step: int | None = None) -> State:
    return State(
        phase=phase,
        steps=state.steps,
        step=state.step if step is None else step,
        reason=reason,
    )


def _checked(state: State, seen: Seen) -> State:
    if seen.problems:
        return _to(state, "refused", "; ".join(seen.problems))
    return _to(state, "moving")


def _moved(state: State, seen: Seen) -> State:
    if seen.problems:
        return paused(state, "; ".join(seen.problems))
    if seen.weight == state.weight:
        return _to(state, "baking")
    return back(state, f"the weights are {_said(seen.weight)} and not {state.weight} as ordered")


def _baked(state: State, seen: Seen) -> State:  # noqa: PLR0911 - one return a reason
    if seen.problems:
        return paused(state, "; ".join(seen.problems))
    if seen.alarms:
        return back(state, f"in ALARM: {', '.join(seen.alarms)}")
    if seen.verdict is not None and seen.verdict.result == "fail":
        return back(state, seen.verdict.reason)
    if seen.weight != state.weight:
        # Somebody else turns them, who may know why. Turning against him would be a quarrel.
        return paused(
            state,
            f"the weights are {_said(seen.weight)}, and this release made them {state.weight}",
        )
    if seen.baseline_alarms:
        # Then it is not the canary's fault, or not its alone; no time to move anything on.
        return paused(state, f"in ALARM at the baseline: {', '.join(seen.baseline_alarms)}")
    if seen.verdict is None or not seen.baked:
        return state
    if seen.verdict.result == "inconclusive":
        return paused(state, seen.verdict.reason) if seen.exhausted else state
    if state.step + 1 < len(state.steps):
        return _to(state, "moving", step=state.step + 1)
    return _to(state, "promoting")


def _said(weight: int | None) -> str:
    return "not to be read" if weight is None else str(weight)
