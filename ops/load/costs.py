"""What an hour of one stream costs, at what a run found: from the stack's own program and prices.

Nothing is measured here and nothing asked of anybody: the resources come from a recorded run of the
program, the dollars from `ops/cost/prices.toml`.
"""

import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from ops.cost import Line, estimate
from ops.cost.prices import HOURS_PER_MONTH
from ops.cost.rules import GROUP, METRICS
from ops.stack import Colour

HOSTED: Final = Path(__file__).with_name("hosted.toml")
_MACHINES: Final = "machines "


class _Priced(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Hosted(_Priced):
    """A hosted API beside which a stack stands.

    Attributes:
        name: Whose.
        page: Where its price is told.
        usd_per_hour: List price of an hour of streaming; None where nobody here has read it.
        as_of: The day on which it was read.
        read_in: Where that reading stands.
    """

    name: str
    page: str
    usd_per_hour: Decimal | None = None
    as_of: date | None = None
    read_in: str | None = None


class StreamPrice(_Priced):
    """Dollars an hour of one stream.

    Attributes:
        as_of: Day since which every price is known to be this one.
        machine: What is paid for: the type of machine.
        streams: Streams at a time at the recommended maximum, over all machines in service.
        at_maximum: With all of them in use; None where a price is not known.
        at_half: With half of them in use.
        idle_colour_warm: With all of them in use and as many machines of the idle colour waiting.
        remarks: Sentences: what is not in it, and what it is not.
        hosted: Others, with their list prices where known.
    """

    as_of: date
    machine: str
    streams: int
    at_maximum: Decimal | None
    at_half: Decimal | None
    idle_colour_warm: Decimal | None
    remarks: tuple[str, ...]
    hosted: tuple[Hosted, ...]


def hosted(table: Path = HOSTED) -> tuple[Hosted, ...]:
    """Read what is known of hosted APIs.

    Raises:
        ValueError: An entry is wrong, or has a price without a day and a source.
    """
    said: dict[str, Any] = tomllib.loads(table.read_text(encoding="utf-8"), parse_float=Decimal)
    read = tuple(Hosted.model_validate(one) for one in said["api"])
    for one in read:
        if len({one.usd_per_hour is None, one.as_of is None, one.read_in is None}) > 1:
            raise ValueError(f"{one.name}: a price, the day it was read and where stand together")
    return read


def stream_price(
    resources: Iterable[Mapping[str, Any]],
    *,
    per_machine: int,
    machines: int,
    in_service: Colour,
    remarks: tuple[str, ...] = (),
) -> StreamPrice:
    """Divide what an environment costs an hour by the streams it carries.

    Args:
        resources: Of a recorded run of the stack's program.
        per_machine: Streams at a time that one machine carries.
        machines: Machines in service.
        in_service: Their colour.
        remarks: What the reader has to know besides.
    """
    found = estimate(resources)
    rest = [line.monthly_usd for line in found.lines if not _is_of_machines(line)]
    fixed = sum((usd for usd in rest if usd is not None), Decimal(0)) / HOURS_PER_MONTH
    groups = _by_colour(found.lines)
    kind, one = _machine_hour(groups.get(in_service, ()))
    idle: Colour = "green" if in_service == "blue" else "blue"
    _, waiting = _machine_hour(groups.get(idle, ()))
    streams = per_machine * machines
    whole = None if one is None else fixed + machines * one
    warm = None if whole is None or waiting is None else whole + machines * waiting
    return StreamPrice(
        as_of=found.as_of,
        machine=kind,
        streams=streams,
        at_maximum=_each(whole, streams),
        at_half=_each(whole, streams / Decimal(2)),
        idle_colour_warm=_each(warm, streams),
        remarks=(
            *remarks,
            *found.not_priced,
            *(f"not included: {one}" for one in found.not_included),
        ),
        hosted=hosted(),
    )


def _is_of_machines(line: Line) -> bool:
    """Say whether a line grows with every machine; metrics are mostly of all machines together."""
    return line.type == GROUP and line.what != METRICS


def _by_colour(lines: Iterable[Line]) -> dict[str, tuple[Line, ...]]:
    found: dict[str, tuple[Line, ...]] = {}
    for line in lines:
        if _is_of_machines(line):
            for colour in ("blue", "green"):
                if colour in line.resource.split("-"):
                    found[colour] = (*found.get(colour, ()), line)
    return found


def _machine_hour(lines: Iterable[Line]) -> tuple[str, Decimal | None]:
    """Return a group's type of machine, and dollars an hour of one with its volumes."""
    kind, usd, hours = "", None, Decimal(0)
    volumes = Decimal(0)
    for line in lines:
        if line.what.startswith(_MACHINES):
            kind, usd = line.what.removeprefix(_MACHINES), line.unit_usd
            hours = line.quantity or Decimal(0)
        elif line.monthly_usd is not None:
            volumes += line.monthly_usd
    if usd is None:
        return kind, None
    return kind, usd + (volumes / hours if hours else Decimal(0))


def _each(usd: Decimal | None, streams: Decimal | int) -> Decimal | None:
    return None if usd is None or not streams else (usd / streams).quantize(Decimal("0.0001"))
