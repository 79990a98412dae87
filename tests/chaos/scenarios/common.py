"""What scenarios have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.chaos.scene import Role, Scene
from tests.chaos.speech import FAST, SHORT, Manner, chorus
from tests.chaos.talking import Place, Session, perch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.processes import Gateway, Recogniser

CROWD: Final = 50
SOME: Final = 6
DEADLINE_S: Final = 120.0
CROWD_DEADLINE_S: Final = 240.0


def roles(
    count: int,
    *,
    client: str = "perch",
    session: Session = perch,
    manner: Manner = FAST,
    interims: bool = True,
    names: tuple[str, ...] = SHORT,
) -> list[Role]:
    """So many clients of a kind, by default Perch's own without resume."""
    return [
        Role(client=client, session=session, what=what, manner=manner, interims=interims)
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
) -> Scene:
    """Clients of one gateway."""
    return Scene(
        place=place or at(gateway),
        roles=who,
        gateways=[gateway],
        recognisers=recognisers,
        deadline_s=deadline_s,
    )
