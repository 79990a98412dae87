"""Turns an answer of AWS into a resource's inputs, shaped as Terraform shapes them.

The way back of `mapper`: the SDK's declared types say which keys there are and what form each has,
the same rules of names find each one's member in the answer.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args, get_origin

from pulumi import _types

from ops.offline.engine import sdk
from ops.offline.provider import mapper

_PAIRS = (("Key", "Value"), ("Name", "Value"))
"""Lists of these are maps where the declared type is one."""


def shaped(token: str, answer: Mapping[str, Any], renames: Mapping[str, str]) -> dict[str, Any]:
    """Return the inputs of a type that an answer tells.

    Args:
        token: the resource's type.
        answer: one resource, as its describing call has it.
        renames: dotted input path (without list indices) -> dotted member path of the answer where
            the input stands; an empty path leaves the input out.
    """
    declared = sdk.output_types(token)
    kinds = {key: declared[key] for key in sdk.input_names(token) if key in declared}
    return _structure(kinds, answer, "", renames)


def _structure(
    kinds: Mapping[str, Any], answer: Mapping[str, Any], path: str, renames: Mapping[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exact = {key.lower() for key in kinds}
    # A member that bears one key's very name is not another's, whose name its own ends with.
    loose = {name: answer[name] for name in answer if name.lower() not in exact}
    for key, kind in kinds.items():
        here = f"{path}.{key}" if path else key
        same = next((name for name in answer if name.lower() == key.lower()), None)
        named = {same: answer[same]} if same else loose
        value = _member(answer if here in renames else named, key, renames.get(here))
        if value is None:
            continue
        converted = _value(kind, value, here, renames)
        if converted is not None:
            found[key] = converted
    return found


def _member(answer: Mapping[str, Any], key: str, renamed: str | None) -> Any:  # noqa: ANN401 - JSON
    if renamed is None:
        name = mapper.find_member(answer, key)
        return None if name is None else answer[name]
    node: Any = answer
    for part in renamed.split("."):
        if isinstance(node, list):
            node = node[0] if node else None
        node = node.get(part) if isinstance(node, Mapping) else None
    return node


def _value(kind: Any, value: Any, path: str, renames: Mapping[str, str]) -> Any:  # noqa: ANN401 - typing has no name for types, JSON for values
    kind = _types.unwrap_optional_type(kind)
    origin = get_origin(kind)
    if origin in {list, Sequence}:
        items = value if isinstance(value, list) else [value]
        converted = [_value(get_args(kind)[0], item, path, renames) for item in items]
        return [item for item in converted if item is not None]
    if origin in {dict, Mapping}:
        return _mapping(value)
    if _types.is_output_type(kind):
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, Mapping):
            return None
        return _structure(_types.output_type_types(kind), value, path, renames)
    return _simple(kind, value)


def _mapping(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    if not isinstance(value, list):
        return dict(value) or None
    for key, item in _PAIRS:
        if all(key in entry for entry in value):
            return {entry[key]: entry[item] for entry in value} or None
    return None


def _simple(kind: Any, value: Any) -> Any:  # noqa: ANN401 - typing has no name for types, JSON for values
    if isinstance(value, Mapping):
        # A block that is empty in one world and a flag in the other.
        value = value.get("Value")
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return _FORMS[kind](value) if kind in _FORMS else value


def _flag(value: object) -> bool:
    return str(value).lower() == "true"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_FORMS: Mapping[Any, Callable[[Any], Any]] = {bool: _flag, int: int, float: float, str: _text}
