"""Every new session back to one colour: one call, read back, and only then the paperwork."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, ConfigDict

from ops.console.errors import CommandFailedError, ConfigurationError
from ops.in_service import InService, other
from ops.rollout.journal import TakenOverError, this_operator
from ops.rollout.states import State, back
from ops.rollout.steps import FULL
from ops.stack import Colour  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.rollout.alarms import ColourAlarms
    from ops.rollout.journal import Journal, JournalStore
    from ops.rollout.weights import Weights

Found = TypeVar("Found")
ATTEMPTS: Final = 3
"""How often the weights are turned where another process turns them against us."""


class Rollback(BaseModel):
    """What a rollback came to.

    Attributes:
        stack: The stack's name.
        to: The colour that has all new sessions now.
        new_sessions_s: From the call until the weights were read back.
        old_colour: The colour that was left.
        old_sessions: Sessions that were still on it when last asked; None where nobody says.
        old_sessions_s: From the call until its last session ended; None where that was not seen.
        problems: What could not be brought in order beside the weights, a sentence each.
    """

    model_config = ConfigDict(frozen=True)

    stack: str
    to: Colour
    new_sessions_s: float
    old_colour: Colour
    old_sessions: int | None = None
    old_sessions_s: float | None = None
    problems: tuple[str, ...] = ()


def target(
    journal: Journal | None, in_service: Colour | None, share: dict[Colour, int] | None
) -> Colour:
    """Return the colour to go back to.

    Args:
        journal: Of the latest release, where it could be read.
        in_service: What the record says, where it could be read.
        share: The weights, where they could be read.

    Raises:
        ConfigurationError: Nothing says which colour is the good one.
    """
    if journal is not None and journal.state.phase != "refused":
        # Its baseline, whether it is under way, promoted, or back already.
        return journal.baseline
    if in_service is not None and share is not None and share[in_service] < FULL:
        return in_service
    raise ConfigurationError(
        "there is no release to take back, and every new session goes to "
        f"{in_service or 'a colour that nobody wrote down'}; name the colour with --to"
    )


class Rollbacker:
    """Takes a release back.

    Args:
        stack: The stack's name.
        weights: Its listener.
        alarms: Its alarms.
        record: Which colour is in service.
        journals: Its journal.
        clock: Monotonic seconds.
    """

    def __init__(  # noqa: PLR0913 - one a thing that it puts in order
        self,
        stack: str,
        *,
        weights: Weights,
        alarms: ColourAlarms,
        record: InService,
        journals: JournalStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stack = stack
        self._weights = weights
        self._alarms = alarms
        self._record = record
        self._journals = journals
        self._clock = clock
        self._problems: list[str] = []

    def choose(self) -> Colour:
        """Return the colour to go back to, from what can be read.

        Raises:
            ConfigurationError: Nothing that can be read says it.
        """
        journal = self._try(self._journals.load)
        in_service = self._try(self._record.read)
        return target(journal, in_service, self._try(lambda: dict(self._weights.read())))

    def refuse_empty(self, to: Colour) -> None:
        """Refuse a colour that could not take a session.

        Raises:
            CommandFailedError: It has no healthy target, or ELB does not say.
        """
        healthy, others = self._weights.healthy(to)
        if not healthy:
            states = ", ".join(f"{count} {state}" for state, count in others.items()) or "none"
            raise CommandFailedError(
                f"{to} has no healthy target (targets: {states}), so every new session would be "
                f"refused; start it first, or turn the weights all the same with --force"
            )

    def run(self, to: Colour) -> tuple[Rollback, float]:
        """Turn every new session to a colour, and put the rest in order.

        What is in order already stays so: a second run changes nothing more.

        Returns:
            What it came to, and the moment of the call on the clock.

        Raises:
            CommandFailedError: The weights do not hold.
        """
        begun = self._clock()
        share, seconds = self._weights.hold(to, FULL)
        if share != FULL:
            raise self._unheld(to, share)
        self._take_over(to)
        # A release that was just turning its next weight has now lost its journal: looked at again
        # after that, the weights are nobody's but ours.
        for _ in range(ATTEMPTS):
            if self._weights.share(to) == FULL:
                break
            share, _ = self._weights.hold(to, FULL)
            seconds = self._clock() - begun
        else:
            raise self._unheld(to, share)
        self._try(partial(self._record.write, to))
        for colour in (to, other(to)):
            self._try(partial(self._alarms.release, colour))
        self._finish()
        return (
            Rollback(
                stack=self._stack,
                to=to,
                new_sessions_s=round(seconds, 3),
                old_colour=other(to),
                problems=tuple(self._problems),
            ),
            begun,
        )

    def _take_over(self, to: Colour) -> None:
        """Write into the journal that the release goes back, whoever is at it."""
        for _ in range(ATTEMPTS):
            journal = self._try(self._journals.load)
            if journal is None or not self._concerns(journal, to):
                return
            me = this_operator()
            state = back(journal.state, f"taken back by {me.name} with `perch rollback`")
            try:
                self._journals.save(journal.with_state(state, state.reason, me=me))
            except TakenOverError:
                continue
            except CommandFailedError as error:
                self._problems.append(error.format_message())
            return
        self._problems.append("the release's journal is being written by somebody else")

    def _finish(self) -> None:
        journal = self._try(self._journals.load)
        if journal is None or journal.state.phase != "returning":
            return
        done = State(
            phase="rolled_back",
            steps=journal.state.steps,
            step=journal.state.step,
            reason=journal.state.reason,
        )
        try:
            self._journals.save(journal.with_state(done, "rolled back", me=None))
        except TakenOverError:
            self._problems.append("somebody else wrote the release's journal meanwhile")
        except CommandFailedError as error:
            self._problems.append(error.format_message())

    @staticmethod
    def _concerns(journal: Journal, to: Colour) -> bool:
        """Say whether the journal's release is what is taken back, and not so already."""
        return journal.baseline == to and journal.state.phase not in {"rolled_back", "refused"}

    def _unheld(self, to: Colour, share: int | None) -> CommandFailedError:
        said = "cannot be read" if share is None else f"are {share} for {to}"
        return CommandFailedError(
            f"the weights of stack {self._stack} {said} after they were turned to {FULL}; "
            "run the command again, or turn them in the console of EC2, Load Balancers"
        )

    def _try(self, thing: Callable[[], Found]) -> Found | None:
        try:
            return thing()
        except CommandFailedError as error:
            if (said := error.format_message()) not in self._problems:
                self._problems.append(said)
            return None
