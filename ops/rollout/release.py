"""Drives a release: does what its state asks for, looks, and writes down what follows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from ops.console.errors import CommandFailedError, ConfigurationError
from ops.rollout.journal import (
    Journal,
    JournalStore,
    Operator,
    TakenOverError,
    is_at_it,
    this_operator,
)
from ops.rollout.states import OVER, Seen, State, next_state, paused, resumed
from ops.rollout.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ops.rollout.verdict import Sample, Verdict
    from ops.stack import Colour

ROUND_EVERY_S: Final = 10.0
"""Between the beginnings of two rounds of sessions, where the sessions themselves are shorter."""
ATTEMPTS: Final = 3
"""How often the weights are turned back before a person is called."""


class Turns(Protocol):
    """The listener, as `ops.rollout.weights.Weights`."""

    def hold(self, colour: Colour, weight: int) -> tuple[int | None, float]:
        """Turn the weights and read them back."""

    def share(self, colour: Colour) -> int | None:
        """Return a colour's weight in percent."""


class Rings(Protocol):
    """The alarms, as `ops.rollout.alarms.ColourAlarms`."""

    def ringing(self, colours: Sequence[Colour]) -> tuple[str, ...]:
        """Return composite alarms in ALARM."""

    def hold(self, colour: Colour) -> None:
        """Let nothing take machines."""

    def release(self, colour: Colour) -> None:
        """Let machines be taken again."""


class Record(Protocol):
    """The record, as `ops.in_service.InService`."""

    def write(self, colour: Colour) -> None:
        """Write down the colour in service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a release touches, each of it safe to be done again.

    Attributes:
        weights: The listener.
        alarms: The alarms of both colours.
        record: Which colour is in service.
        problems: Says why the canary is not ready to be released, without changing anything.
        measure: Sends a round of sessions, one to each colour.
        keep_warm: Keeps the machines of a colour for so many minutes.
    """

    weights: Turns
    alarms: Rings
    record: Record
    problems: Callable[[], tuple[str, ...]]
    measure: Callable[[Sequence[Colour]], tuple[Sample, ...]]
    keep_warm: Callable[[Colour, float], datetime | None]


@dataclass(slots=True)
class _Step:
    """Samples of the step that bakes, which live as long as this process."""

    began: float
    rounds: int = 0
    canary: list[Sample] = field(default_factory=list)
    baseline: list[Sample] = field(default_factory=list)


