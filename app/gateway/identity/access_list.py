"""The access list as a gateway goes by it: which key is which, and what was revoked."""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import time
from typing import Final

from app.credentials.access_list import AccessList, KeyEntry
from app.gateway.identity.identity import Identity, Refusal

KEY_CLIENT: Final = "api-key"
"""Before an owner's name, as an issuer's is before its clients'."""


@dataclass(frozen=True, slots=True)
class KeyCounts:
    """What an operator wants to know of the keys that are good now.

    Attributes:
        good: How many there are.
        soonest_end: When the first of them ends that no other takes the place of, in seconds since
            1970; 0 without any.
    """

    good: int
    soonest_end: float


class CurrentAccessList:
    """The list that holds now.

    Args:
        first: What it begins with.
        issuer: Whose clients are revoked by the names that the issuer has for them.
        clock: Seconds since 1970.
    """

    def __init__(
        self, first: AccessList, issuer: str = "", clock: Callable[[], float] = time
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self.replace(first)

    def replace(self, document: AccessList) -> None:
        """Go by another list from now on."""
        keys = {entry.id: entry for entry in document.keys}
        before: dict[str, float] = {}
        for entry in document.revoked_clients:
            # By either name; a client of the issuer is hardly ever called as a whole name is. One
            # that is listed by both is revoked until the later time, in whatever order they stand.
            for name in (entry.client, f"{self._issuer} {entry.client}"):
                before[name] = max(entry.before.timestamp(), before.get(name, -inf))
        tokens = frozenset(entry.jti for entry in document.revoked_tokens)
        self._keys, self._before, self._tokens = keys, before, tokens

    def find(self, key_id: str) -> KeyEntry | None:
        """Return the key of an id."""
        return self._keys.get(key_id)

    def refusal(self, identity: Identity) -> Refusal | None:
        """Return why somebody who was let in once is not any more; None where nothing is wrong.

        That a token has ended is no reason: it was good when it was shown.
        """
        if identity.key_id is not None:
            entry = self._keys.get(identity.key_id)
            if entry is None:
                return Refusal.UNKNOWN
            if entry.revoked is not None:
                return Refusal.REVOKED
        if identity.token_id in self._tokens:
            return Refusal.REVOKED
        before = self._before.get(identity.client)
        if before is not None and (identity.issued is None or identity.issued <= before):
            return Refusal.REVOKED
        return None

    def counts(self) -> KeyCounts:
        """Count the keys that are good now."""
        now = self._clock()
        good = [
            entry
            for entry in self._keys.values()
            if entry.revoked is None and entry.expires.timestamp() > now
        ]
        ends = [entry.expires.timestamp() for entry in good if entry.replaced_by is None]
        return KeyCounts(len(good), min(ends, default=0.0))
