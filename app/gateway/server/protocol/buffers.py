"""How much of what comes in may lie in memory: one budget over all WebSockets.

A connection holds what it has read and not parsed, the parts of a message that is not complete, and
messages until the session is done with them. So much that live sound never needs more is free. What
is beyond it counts, for its client and for all together; where either is too much, the connection
with most of an unfinished message is ended.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

FREE_BYTES: Final = 65_536
"""Of each connection: two seconds of 16 kHz PCM16 in one message."""


class Holder(Protocol):
    """A connection, as far as the budget looks at it."""

    owner: bytes

    @property
    def unfinished(self) -> int:
        """Bytes of a message that is not complete."""

    def evict(self) -> None:
        """Be ended, and hold nothing of it any more."""


@dataclass(slots=True)
class _Share:
    client: bytes
    held: int = 0


class Buffers:
    """Counts bytes beyond `FREE_BYTES`.

    Complete messages count and are never dropped: they were within the budget as they came.

    Args:
        limit: Bytes over all connections.
        client_limit: Bytes over the connections of one client.

    Attributes:
        held: Bytes that count now.
    """

    def __init__(self, limit: int, client_limit: int) -> None:
        self.limit = limit
        self.client_limit = client_limit
        self.held = 0
        self._shares: dict[Holder, _Share] = {}
        self._of_client: dict[bytes, int] = {}

    def change(self, holder: Holder, by: int) -> None:
        """Count more or less for a connection, and end whose message is too much."""
        share = self._shares.get(holder)
        if share is None:
            # Whose it is, is asked once: it may not change while bytes are counted.
            share = self._shares[holder] = _Share(holder.owner)
        share.held += by
        self.held += by
        self._of_client[share.client] = self._of_client.get(share.client, 0) + by
        if not share.held:
            del self._shares[holder]
        if not self._of_client[share.client]:
            del self._of_client[share.client]
        if by > 0:
            self._make_room(share.client)

    def _make_room(self, client: bytes) -> None:
        if self._of_client.get(client, 0) > self.client_limit:
            own = [one for one, share in self._shares.items() if share.client == client]
            _end_largest(own, lambda: self._of_client.get(client, 0) > self.client_limit)
        if self.held > self.limit:
            _end_largest(self._shares, lambda: self.held > self.limit)


def _end_largest(holders: Iterable[Holder], is_too_much: Callable[[], bool]) -> None:
    """End those with the largest unfinished messages, each once, while it is too much."""
    for holder in sorted(holders, key=lambda one: one.unfinished, reverse=True):
        if not is_too_much() or holder.unfinished <= FREE_BYTES:
            return
        holder.evict()
