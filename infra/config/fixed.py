"""Settings that stay as a stack was made with: another value would replace what carries traffic.

AWS changes none of them in place. The listener keeps its weight on the target group that it was
turned to (ADR 0502), and ELB refuses to delete a target group that a listener names; a second load
balancer may not have the target groups of the first; a second VPC has no machines. A stack's
outputs say what it was made with, and whatever the configuration says otherwise is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.config.sections import COLOURS, Settings
from infra.reading.reader import Problem, show

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class _Fixed:
    """One setting.

    Attributes:
        key: Where a person changes it.
        output: Where the outputs say what it was.
        value: What the configuration says.
    """

    key: str
    output: tuple[str, ...]
    value: object


def fixed_outputs(settings: Settings) -> dict[str, object]:
    """Return the outputs `fixed`, by which the next run knows what the stack was made with."""
    network = settings.network
    adopted = network.adopt
    return {
        # Of an adopted VPC the range is nobody's here.
        "network_cidr": network.cidr if adopted is None else "",
        "network_adopt_vpc_id": "" if adopted is None else adopted.vpc_id,
        "network_zone_names": list(network.zone_names),
        "load_balancer_internal": settings.load_balancer.internal,
    }


def fixed_problems(settings: Settings, outputs: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield every setting that a stack which exists does not take any more.

    Args:
        settings: What the configuration says.
        outputs: What the stack exported last; empty before it exists.
    """
    for fixed in _fixed(settings):
        before = _at(outputs, fixed.output)
        if before is not _ABSENT and not _same(before, fixed.value):
            yield Problem(
                fixed.key,
                _written(fixed.value),
                f"{_written(before)}, which the stack was made with; another one needs another"
                " stack, or this one destroyed first",
            )


def _fixed(settings: Settings) -> Iterator[_Fixed]:
    now = fixed_outputs(settings)
    for key, name in (
        ("network.cidr", "network_cidr"),
        ("network.adopt.vpc_id", "network_adopt_vpc_id"),
        ("network.zone_names", "network_zone_names"),
        ("load_balancer.internal", "load_balancer_internal"),
    ):
        yield _Fixed(key, ("fixed", name), now[name])
    for colour in COLOURS:
        yield _Fixed(
            f"{colour}.gateway_port",
            ("colours", colour, "gateway_port"),
            settings.colour(colour).gateway_port,
        )


def _at(outputs: object, path: tuple[str, ...]) -> object:
    for name in path:
        if not isinstance(outputs, Mapping) or name not in outputs:
            return _ABSENT
        outputs = outputs[name]
    return outputs


def _written(value: object) -> str:
    """Return a value as configuration has it: nothing chosen is null, and the engine's numbers."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return show(None if value in ("", []) else value)


def _same(before: object, now: object) -> bool:
    """Compare; a list may have grown or become shorter at its end."""
    if isinstance(before, list | tuple) and isinstance(now, list | tuple):
        shorter = min(len(before), len(now))
        return list(before[:shorter]) == list(now[:shorter])
    return before == now
