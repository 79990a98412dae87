"""API keys and access lists, as tests make them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.credentials.access_list import AccessList, KeyEntry, RevokedClient, RevokedToken
from app.credentials.api_key import ApiKey


def key_entry(key: ApiKey, now: datetime | None = None, **changes: object) -> KeyEntry:
    """Return the entry of a key that is good for a day and may do what clients do."""
    now = datetime.now(UTC) if now is None else now
    return KeyEntry.model_validate(
        {
            "id": key.key_id,
            "owner": "ann",
            "sha256": key.sha256,
            "scopes": frozenset({"stream", "file"}),
            "created": now,
            "expires": now + timedelta(days=1),
            **changes,
        },
        strict=False,
    )


def access_list(
    *keys: KeyEntry,
    tokens: tuple[RevokedToken, ...] = (),
    clients: tuple[RevokedClient, ...] = (),
) -> AccessList:
    """Return a list of such keys."""
    return AccessList(format=1, keys=keys, revoked_tokens=tokens, revoked_clients=clients)


def put(file: Path, listed: AccessList) -> None:
    """Write a list as a machine does: the whole file at once."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(listed.write(), encoding="utf-8")
    new.replace(file)
