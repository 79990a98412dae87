"""What an attack reports, and the list of attacks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.abuse.wire import Crowd, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What an attacker did and how it was answered.

    Attributes:
        did: In words.
        sent: Bytes it sent.
        outcomes: Its connections by what became of them.
        counts: What else it counted, by name.
    """

    did: str
    sent: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, crowd: Crowd, *, did: str, **counts: int) -> Tally:
        """That of a crowd, which hangs up."""
        crowd.turn(0)
        tally = cls(did=did, sent=crowd.sent, outcomes=crowd.outcomes(), counts=counts)
        crowd.close()
        return tally


ATTACKS: Final[dict[str, Callable[[Target], Tally]]] = {}


def attack(name: str) -> Callable[[Callable[[Target], Tally]], Callable[[Target], Tally]]:
    """Register an attack."""

    def register(run: Callable[[Target], Tally]) -> Callable[[Target], Tally]:
        if name in ATTACKS:
            raise ValueError(f"name is {name!r}; accepted: one that no attack has yet")
        ATTACKS[name] = run
        return run

    return register
