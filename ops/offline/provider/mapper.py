"""Turns a resource's inputs, shaped as Terraform shapes them, into the parameters of an AWS call.

Names are matched against botocore's model of the call: without regard to case, then with the few
suffixes by which the two worlds differ, then by a tail that only one member has. Explicit renames,
given by the full dotted path, go before all of this. Nothing is dropped: what finds no place is
returned, and whoever asked must consume it or refuse it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ops.offline.errors import OfflineError

_SUFFIXES = ("s", "es", "config", "configuration", "list", "set", "id", "ids", "document", "item")
"""By these the provider's names and AWS's names differ, in either direction."""

_NUMBERS = frozenset({"integer", "long", "float", "double"})


@dataclass(frozen=True, slots=True)
class Mapped:
    """The outcome.

    Attributes:
        parameters: ready for the call.
        unplaced: dotted paths of inputs for which the call has no parameter.
    """

    parameters: dict[str, Any]
    unplaced: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    renames: Mapping[str, str]
    unplaced: list[str] = field(default_factory=list)


def map_inputs(
    shape: StructureShape, inputs: Mapping[str, Any], renames: Mapping[str, str] | None = None
) -> Mapped:
    """Place inputs into a call's parameters.

    Args:
        shape: the call's input shape.
        inputs: camelCase keys; None values are left out.
        renames: dotted input path (without list indices) -> dotted member path inside the structure
            where the input stands.

    Raises:
        OfflineError: a value has no form that the parameter takes; the message has path and value.
    """
    walk = _Walk(renames or {})
    parameters = _structure(shape, inputs, "", walk)
    return Mapped(parameters, tuple(walk.unplaced))


def find_member(names: Iterable[str], key: str) -> str | None:
    """Return the member that an input key means, or None.

    Exact name first, then with a suffix more or less, then the only member that ends with the key.
    """
    by_plain = {_plain(name): name for name in names}
    wanted = _plain(key)
    if wanted in by_plain:
        return by_plain[wanted]
    for variant in _variants(wanted):
        if variant in by_plain:
            return by_plain[variant]
    tails = [name for plain, name in by_plain.items() if plain.endswith(wanted)]
    return tails[0] if len(tails) == 1 else None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _variants(wanted: str) -> Iterable[str]:
    for suffix in _SUFFIXES:
        yield wanted + suffix
        if wanted.endswith(suffix) and len(wanted) > len(suffix):
            stem = wanted.removesuffix(suffix)
            yield stem
            for other in _SUFFIXES:
                yield stem + other
    if wanted.endswith("ies"):
        yield wanted.removesuffix("ies") + "y"
    if wanted.endswith("y"):
        yield wanted.removesuffix("y") + "ies"


def _structure(
    shape: StructureShape, inputs: Mapping[str, Any], path: str, walk: _Walk
) -> dict[str, Any]:
    placed: dict[str, Any] = {}
    for key, value in inputs.items():
        if value is None:
            continue
        here = f"{path}.{key}" if path else key
        target = walk.renames.get(here) or find_member(shape.members, key)
        if target is None:
            walk.unplaced.append(here)
            continue
        _place(shape, placed, target.split("."), _Source(value, here, walk))
    return placed


@dataclass(frozen=True, slots=True)
class _Source:
    """A value on its way to its place."""

    value: object
    path: str
    walk: _Walk


def _place(shape: StructureShape, into: dict[str, Any], target: list[str], source: _Source) -> None:
    """Put a value at a member path, request the structures (and one-element lists) on the way."""
    name, *rest = target
    if name not in shape.members:
        raise OfflineError(f"{source.path}: renamed to {name}, which {shape.name} does not have")
    member = shape.members[name]
    if not rest:
        converted = convert(member, source.value, source.path, source.walk)
        if isinstance(member, ListShape) and isinstance(into.get(name), list):
            into[name] = [*into[name], *converted]
        else:
            into[name] = converted
        return
    if isinstance(member, ListShape) and isinstance(member.member, StructureShape):
        items = into.setdefault(name, [{}])
        _place(member.member, items[0], rest, source)
    elif isinstance(member, StructureShape):
        _place(member, into.setdefault(name, {}), rest, source)
    else:
        raise OfflineError(f"{source.path}: {name} of {shape.name} has no members to descend into")


def convert(shape: Shape, value: Any, path: str, walk: _Walk) -> Any:  # noqa: ANN401 - JSON in, JSON out
    """Give a value the form that a parameter's shape asks for."""
    if isinstance(shape, StructureShape):
        return _structure(shape, _one(value, path), path, walk)
    if isinstance(shape, ListShape):
        return _list(shape, value, path, walk)
    if isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            raise OfflineError(f"{path}: {value!r}; a mapping is expected")
        return {
            str(key): convert(shape.value, item, f"{path}.{key}", walk)
            for key, item in value.items()
        }
    return _scalar(shape, value, path)


def _one(value: object, path: str) -> Mapping[str, Any]:
    """Return one block: the provider writes many of them as lists of one."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Mapping):
        raise OfflineError(f"{path}: {value!r}; one block is expected")
    return value


def _list(shape: ListShape, value: object, path: str, walk: _Walk) -> list[Any]:
    member = shape.member
    if isinstance(value, Mapping) and isinstance(member, StructureShape):
        pair = _pair(member)
        if pair is not None and {str(key).lower() for key in value} != {
            part.lower() for part in pair
        }:
            key_name, value_name = pair
            return [{key_name: str(key), value_name: str(value[key])} for key in sorted(value)]
    items = value if isinstance(value, list) else [value]
    return [convert(member, item, path, walk) for item in items]


def _pair(member: StructureShape) -> tuple[str, str] | None:
    """Return the names of a key/value structure's two members, if it is one."""
    plain = {name.lower(): name for name in member.members}
    for key in ("key", "name"):
        if set(plain) == {key, "value"}:
            return plain[key], plain["value"]
    return None


def _scalar(shape: Shape, value: Any, path: str) -> Any:  # noqa: ANN401 - JSON in, JSON out
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list | Mapping):
        raise OfflineError(f"{path}: {value!r}; one value is expected")
    if shape.type_name == "boolean":
        return _boolean(value, path)
    if shape.type_name in _NUMBERS:
        kind: Callable[[Any], Any] = int if shape.type_name in {"integer", "long"} else float
        try:
            return kind(value)
        except (TypeError, ValueError):
            raise OfflineError(f"{path}: {value!r}; a number is expected") from None
    if shape.type_name == "string":
        return ("true" if value else "false") if isinstance(value, bool) else str(value)
    return value


def _boolean(value: object, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "True"}:
        return True
    if value in {"false", "False"}:
        return False
    raise OfflineError(f"{path}: {value!r}; true or false is expected")
