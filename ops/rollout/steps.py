"""The steps of a release: which share the canary has, and how long each is watched. Data."""

from itertools import pairwise
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

FULL: Final = 100
"""Weights are percent of new sessions; both colours together have so much."""


class Step(BaseModel):
    """One step.

    Attributes:
        weight: The canary's share of new sessions in percent.
        bake_s: Seconds for which it is watched at least.
    """

    model_config = ConfigDict(frozen=True)

    weight: Annotated[int, Field(ge=1, le=FULL)]
    bake_s: Annotated[float, Field(ge=0)]


DEFAULT: Final = (
    Step(weight=1, bake_s=120),
    Step(weight=5, bake_s=300),
    Step(weight=25, bake_s=300),
    Step(weight=50, bake_s=600),
    Step(weight=100, bake_s=600),
)
"""32 minutes. Alarms of a colour need up to 5 minutes of data, so the long steps outlast them; the
first one is short because one session in a hundred says little that our own do not."""


def parse(weights: str | None, bake: str | None) -> tuple[Step, ...]:
    """Return the steps that a person asked for.

    Args:
        weights: As in `1,5,25,50,100`; None for the table's.
        bake: Seconds for every step, or one number for each, as in `60` or `60,120,300`; None for
            the table's, where the weights are its own too.

    Raises:
        ValueError: The steps do not rise to 100, or the numbers do not fit them; says what would be
            accepted.
    """
    shares = [step.weight for step in DEFAULT] if weights is None else _numbers(weights, "--steps")
    whole = [int(share) for share in shares]
    rising = all(low < high for low, high in pairwise(whole))
    if whole != shares or not rising or not whole[0] >= 1 or whole[-1] != FULL:
        raise ValueError(
            f"--steps is {weights!r}; accepted: whole percentages that rise and end with {FULL}, "
            "as in 1,5,25,50,100"
        )
    if bake is None:
        return tuple(Step(weight=weight, bake_s=_table_bake(weight)) for weight in whole)
    bakes = _numbers(bake, "--bake")
    if len(bakes) == 1:
        bakes *= len(whole)
    if len(bakes) != len(whole):
        raise ValueError(
            f"--bake has {len(bakes)} numbers; accepted: one, or one for each of the "
            f"{len(whole)} steps"
        )
    return tuple(
        Step(weight=weight, bake_s=seconds) for weight, seconds in zip(whole, bakes, strict=True)
    )


def _numbers(text: str, option: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(0 <= number < float("inf") for number in numbers):
        raise ValueError(f"{option} is {text!r}; accepted: numbers with commas between them")
    return numbers


def _table_bake(weight: int) -> float:
    """Return how long the table bakes at this share, or at the next greater one that it has."""
    return next(step.bake_s for step in DEFAULT if step.weight >= weight)
