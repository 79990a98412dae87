"""`perch token`: create, list, revoke and rotate what lets clients in."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import click
from pydantic import ValidationError

from app.credentials.access_list import MAX_LIMIT, KeyEntry, Limits
from app.credentials.api_key import ID_CHARS, ID_PATTERN, ApiKey
from app.credentials.scopes import Scope
from ops.console.durations import seconds_of
from ops.console.errors import ConfigurationError
from ops.console.options import stack_options
from ops.secrets.values import follow_seconds
from ops.token import changes
from ops.token.store import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from app.credentials.access_list import AccessList
    from ops.secrets.values import SecretValues

LONGEST_DAYS: Final = 400
DAYS: Final = 90
OVERLAP: Final = "24h"

_days = click.option(
    "--days",
    type=click.IntRange(1, LONGEST_DAYS),
    help=f"How long the key is good  [default: {DAYS}; of a rotated one as before].",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("token")
def command() -> None:
    """Say who may speak to a stack: API keys, and tokens that are good no more.

    Every gateway follows within seconds. A key is shown once, when it is made: kept is a hash.
    """


@command.command("create")
@stack_options
@click.argument("owner")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([one.value for one in Scope]),
    multiple=True,
    default=(Scope.STREAM.value, Scope.FILE.value),
    show_default=True,
    help="What it allows; may be given several times.",
)
@_days
@click.option("--sessions", type=click.IntRange(1, MAX_LIMIT), help="Sessions at once.")
@click.option("--new-per-minute", type=click.IntRange(1, MAX_LIMIT), help="Sessions a minute.")
@click.option("--model", "models", multiple=True, help="A model that it may ask for  [all].")
@_json
def create(  # noqa: PLR0913 - one parameter an option
    stack: str,
    state_dir: Path | None,
    owner: str,
    *,
    scopes: tuple[str, ...],
    days: int | None,
    sessions: int | None,
    new_per_minute: int | None,
    models: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make an API key for OWNER and print it, this once, alone on standard output.

    Keys of one owner are one client: limits count its sessions together.
    """
    store, values, is_local = connect(stack, state_dir)
    now, key = _now(), ApiKey.generate()
    try:
        wanted = changes.Wanted(
            owner=owner,
            scopes=frozenset(map(Scope, scopes)),
            lasts=timedelta(days=days or DAYS),
            limits=Limits(sessions=sessions, new_per_minute=new_per_minute, models=models or None),
        )
        entry = changes.entry_of(key, wanted, now)
    except ValidationError as error:
        raise ConfigurationError(_wrong(error)) from None
    store.change(lambda listed: changes.with_key(changes.pruned(listed, now), entry))
    _show(key, entry, as_json=as_json)
    _announce(values, is_local=is_local)


@command.command("list")
@stack_options
@_json
def list_(stack: str, state_dir: Path | None, as_json: bool) -> None:
    """List the keys of a stack and what is revoked: no key, and no hash of one."""
    store, _, _ = connect(stack, state_dir)
    stored, now = store.read(), _now()
    if as_json:
        click.echo(json.dumps(_document(stored.document, now), indent=2))
    else:
        for line in _lines(stored.document, now):
            click.echo(line)


@command.command("revoke")
@stack_options
@click.argument("key_ids", metavar="[ID]...", nargs=-1, callback=lambda *given: _ids(given[2]))
@click.option("--jti", help="A token of the issuer, by its name (`jti`).")
@click.option(
    "--client", help="Every token that a client of the issuer has now, by its `client_id`."
)
def revoke(
    stack: str,
    state_dir: Path | None,
    key_ids: tuple[str, ...],
    jti: str | None,
    client: str | None,
) -> None:
    """Turn away keys by their ids, or tokens of the issuer; what they began ends."""
    if not (key_ids or jti or client):
        raise ConfigurationError("nothing is named; accepted: ids of keys, --jti or --client")
    store, values, is_local = connect(stack, state_dir)
    now = _now()

    def change(listed: AccessList) -> AccessList:
        listed = changes.without_keys(changes.pruned(listed, now), key_ids, now)
        if jti:
            listed = changes.without_token(listed, jti, now)
        return changes.without_client(listed, client, now) if client else listed

    try:
        store.change(change)
    except ValidationError as error:
        raise ConfigurationError(_wrong(error)) from None
    named = list(key_ids)
    named += [f"{what} {name}" for what, name in (("token", jti), ("client", client)) if name]
    click.echo(f"revoked: {', '.join(named)}", err=True)
    _announce(values, is_local=is_local)


