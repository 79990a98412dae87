"""Says of two values whether they mean the same, and tells a live one in the words of the old.

AWS answers in its own order, with its own defaults, with numbers where texts were given and with
policies rewritten. What means the same reads back as it was given, so that only what somebody
changed shows as a difference.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

Defaults: TypeAlias = Mapping[str, Any]
"""Dotted path (without list indices) -> what AWS puts there where nothing was given."""

_NUMBER = re.compile(r"^-?\d{1,15}(\.\d{1,15})?$")

ANY = object()
"""As a default: AWS chooses the value, and whatever it is was not asked for."""

_ORDERED = frozenset({"overrides", "actions", "defaultActions"})
"""Lists of which the order means something; all others are sets."""


def settle(given: Mapping[str, Any], live: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    """Return live values, those that mean what was given in the words that were given.

    Args:
        given: the inputs a resource was last made from.
        live: what AWS has; keys of `given` that are not here are gone at AWS.
        defaults: what is left out where it was not given.
    """
    return _mapping(given, live, "", defaults)


def _mapping(
    old: Mapping[str, Any], live: Mapping[str, Any], path: str, defaults: Defaults
) -> dict[str, Any]:
    aligned: dict[str, Any] = {}
    for key, value in old.items():
        here = f"{path}.{key}" if path else key
        if key in live or is_empty(value):
            told = _aligned(value, live.get(key), here, defaults)
            if told is not None:
                aligned[key] = told
    for key, value in live.items():
        here = f"{path}.{key}" if path else key
        if key not in old and not _by_default(value, here, defaults):
            aligned[key] = value
    return aligned


def _aligned(old: Any, live: Any, path: str, defaults: Defaults) -> Any:  # noqa: ANN401 - JSON
    if same(old, live, path, defaults):
        return old
    if isinstance(old, Mapping) and isinstance(live, Mapping):
        return _mapping(old, live, path, defaults)
    if isinstance(old, list) and isinstance(live, list):
        return _list(old, live, path, defaults)
    return live


def _list(old: list[Any], live: list[Any], path: str, defaults: Defaults) -> list[Any]:
    """Keep what is the same in its place; the rest is told as the change of what it replaces."""
    if _is_ordered(path):
        pairs = zip(old, live, strict=False)
        return [*(_aligned(*pair, path, defaults) for pair in pairs), *live[len(old) :]]
    left = list(live)
    aligned: list[Any] = []
    changed: list[Any] = []
    for item in old:
        place = _place(item, left, path, defaults)
        if place is None:
            changed.append(item)
        else:
            del left[place]
            aligned.append(item)
    for item, told in zip(changed, left, strict=False):
        aligned.append(_aligned(item, told, path, defaults))
    return [*aligned, *left[len(changed) :]]


def same(old: Any, live: Any, path: str = "", defaults: Defaults | None = None) -> bool:  # noqa: ANN401 - JSON
    """Return whether a live value means what was given.

    Args:
        old: What was given.
        live: What AWS has.
        path: Dotted, for `defaults`.
        defaults: What AWS puts where nothing was given.
    """
    known = defaults or {}
    if is_empty(old) and (is_empty(live) or _by_default(live, path, known)):
        return True
    if isinstance(old, Mapping) and isinstance(live, Mapping):
        return all(
            same(old.get(key), live.get(key), f"{path}.{key}" if path else key, known)
            for key in {**old, **live}
        )
    if isinstance(old, list) and isinstance(live, list):
        return _same_lists(old, live, path, known)
    return _same_texts(_text(old), _text(live))


def _same_lists(old: list[Any], live: list[Any], path: str, defaults: Defaults) -> bool:
    if len(old) != len(live):
        return False
    if _is_ordered(path):
        return all(same(*pair, path, defaults) for pair in zip(old, live, strict=True))
    left = list(live)
    for item in old:
        place = _place(item, left, path, defaults)
        if place is None:
            return False
        del left[place]
    return True


def _is_ordered(path: str) -> bool:
    return path.rpartition(".")[2] in _ORDERED


def _place(item: Any, among: list[Any], path: str, defaults: Defaults) -> int | None:  # noqa: ANN401 - JSON
    """Return where the first stands that means the same; Python's own equality takes 1 for true."""
    return next((place for place, one in enumerate(among) if same(item, one, path, defaults)), None)


def _same_texts(old: str, live: str) -> bool:
    if old == live:
        return True
    if _NUMBER.match(old) and _NUMBER.match(live):
        return float(old) == float(live)
    if not (old[:1] in {"{", "["} and live[:1] in {"{", "["}):
        return False
    try:
        return bool(_policy(json.loads(old)) == _policy(json.loads(live)))
    except ValueError:
        return False


def _policy(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a document in one form: a list of one is its member, lists of texts have no order."""
    if isinstance(value, dict):
        return {key: _policy(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_policy(item) for item in value]
        if len(items) == 1:
            return items[0]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    return value


def is_empty(value: object) -> bool:
    """Return whether a value says nothing; an empty block does say something, as `allow` does."""
    return value is None or value in ("", [])


def _by_default(value: Any, path: str, defaults: Defaults) -> bool:  # noqa: ANN401 - JSON
    """Return whether AWS put a value there by itself: nothing, its default, or blocks of such."""
    if is_empty(value) or value is False:
        return True
    if path in defaults:
        chosen = defaults[path]
        return chosen is ANY or same(chosen, value)
    return (
        isinstance(value, Mapping)
        and value != {}
        and all(_by_default(item, f"{path}.{key}", defaults) for key, item in value.items())
    )


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