class Release:
    """One release, from wherever its journal says that it stands.

    Args:
        parts: What it touches.
        journals: Where it is written down.
        say: Tells a person what happens, a line each.
        clock: Monotonic seconds.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        parts: Parts,
        journals: JournalStore,
        *,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._parts = parts
        self._journals = journals
        self._say = say
        self._clock = clock
        self._sleep = sleep
        self._me = this_operator()
        self._step: _Step | None = None

    def begin(self, journal: Journal) -> Journal:
        """Write a new release down, and drive it.

        Raises:
            ConfigurationError: Another one is not over.
            CommandFailedError: As `drive`.
        """
        before = self._journals.load()
        if before is not None and not before.is_over:
            who = before.operator
            at_it = f"; {who.name} is at it" if who and is_at_it(who, self._me) else ""
            raise ConfigurationError(
                f"the release of {before.canary} that began {before.started_at:%Y-%m-%d %H:%M} UTC "
                f"is {before.state.phase}{at_it}; go on with --resume, or take it back with "
                "`perch rollback`"
            )
        return self._drive(self._written(journal, journal.state, "release begins"))

    def resume(self) -> Journal:
        """Drive the release that the journal tells of.

        Raises:
            ConfigurationError: There is none, it is over, or somebody else is at it.
            CommandFailedError: As `drive`.
        """
        journal = self._journals.load()
        if journal is None or journal.is_over:
            said = "there was none" if journal is None else f"the last one is {journal.state.phase}"
            raise ConfigurationError(f"there is no release to resume: {said}")
        who = journal.operator
        if who is not None and is_at_it(who, self._me):
            raise ConfigurationError(
                f"{who.name} is at the release of {journal.canary} (last sign before "
                f"{who.until:%H:%M:%S} UTC); wait for that time, or `perch rollback` takes it back "
                "whoever is at it"
            )
        again = resumed(journal.state)
        return self._drive(self._written(journal, again, f"resumed, was {journal.state.phase}"))

    def _drive(self, journal: Journal) -> Journal:
        """Go on until the release is over or waits for a person.

        Raises:
            CommandFailedError: Somebody took it over, or AWS does not do what must be done; the
                journal says where it stands.
        """
        stuck = 0
        try:
            while not journal.is_over and journal.state.phase != "paused":
                seen = self._tried(journal)
                after = next_state(journal.state, seen)
                if after == journal.state:
                    stuck = stuck + 1 if after.phase == "returning" else 0
                    if stuck >= ATTEMPTS:
                        raise CommandFailedError(
                            f"the weights are {seen.weight} for {journal.canary} and must be 0; "
                            "`perch rollback` tries again"
                        )
                    journal = self._renewed(journal)
                    continue
                journal = self._written(journal, after, _told(journal.state, after), seen.verdict)
        except KeyboardInterrupt:
            self._interrupted(journal)
            raise
        return journal

    def _tried(self, journal: Journal) -> Seen:
        """Do what the state asks for, and look.

        Where AWS does not do it, a release that has moved nothing is refused, and one that is under
        way waits for a person. On the way to an end the command ends, and whoever goes on does the
        same again.
        """
        try:
            return self._do(journal)
        except CommandFailedError as error:
            if journal.state.phase not in {"checking", "moving", "baking"}:
                raise
            return Seen(problems=(error.format_message(),))

    def _do(self, journal: Journal) -> Seen:
        state, canary, baseline = journal.state, journal.canary, journal.baseline
        parts = self._parts
        match state.phase:
            case "checking":
                problems = parts.problems()
                # Also where it is refused: an operator who is gone may have held them before.
                (parts.alarms.release if problems else parts.alarms.hold)(canary)
                return Seen(problems=problems)
            case "moving":
                self._step = None
                share, seconds = parts.weights.hold(canary, state.weight)
                self._say(f"weights     {canary} {share}, read back after {seconds:.1f} s")
                return Seen(weight=share)
            case "baking":
                return self._bake(journal)
            case "promoting":
                parts.record.write(canary)
                until = parts.keep_warm(baseline, journal.warm_minutes)
                for colour in (canary, baseline):
                    parts.alarms.release(colour)
                if until is not None:
                    self._say(f"warm        {baseline} keeps its machines until {until:%H:%M} UTC")
                return Seen()
            case "returning":
                share, seconds = parts.weights.hold(canary, 0)
                self._say(f"weights     {canary} {share}, read back after {seconds:.1f} s")
                return Seen(weight=share)
            case _:  # restoring
                parts.record.write(baseline)
                parts.alarms.release(canary)
                return Seen()

    def _bake(self, journal: Journal) -> Seen:
        state, limits = journal.state, journal.limits
        step = self._step = self._step or _Step(began=self._clock())
        begun = self._clock()
        new, old = self._parts.measure((journal.canary, journal.baseline))
        step.canary.append(new)
        step.baseline.append(old)
        step.rounds += 1
        baked = self._clock() - step.began >= state.steps[state.step].bake_s
        verdict = judge(step.canary, step.baseline, limits, baked=baked)
        alarms = self._parts.alarms
        seen = Seen(
            weight=self._parts.weights.share(journal.canary),
            alarms=alarms.ringing((journal.canary,)),
            baseline_alarms=alarms.ringing((journal.baseline,)),
            verdict=verdict,
            baked=baked,
            exhausted=step.rounds >= 2 * limits.samples,
        )
        self._say(
            f"{state.weight:>4} %      round {step.rounds}, {self._clock() - step.began:.0f} s: "
            f"{verdict.result}, {verdict.reason}"
        )
        if next_state(state, seen) == state:
            self._sleep(max(0.0, ROUND_EVERY_S - (self._clock() - begun)))
        return seen

    def _renewed(self, journal: Journal) -> Journal:
        self._me = this_operator(self._me.token)
        renewed = journal.model_copy(update={"operator": self._me})
        self._save(renewed)
        return renewed

    def _written(
        self, journal: Journal, state: State, text: str, verdict: Verdict | None = None
    ) -> Journal:
        """Write the next state down, before anything of it is done."""
        self._me = this_operator(self._me.token)
        ends = state.phase in OVER or state.phase == "paused"
        written = journal.with_state(state, text, me=None if ends else self._me, verdict=verdict)
        self._save(written)
        self._say(f"{state.phase:<12}{text}")
        return written

    def _save(self, journal: Journal) -> None:
        try:
            self._journals.save(journal)
        except TakenOverError:
            raise self._taken_over(journal) from None

    def _taken_over(self, mine: Journal) -> CommandFailedError:
        """Bring the weights to what the journal of somebody else asks for, and say who it is.

        This process may have turned them after he did, believing that the release was its own.
        """
        theirs = self._journals.load()
        if theirs is None:
            return CommandFailedError("the release's journal was deleted meanwhile")
        if theirs.canary == mine.canary and theirs.state.phase in {
            "returning",
            "restoring",
            "rolled_back",
        }:
            self._parts.weights.hold(theirs.canary, 0)
        who: Operator | None = theirs.operator
        by = who.name if who else (theirs.events[-1].by if theirs.events else "somebody")
        return CommandFailedError(
            f"{by} took the release over: it is {theirs.state.phase}"
            + (f", {theirs.state.reason}" if theirs.state.reason else "")
        )

    def _interrupted(self, journal: Journal) -> None:
        """Say in the journal that nobody is at it any more."""
        state = journal.state
        if state.phase in {"checking", "moving", "baking"}:
            state = paused(state, "interrupted by its operator")
        written = journal.with_state(state, "interrupted", me=None)
        self._save(written)
        self._say(f"{state.phase:<12}interrupted; go on with --resume, or `perch rollback`")


def _told(before: State, after: State) -> str:
    """Say in words what a change of state means."""
    match after.phase:
        case "moving":
            return f"to {after.weight} %" + (
                "" if before.phase == "checking" else f"; {before.weight} % held"
            )
        case "baking":
            bake = after.steps[after.step].bake_s
            return f"{after.weight} % for {bake:g} s at least"
        case "promoting":
            return "every step held; the canary becomes the colour in service"
        case "promoted":
            return "the canary is in service"
        case _:
            return after.reason or after.phase
