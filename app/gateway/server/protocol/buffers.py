"""One memory budget for what all WebSockets have received.

A connection holds unparsed bytes, the parts of an incomplete message, and messages until the
session has handled them. `FREE_BYTES` of it, more than live audio needs, are free. The rest counts,
for its client and for all together; where either is over its limit, the connection with the largest
incomplete message is ended.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

FREE_BYTES: Final = 65_536
"""Of each connection: two seconds of 16 kHz PCM16 in one message."""


class Holder(Protocol):
    """A connection, as the budget sees it."""

    owner: bytes

    @property
    def unfinished(self) -> int:
        """Bytes of an incomplete message."""

    def evict(self) -> None:
        """End the connection, and drop its incomplete message."""


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
        """Change a connection's count, and end connections over the budget."""
        share = self._shares.get(holder)
        if share is None:
            # The owner is read once: it may not change while bytes are counted.
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
    """End connections with the largest incomplete messages, each once, while over the budget."""
    for holder in sorted(holders, key=lambda one: one.unfinished, reverse=True):
        if not is_too_much() or holder.unfinished <= FREE_BYTES:
            return
        holder.evict()
