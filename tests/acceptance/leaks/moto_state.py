"""Everything that moto keeps in this process, but for the values of secrets themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from moto.core.base_backend import BackendDict

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECRETS_OWN: Final = {("FakeSecret", "versions"), ("FakeSecret", "secret_string")}
"""Where a secret's value lies: Secrets Manager is what it was given to."""


def moto_state() -> Iterator[tuple[str, str | bytes]]:
    """Yield each text and each piece of bytes, with the way to it."""
    seen: set[int] = set()
    for backends in BackendDict._instances:
        yield from _texts(dict(backends), backends.service_name, seen)


def _texts(value: object, way: str, seen: set[int]) -> Iterator[tuple[str, str | bytes]]:
    if isinstance(value, str | bytes):
        yield way, value
    elif id(value) in seen or isinstance(value, int | float | type | None):
        return
    else:
        seen.add(id(value))
        for name, inner in _parts(value):
            yield from _texts(inner, f"{way}.{name}", seen)


def _parts(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, Mapping):
        for key, inner in list(value.items()):
            yield "key", key
            yield key, inner
    elif isinstance(value, Iterable) and not hasattr(value, "__next__"):
        yield from enumerate(list(value))
    kind = type(value).__name__
    for name, inner in list(getattr(value, "__dict__", {}).items()):
        if (kind, name) not in _SECRETS_OWN:
            yield name, inner
