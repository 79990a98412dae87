"""The committed price table: what AWS asks, where, and since when we know it."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

TABLE: Final = Path(__file__).with_name("prices.toml")

HOURS_PER_MONTH: Final = Decimal(730)
"""365 x 24 / 12, as AWS counts in its own examples and in its calculator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars; all maps hold `Decimal`, exactly as the table says.

    Attributes:
        machines_as_of: day of the machines' prices.
        rest_as_of: day of all others.
        regions: regions in which these prices hold.
        machines: instance type -> dollars an hour, in each of those regions.
        machines_of_one_region: region -> the same, for types known there alone.
        hour: thing -> dollars an hour.
        month: thing -> dollars a month.
        gp3_included: what a gp3 volume's size includes: `iops` and `mibps`.
    """

    machines_as_of: date
    rest_as_of: date
    regions: frozenset[str]
    machines: Mapping[str, Decimal]
    machines_of_one_region: Mapping[str, Mapping[str, Decimal]]
    hour: Mapping[str, Decimal]
    month: Mapping[str, Decimal]
    gp3_included: Mapping[str, Decimal]

    @property
    def as_of(self) -> date:
        """The older of the two days: all prices were these since then."""
        return min(self.machines_as_of, self.rest_as_of)

    def machine(self, kind: str, region: str) -> Decimal | None:
        """Return dollars an hour of one machine; None where the table does not say."""
        own = self.machines_of_one_region.get(region, {})
        if kind in own:
            return own[kind]
        return self.machines.get(kind) if region in self.regions else None

    def hourly(self, thing: str, region: str) -> Decimal | None:
        """Return dollars an hour of anything else; None where the region is not known."""
        return self.hour[thing] if region in self.regions else None

    def monthly(self, thing: str, region: str) -> Decimal | None:
        """Dollars a month; None in a region the table does not know."""
        return self.month[thing] if region in self.regions else None


@functools.cache
def load(table: Path = TABLE) -> Prices:
    """Read the table.

    Raises:
        KeyError: a section is missing.
        tomllib.TOMLDecodeError: it is no TOML.
    """
    said: dict[str, Any] = tomllib.loads(table.read_text(encoding="utf-8"), parse_float=Decimal)
    return Prices(
        machines_as_of=said["as_of"]["machines"],
        rest_as_of=said["as_of"]["rest"],
        regions=frozenset(said["where"]["regions"]),
        machines=said["machines"],
        machines_of_one_region=said["machines_of_one_region"],
        hour=said["hour"],
        month=said["month"],
        gp3_included={key: Decimal(value) for key, value in said["gp3_included"].items()},
    )
