"""What the engine sends of a resource, as handlers read it, and their answers as it reads them."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import struct_pb2

from ops.offline.engine import sdk, urns, wire
from ops.offline.engine.recording import Resource, State
from ops.offline.provider.provider import tags_by_default

DEFAULTS: Final = "__defaults"
"""The input in which the provider notes what it filled in itself."""


def read(urn: str, properties: struct_pb2.Struct) -> Resource:
    """Return a resource with its inputs; its name and type are those of its URN."""
    decoded = wire.decode(properties)
    parsed = urns.Urn.parse(urn)
    return Resource(
        urn=urn,
        type=parsed.type,
        name=parsed.name,
        parent="",
        custom=True,
        inputs={key: value for key, value in decoded.values.items() if key != DEFAULTS},
        secret_inputs=decoded.secrets,
    )


def with_values(properties: struct_pb2.Struct, values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return a copy with some values laid over it, secret where they were; None takes one out."""
    secret = {path[0] for path in wire.decode(properties).secrets}
    copied = without(properties, *(key for key, value in values.items() if value is None))
    given = {key: value for key, value in values.items() if value is not None}
    for key, value in wire.encode(given, map(str, secret)).fields.items():
        copied.fields[key].CopyFrom(value)
    return copied


def without(properties: struct_pb2.Struct, *keys: str) -> struct_pb2.Struct:
    """Return a copy without some keys."""
    copied = struct_pb2.Struct()
    copied.CopyFrom(properties)
    for key in keys:
        copied.fields.pop(key, None)
    return copied


def encode(state: State) -> struct_pb2.Struct:
    """Return a state's outputs, with its secrets wrapped."""
    return wire.encode(state.outputs, state.secret_outputs)


def all_tags(
    token: str, inputs: Mapping[str, Any], default: Mapping[str, str]
) -> dict[str, str] | None:
    """Return a resource's tags with the provider's own; None where its type bears none."""
    if "tagsAll" not in sdk.output_types(token):
        return None
    own = inputs.get("tags")
    default = tags_by_default(inputs, default)
    return {**default, **(own if isinstance(own, Mapping) else {})}


def own_tags(
    live: Mapping[str, str], before: Mapping[str, str], default: Mapping[str, str]
) -> dict[str, str]:
    """Return the tags of a read that are the resource's own: the provider's are not the program's.

    Args:
        live: What the service has.
        before: The resource's own tags, as the program gave them.
        default: The provider's.
    """
    return {key: value for key, value in live.items() if key in before or default.get(key) != value}