@command.command("rotate")
@stack_options
@click.argument("key_id", metavar="ID", callback=lambda *given: _ids((given[2],))[0])
@click.option(
    "--overlap",
    default=OVERLAP,
    show_default=True,
    help="How long the old key stays good: seconds, or a number with s, m or h.",
)
@_days
@_json
def rotate(  # noqa: PLR0913 - one parameter an option
    stack: str,
    state_dir: Path | None,
    key_id: str,
    *,
    overlap: str,
    days: int | None,
    as_json: bool,
) -> None:
    """Make a key in the place of ID, for the same owner, and print it as `create` does."""
    both = timedelta(seconds=seconds_of("--overlap", overlap))
    store, values, is_local = connect(stack, state_dir)
    now, key = _now(), ApiKey.generate()
    made: list[KeyEntry] = []

    def change(listed: AccessList) -> AccessList:
        old = changes.find(listed, key_id)
        lasts = old.expires - old.created if days is None else timedelta(days=days)
        wanted = changes.Wanted(owner=old.owner, scopes=old.scopes, lasts=lasts, limits=old.limits)
        made[:] = [changes.entry_of(key, wanted, now)]
        return changes.rotated(changes.pruned(listed, now), key_id, made[0], both)

    listed = store.change(change)
    _show(key, made[0], as_json=as_json)
    click.echo(
        f"key {key_id} is good until {_time(changes.find(listed, key_id).expires)}", err=True
    )
    _announce(values, is_local=is_local)


def _show(key: ApiKey, entry: KeyEntry, *, as_json: bool) -> None:
    """Print a new key: nothing else may stand on standard output, so that it can be piped."""
    if as_json:
        click.echo(json.dumps({"key": key.text, **_row(entry, entry.created)}, indent=2))
    else:
        click.echo(key.text)
    click.echo(
        f"key {entry.id} of {entry.owner}: {', '.join(sorted(entry.scopes))}, good until "
        f"{_time(entry.expires)}; it is not shown again",
        err=True,
    )


def _announce(values: SecretValues, *, is_local: bool) -> None:
    values.announce()
    seconds = follow_seconds(is_local=is_local)
    click.echo(f"every gateway follows within {seconds:g} s", err=True)


def _lines(listed: AccessList, now: datetime) -> Iterator[str]:
    for entry in listed.keys:
        row = _row(entry, now)
        limits = " ".join(f"{name}={value}" for name, value in _limits(entry).items())
        yield "  ".join(
            filter(
                None,
                (
                    entry.id,
                    f"{row['state']:<9}",
                    ",".join(sorted(entry.scopes)),
                    f"until {_time(entry.expires)}",
                    limits,
                    f"replaced by {entry.replaced_by}" if entry.replaced_by else "",
                    entry.owner,
                ),
            )
        )
    for token in listed.revoked_tokens:
        yield f"token {token.jti!a}  revoked {_time(token.revoked)}"
    for client in listed.revoked_clients:
        yield f"client {client.client!a}  tokens until {_time(client.before)} revoked"
    if listed == type(listed).empty():
        yield "no keys, and nothing revoked"


def _document(listed: AccessList, now: datetime) -> dict[str, object]:
    return {
        "keys": [_row(entry, now) for entry in listed.keys],
        "revoked_tokens": [entry.model_dump(mode="json") for entry in listed.revoked_tokens],
        "revoked_clients": [entry.model_dump(mode="json") for entry in listed.revoked_clients],
    }


def _row(entry: KeyEntry, now: datetime) -> dict[str, object]:
    """Return all of an entry but its hash."""
    return {**entry.model_dump(mode="json", exclude={"sha256"}), "state": _state(entry, now)}


def _limits(entry: KeyEntry) -> dict[str, object]:
    limits = entry.limits.model_dump(exclude_none=True)
    return {
        name: ",".join(each) if isinstance(each, tuple) else each for name, each in limits.items()
    }


def _state(entry: KeyEntry, now: datetime) -> str:
    if entry.revoked is not None:
        return "revoked"
    if entry.expires <= now:
        return "ended"
    return "good" if entry.replaced_by is None else "replaced"


def _ids(given: tuple[str, ...]) -> tuple[str, ...]:
    if not all(re.fullmatch(ID_PATTERN, one) for one in given):
        # Not repeated: it may be a whole key.
        raise ConfigurationError(
            f"ID is none; accepted: the {ID_CHARS} characters between the underscores of a key, as "
            "`perch token list` shows them"
        )
    return given


def _wrong(error: ValidationError) -> str:
    [first, *_] = error.errors(include_url=False)
    name = ".".join(str(part) for part in first["loc"])
    return f"{name} is {str(first['input'])!a}; accepted: {first['msg']}"


def _time(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")


def _now() -> datetime:
    # Whole seconds: the list is read by people too.
    return datetime.now(UTC).replace(microsecond=0)
