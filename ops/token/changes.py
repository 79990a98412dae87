"""What becomes of an access list: pure decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from app.credentials.access_list import (
    AccessList,
    KeyEntry,
    Limits,
    RevokedClient,
    RevokedToken,
)
from ops.console.errors import ConfigurationError

if TYPE_CHECKING:
    from app.credentials.api_key import ApiKey
    from app.credentials.scopes import Scope

KEPT: Final = timedelta(days=90)
"""How long a key that is good no more stays listed, for whoever asks what became of it."""
LONGEST_TOKEN: Final = timedelta(days=366)
"""A gateway takes no token that is good for longer than a year (APP_JWT_MAX_LIFETIME_S)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a key is made for.

    Attributes:
        owner: Whose it is.
        scopes: What it allows.
        lasts: How long it is good.
        limits: Of its client.
    """

    owner: str
    scopes: frozenset[Scope]
    lasts: timedelta
    limits: Limits


def entry_of(key: ApiKey, wanted: Wanted, now: datetime) -> KeyEntry:
    """Return the entry of a new key."""
    return KeyEntry(
        id=key.key_id,
        owner=wanted.owner,
        sha256=key.sha256,
        scopes=wanted.scopes,
        created=now,
        expires=now + wanted.lasts,
        limits=wanted.limits,
    )


def with_key(listed: AccessList, entry: KeyEntry) -> AccessList:
    """Add a key."""
    return listed.model_copy(update={"keys": (*listed.keys, entry)})


def find(listed: AccessList, key_id: str) -> KeyEntry:
    """Return the key of an id.

    Raises:
        ConfigurationError: There is none.
    """
    for entry in listed.keys:
        if entry.id == key_id:
            return entry
    raise ConfigurationError(
        f"there is no key {key_id!a}; `perch token list` shows those there are"
    )


def without_keys(listed: AccessList, key_ids: tuple[str, ...], now: datetime) -> AccessList:
    """Revoke keys; one that is revoked already stays as it is.

    Raises:
        ConfigurationError: There is no such key.
    """
    for key_id in key_ids:
        entry = find(listed, key_id)
        if entry.revoked is None:
            listed = _replaced(listed, entry.model_copy(update={"revoked": now}))
    return listed


def rotated(listed: AccessList, key_id: str, new: KeyEntry, overlap: timedelta) -> AccessList:
    """Add a key in the place of another, which ends once both have been good for a while.

    Raises:
        ConfigurationError: The old one is not good any more, or has a successor.
    """
    old, now = find(listed, key_id), new.created
    if old.revoked is not None or old.expires <= now:
        raise ConfigurationError(
            f"key {key_id} is not good any more; `perch token create` makes another"
        )
    if old.replaced_by is not None:
        raise ConfigurationError(
            f"key {key_id} was rotated before; rotate its successor {old.replaced_by}"
        )
    update = {"expires": min(old.expires, now + overlap), "replaced_by": new.id}
    return with_key(_replaced(listed, old.model_copy(update=update)), new)


def without_token(listed: AccessList, jti: str, now: datetime) -> AccessList:
    """Revoke a token of the issuer."""
    if any(entry.jti == jti for entry in listed.revoked_tokens):
        return listed
    entry = RevokedToken(jti=jti, revoked=now, until=now + LONGEST_TOKEN)
    return listed.model_copy(update={"revoked_tokens": (*listed.revoked_tokens, entry)})


def without_client(listed: AccessList, client: str, before: datetime) -> AccessList:
    """Revoke every token of a client that was made until a time."""
    kept = tuple(entry for entry in listed.revoked_clients if entry.client != client)
    known = [entry.before for entry in listed.revoked_clients if entry.client == client]
    entry = RevokedClient(client=client, before=max([before, *known]))
    return listed.model_copy(update={"revoked_clients": (*kept, entry)})


def pruned(listed: AccessList, now: datetime) -> AccessList:
    """Leave out what makes no difference any more."""
    keys = tuple(
        entry
        for entry in listed.keys
        if min(filter(None, (entry.expires, entry.revoked))) > now - KEPT
    )
    tokens = tuple(entry for entry in listed.revoked_tokens if entry.until > now)
    return listed.model_copy(update={"keys": keys, "revoked_tokens": tokens})


def _replaced(listed: AccessList, changed: KeyEntry) -> AccessList:
    keys = tuple(changed if entry.id == changed.id else entry for entry in listed.keys)
    return listed.model_copy(update={"keys": keys})
