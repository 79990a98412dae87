"""What a change of inputs does to a resource: nothing, an update, or a new one in its place.

Sources: pulumi/pulumi-terraform-bridge, pkg/tfbridge/provider.go (`Diff`, and
`nameRequiresDeleteBeforeReplace`: what keeps its given name must go before it comes again);
`ops.offline.diff.rules` for what AWS cannot change in place.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ops.offline.diff.rules import FORCE_NEW
from ops.offline.engine import wire
from ops.offline.engine.wire import PropertyPath
from ops.offline.plugin.resources import DEFAULTS
from ops.offline.provider.autonamed import autonamed


class Kind(Enum):
    """What became of a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """The differences between two sets of inputs.

    Attributes:
        paths: What differs, as deep as it can be told, and how.
        replaces: The inputs among them that only a new resource can have.
        delete_before_replace: The old one must be gone first: both would have one name.
    """

    paths: Mapping[PropertyPath, Kind]
    replaces: tuple[str, ...]
    delete_before_replace: bool

    @property
    def keys(self) -> tuple[str, ...]:
        """The inputs that differ."""
        return tuple(dict.fromkeys(str(path[0]) for path in self.paths))


def compare(token: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Differences:
    """Compare the inputs of the last deployment with those that are wanted.

    Args:
        token: The type.
        olds: As the engine keeps them, `__defaults` among them.
        news: As checked.
    """
    paths = dict(_differences(_plain(olds), _plain(news), ()))
    changed = {str(path[0]) for path in paths}
    replaces = tuple(key for key in FORCE_NEW.get(token, ()) if key in changed)
    return Differences(
        paths=paths,
        replaces=replaces,
        delete_before_replace=bool(replaces) and _keeps_given_name(token, olds, news),
    )


def same_text(left: object, right: object) -> bool:
    """Return whether two values are one: equal, or JSON texts that say the same."""
    if left == right:
        return True
    if not isinstance(left, str) or not isinstance(right, str) or left[:1] not in "{[":
        return False
    try:
        return bool(json.loads(left) == json.loads(right))
    except ValueError:
        return False


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in inputs.items() if key != DEFAULTS and value not in (None, [])
    }


def _differences(
    old: object, new: object, path: PropertyPath
) -> Iterator[tuple[PropertyPath, Kind]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            below = (*path, str(key))
            if key not in new:
                yield below, Kind.DELETE
            elif key not in old:
                yield below, Kind.ADD
            else:
                yield from _differences(old[key], new[key], below)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            below = (*path, index)
            if index >= len(new):
                yield below, Kind.DELETE
            elif index >= len(old):
                yield below, Kind.ADD
            else:
                yield from _differences(old[index], new[index], below)
    elif new == wire.UNKNOWN or not same_text(old, new):
        yield path, Kind.UPDATE


def _keeps_given_name(token: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Return whether a replacement would bear the name of what it replaces."""
    named = autonamed(token)
    if named is None or named.key not in news or named.key in news.get(DEFAULTS, ()):
        return False
    return bool(news[named.key] == olds.get(named.key))
