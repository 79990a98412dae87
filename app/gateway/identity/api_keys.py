"""Decides whether an API key lets its bearer in, and as whom."""

import hmac
from collections.abc import Callable
from time import time
from typing import Final

from app.credentials.access_list import KeyEntry
from app.credentials.api_key import PREFIX, ApiKey, ChecksumError, MalformedKeyError
from app.gateway.identity.access_list import KEY_CLIENT, CurrentAccessList
from app.gateway.identity.identity import ClientLimits, Identity, Refusal, TokenRefusedError

LEEWAY_S: Final = 30.0
"""Which the clock of whoever made a key may be ahead of this one."""


class ApiKeys:
    """Knows the keys of the access list.

    Args:
        listed: The list.
        clock: Seconds since 1970.
    """

    allowed_in_query = False
    """A key is good for months, and an address ends in the logs of others."""

    def __init__(self, listed: CurrentAccessList, clock: Callable[[], float] = time) -> None:
        self._listed = listed
        self._clock = clock

    async def identify(self, token: str) -> Identity | None:
        """Return whose a key is; None where it has another form than keys have.

        Raises:
            TokenRefusedError: It is a key, and lets nobody in.
        """
        if not token.startswith(PREFIX):
            return None
        try:
            key = ApiKey.parse(token)
        except ChecksumError:
            raise TokenRefusedError(Refusal.CHECKSUM) from None
        except MalformedKeyError:
            raise TokenRefusedError(Refusal.FORM) from None
        return self._identity(key)

    def _identity(self, key: ApiKey) -> Identity:
        entry = self._listed.find(key.key_id)
        if entry is None:
            raise TokenRefusedError(Refusal.UNKNOWN, key.key_id)
        # The secret before all else: who has it not learns nothing of the key, nor do the logs.
        if not hmac.compare_digest(key.sha256, entry.sha256):
            raise TokenRefusedError(Refusal.SECRET, key.key_id)
        now, created, expires = self._clock(), entry.created.timestamp(), entry.expires.timestamp()
        if entry.revoked is not None:
            raise TokenRefusedError(Refusal.REVOKED, key.key_id)
        if now >= expires:
            raise TokenRefusedError(Refusal.EXPIRED, key.key_id)
        if now < created - LEEWAY_S:
            raise TokenRefusedError(Refusal.EARLY, key.key_id)
        return Identity(
            client=f"{KEY_CLIENT} {entry.owner}",
            scopes=frozenset(entry.scopes),
            limits=_limits(entry),
            key_id=entry.id,
            issued=created,
            expires=expires,
        )


def _limits(entry: KeyEntry) -> ClientLimits:
    limits = entry.limits
    return ClientLimits(
        sessions=limits.sessions,
        new_per_minute=limits.new_per_minute,
        models=None if limits.models is None else frozenset(limits.models),
    )
