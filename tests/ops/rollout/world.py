"""A stack in memory as a release touches it; it may die at any touch, and be found again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.rollout.journal import Journal, JournalStore, TakenOverError, now
from ops.rollout.release import Parts, Release
from ops.rollout.states import State
from ops.rollout.steps import FULL, Step
from ops.rollout.verdict import Limits, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ops.stack import Colour

GOOD = Sample(first_interim_s=0.2, final_s=0.4, words=20, wrong=1)
SLOW = Sample(first_interim_s=2.0, final_s=3.0, words=20, wrong=1)
WRONG = Sample(first_interim_s=0.2, final_s=0.4, words=20, wrong=10)
BROKEN = Sample(failure="closed with 1011", words=20)
STEPS = (Step(weight=5, bake_s=20), Step(weight=50, bake_s=20), Step(weight=100, bake_s=20))


class Died(BaseException):
    """The operator's machine is gone: nothing of the process runs any more."""


@dataclass(slots=True)
class Shelf:
    """The journal's object: a write counts only over what was read, as S3 has it."""

    text: str | None = None
    version: int = 0


class Journals(JournalStore):
    """The store of one process, on a shelf that all processes share."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._read = 0

    def load(self) -> Journal | None:
        self._world.touch()
        shelf = self._world.shelf
        self._read = shelf.version
        return None if shelf.text is None else Journal.model_validate_json(shelf.text)

    def save(self, journal: Journal) -> None:
        self._world.touch()
        shelf = self._world.shelf
        if shelf.version != self._read:
            raise TakenOverError
        shelf.text, shelf.version = journal.model_dump_json(), shelf.version + 1
        self._read = shelf.version
        # The write may have arrived, and its sender never know.
        self._world.touch()


@dataclass(slots=True)
class World:
    """What a release touches.

    Attributes:
        dies_at: The touch at which the operator's machine is gone; None for never.
        canary: What sessions at the canary come to, in turn; the last one for ever.
        baseline: The same at the baseline.
        alarms: Composite alarms in ALARM.
        problems: Why the canary is not ready.
        shares: Every weight of green that was ever set.
    """

    dies_at: int | None = None
    canary: list[Sample] = field(default_factory=lambda: [GOOD])
    baseline: list[Sample] = field(default_factory=lambda: [GOOD])
    alarms: set[str] = field(default_factory=set)
    problems: tuple[str, ...] = ()
    shelf: Shelf = field(default_factory=Shelf)
    weights: dict[Colour, int] = field(default_factory=lambda: {"blue": FULL, "green": 0})
    in_service: Colour = "blue"
    held: set[Colour] = field(default_factory=set)
    warm: dict[Colour, float] = field(default_factory=dict)
    shares: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    touches: int = 0
    time: float = 0.0
    turns: Iterator[int] | None = None

    def touch(self) -> None:
        """Count a touch, and die where that is asked for."""
        self.touches += 1
        if self.touches == self.dies_at:
            raise Died

    def hold(self, colour: Colour, weight: int) -> tuple[int | None, float]:
        """Turn the weights."""
        self.touch()
        other: Colour = "blue" if colour == "green" else "green"
        self.weights = {colour: weight, other: FULL - weight}
        self.shares.append(self.weights["green"])
        assert sum(self.weights.values()) == FULL
        self.touch()
        return self.weights[colour], 0.1

    def share(self, colour: Colour) -> int | None:
        """Read a weight."""
        self.touch()
        return self.weights[colour]

    def write(self, colour: Colour) -> None:
        """Write the record."""
        self.touch()
        self.in_service = colour

    def ringing(self, colours: Sequence[Colour]) -> tuple[str, ...]:
        """Read alarms."""
        self.touch()
        return tuple(name for name in colours if name in self.alarms)

    def measure(self, colours: Sequence[Colour]) -> tuple[Sample, ...]:
        """Send a round of sessions."""
        self.touch()
        del colours
        return tuple(
            kinds.pop(0) if len(kinds) > 1 else kinds[0] for kinds in (self.canary, self.baseline)
        )

    def keep_warm(self, colour: Colour, minutes: float) -> datetime | None:
        """Keep machines."""
        self.touch()
        self.warm[colour] = minutes
        return now()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds

    def release(self) -> Release:
        """Return an operator's process that sees this world."""
        return Release(
            Parts(
                weights=self,
                alarms=_Alarms(self),
                record=self,
                problems=lambda: self.problems,
                measure=self.measure,
                keep_warm=self.keep_warm,
            ),
            Journals(self),
            say=self.said.append,
            clock=lambda: self.time,
            sleep=self.sleep,
        )

    def journal(self) -> Journal | None:
        """Return what is written down, without a touch."""
        return None if self.shelf.text is None else Journal.model_validate_json(self.shelf.text)


@dataclass(slots=True)
class _Alarms:
    world: World

    def ringing(self, colours: Sequence[Colour]) -> tuple[str, ...]:
        return self.world.ringing(colours)

    def hold(self, colour: Colour) -> None:
        self.world.touch()
        self.world.held.add(colour)

    def release(self, colour: Colour) -> None:
        self.world.touch()
        self.world.held.discard(colour)


def new_release(*, steps: tuple[Step, ...] = STEPS, limits: Limits | None = None) -> Journal:
    """Return the journal of a release of green that is to begin."""
    return Journal(
        stack="test",
        started_at=now(),
        canary="green",
        baseline="blue",
        limits=limits or Limits(),
        warm_minutes=30,
        state=State(steps=steps),
    )
