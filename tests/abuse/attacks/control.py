"""What is no attack, to compare with."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from tests.abuse.attacks.tally import Tally, attack

if TYPE_CHECKING:
    from tests.abuse.wire import Target


@attack("nothing")
def nothing(target: Target) -> Tally:
    """Keep a core busy, and send nothing: what others notice of it is the machine's doing."""
    target.begin()
    ends = monotonic() + target.seconds
    while monotonic() < ends:
        pass
    return Tally(did="a process that keeps a core busy")
