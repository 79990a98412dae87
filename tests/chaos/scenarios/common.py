"""What scenarios have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tests.chaos.clients import Session, perch
from tests.chaos.experiment import Experiment, Role
from tests.chaos.speech import FAST, SHORT, Pacing, chorus
from tests.chaos.word_difference import Difference, compare
from tests.support.processes import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.clients import Heard
    from tests.chaos.experiment import Trial
    from tests.support.processes import Gateway, Recogniser

CROWD: Final = 50
SOME: Final = 6
DEADLINE_S: Final = 120.0
CROWD_DEADLINE_S: Final = 240.0


def roles(
    count: int,
    *,
    client: str = "perch",
    session: Session = perch,
    pacing: Pacing = FAST,
    interims: bool = True,
    names: tuple[str, ...] = SHORT,
) -> list[Role]:
    """So many clients of a kind, by default Perch's own without resume."""
    return [
        Role(client=client, session=session, what=what, pacing=pacing, interims=interims)
        for what in chorus(count, names)
    ]


def at(gateway: Gateway) -> Place:
    """The gateway itself."""
    return at_port(gateway.port)


def at_port(port: int) -> Place:
    """A port of this machine."""
    return Place(url=f"ws://127.0.0.1:{port}")


def scene_at(
    gateway: Gateway,
    recognisers: Sequence[Recogniser],
    who: Sequence[Role],
    *,
    place: Place | None = None,
    deadline_s: float = DEADLINE_S,
) -> Experiment:
    """Clients of one gateway."""
    return Experiment(
        place=place or at(gateway),
        roles=who,
        gateways=[gateway],
        recognisers=recognisers,
        deadline_s=deadline_s,
    )


async def cut_short(experiment: Experiment, trial: Trial, code: str) -> list[str]:
    """Compare old clients that were sent away with the undisturbed start of their recording.

    Their audio ends where the gateway stopped taking it. What they sent before they were told must
    be in it.

    Args:
        experiment: In which they took part.
        trial: What came of it; gets the undisturbed start in the place of the whole.
        code: Of the error with which they were sent away.

    Returns:
        What does not hold, as sentences.
    """
    numbers = [n for n, heard in enumerate(trial.heard) if heard.error == code]
    problems: list[str] = []
    again: list[Role] = []
    for number in numbers:
        heard, role = trial.heard[number], experiment.roles[number]
        if heard.taken is None:
            problems.append(f"session {number} ({heard.client}) was not told how it ended")
        elif heard.taken < (heard.sent_when_warned_s or 0.0) - 1e-3:
            problems.append(
                f"session {number} ({heard.client}) had sent {heard.sent_when_warned_s:.2f} s when "
                f"it was told, and {heard.taken:.2f} s were taken"
            )
        again.append(replace(role, what=role.what.until(heard.taken or 0.0), pacing=FAST))
    undisturbed, _ = await replace(experiment, roles=again).run_undisturbed()
    for number, whole in zip(numbers, undisturbed, strict=True):
        trial.undisturbed[number] = whole
    return problems


def same_words(undisturbed: Sequence[Heard], later: Sequence[Heard]) -> list[str]:
    """Say which sessions, held when all was mended, do not have the words from before."""
    return [
        f"session {number} after the repair: {two.text!r}, not {one.text!r}"
        for number, (one, two) in enumerate(zip(undisturbed, later, strict=True))
        if compare(one.text, two.text) != Difference()
    ]
