"""Values as the Pulumi engine and a program exchange them, and as Python reads them.

The markers are Pulumi's public ones (pulumi/pulumi: sdk/go/common/resource/properties.go); they
are taken from the installed SDK so that they cannot drift from it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

SIGNATURE = rpc._special_sig_key  # noqa: SLF001 - the SDK gives the wire's markers no public name
SECRET = rpc._special_secret_sig  # noqa: SLF001 - as above
ASSET = rpc._special_asset_sig  # noqa: SLF001 - as above
ARCHIVE = rpc._special_archive_sig  # noqa: SLF001 - as above
RESOURCE = rpc._special_resource_sig  # noqa: SLF001 - as above
UNKNOWN: str = rpc.UNKNOWN
"""The marker of a value that a preview cannot know."""

MASK = "[secret]"
PropertyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Properties in plain Python.

    Attributes:
        values: whole numbers as int, secrets unwrapped, assets as {"asset": {...}}, resource
            references as {"urn": ..., "id": ...}, unknown values as `UNKNOWN`.
        secrets: the paths whose values were wrapped as secrets.
    """

    values: dict[str, Any]
    secrets: frozenset[PropertyPath]


def decode(struct: struct_pb2.Struct) -> Decoded:
    """Read a request's properties."""
    secrets: set[PropertyPath] = set()
    values = {
        key: _decode(value, (key,), secrets)
        for key, value in struct.fields.items()
        if value.WhichOneof("kind") != "null_value"
    }
    return Decoded(values, frozenset(secrets))


def _decode(value: struct_pb2.Value, path: PropertyPath, secrets: set[PropertyPath]) -> object:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _decode_struct(value.struct_value, path, secrets)
    if kind == "list_value":
        return [
            _decode(item, (*path, index), secrets)
            for index, item in enumerate(value.list_value.values)
        ]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return value.bool_value
    return None


def _decode_struct(
    struct: struct_pb2.Struct, path: PropertyPath, secrets: set[PropertyPath]
) -> object:
    fields = struct.fields
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else None
    if signature == SECRET:
        secrets.add(path)
        return _decode(fields["value"], path, secrets)
    if signature in {ASSET, ARCHIVE}:
        return _decode_asset(fields, path, secrets, signature == ARCHIVE)
    if signature == RESOURCE:
        return {"urn": fields["urn"].string_value, "id": fields["id"].string_value}
    return {key: _decode(item, (*path, key), secrets) for key, item in fields.items()}


def _decode_asset(
    fields: Mapping[str, struct_pb2.Value],
    path: PropertyPath,
    secrets: set[PropertyPath],
    is_archive: bool,
) -> dict[str, Any]:
    """Return an asset with the digest of its content, so that a changed file is a changed asset."""
    content = {
        key: _decode(item, (*path, key), secrets)
        for key, item in fields.items()
        if key != SIGNATURE
    }
    source = content.get("path")
    if isinstance(source, str) and Path(source).is_file():
        content["sha256"] = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    return {"archive" if is_archive else "asset": content}


def encode(values: Mapping[str, Any], secret_keys: Iterable[str] = ()) -> struct_pb2.Struct:
    """Write properties for a response; the named top-level ones are wrapped as secrets."""
    secret = set(secret_keys)
    struct = struct_pb2.Struct()
    for key, value in values.items():
        encoded = _encode(value)
        if key in secret:
            wrapper = struct_pb2.Struct()
            wrapper.fields[SIGNATURE].string_value = SECRET
            wrapper.fields["value"].CopyFrom(encoded)
            encoded = struct_pb2.Value(struct_value=wrapper)
        struct.fields[key].CopyFrom(encoded)
    return struct


def _encode(value: object) -> struct_pb2.Value:
    if value is None:
        return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, Mapping):
        struct = struct_pb2.Struct()
        for key, item in value.items():
            struct.fields[str(key)].CopyFrom(_encode(item))
        return struct_pb2.Value(struct_value=struct)
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return struct_pb2.Value(
            list_value=struct_pb2.ListValue(values=[_encode(item) for item in items])
        )
    return struct_pb2.Value(string_value=str(value))


def masked(value: object, secrets: frozenset[PropertyPath], path: PropertyPath = ()) -> object:
    """Return a copy in which every secret reads `[secret]` and every unknown `[unknown]`."""
    if path in secrets:
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(item, secrets, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, secrets, (*path, index)) for index, item in enumerate(value)]
    return "[unknown]" if value == UNKNOWN else value


def scalars(value: object, path: PropertyPath = ()) -> Iterable[tuple[PropertyPath, object]]:
    """Yield every scalar below a value, with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from scalars(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from scalars(item, (*path, index))
    else:
        yield path, value


def dotted(path: PropertyPath) -> str:
    """Write a path as Pulumi does: `metadataOptions.httpTokens`, `subnetMappings[0].subnetId`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
