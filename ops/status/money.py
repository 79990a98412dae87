"""What the machines of a stack have cost so far, from their launch times and the price table."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ops.cost.prices import Prices, load
from ops.status.report import CostFact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ops.fleet import Machine

_HOUR: Final = 3600
_CENT: Final = Decimal("0.01")


def so_far(
    machines: Iterable[Machine], region: str, now: datetime, prices: Prices | None = None
) -> CostFact:
    """Return what machines have cost since they were launched.

    Machines that have gone are not in it, nor are volumes, the load balancer, traffic and the rest:
    `perch preview` has what a month costs.

    Args:
        machines: Those that are there.
        region: AWS region.
        now: The moment, UTC.
        prices: The table; None for the committed one.
    """
    table = load() if prices is None else prices
    total, hourly, priced = Decimal(0), Decimal(0), 0
    not_priced = []
    for machine in machines:
        reason, price = _price(machine, region, table)
        if price is None or machine.launched is None:
            not_priced.append(f"{machine.id}: {reason or 'EC2 does not say when it was launched'}")
            continue
        hours = Decimal(max((now - machine.launched).total_seconds(), 0)) / _HOUR
        total += price * hours
        hourly += price
        priced += 1
    is_known = priced > 0 or not not_priced
    return CostFact(
        usd=total.quantize(_CENT) if is_known else None,
        usd_per_hour=hourly if is_known else None,
        as_of=table.machines_as_of.isoformat(),
        not_priced=tuple(not_priced),
    )


def _price(machine: Machine, region: str, prices: Prices) -> tuple[str | None, Decimal | None]:
    """Return dollars an hour, or why they are not known."""
    if machine.is_spot:
        return "a spot machine, whose price changes by the hour", None
    price = prices.machine(machine.type, region)
    if price is None:
        return f"no price of {machine.type} in {region} in the table", None
    return None, price
