"""Inputs as a map from dotted paths to simple values, with what is packed inside them unpacked."""

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Mapping
from typing import Any

_PACKED = ("userData", "userDataBase64")


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return every simple value under its dotted path.

    JSON texts (policies, dashboards) are compared key by key, and user data as the text it carries.
    An empty object or list is left out: the provider takes it for one that was not given.
    """
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if key in _PACKED and isinstance(value, str):
            flat[key] = unpacked(value)
        else:
            _walk(value, key, flat)
    return flat


def _walk(value: object, path: str, flat: dict[str, Any]) -> None:
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            _walk(item, f"{path}.{key}", flat)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]", flat)
    elif not isinstance(value, list | Mapping):
        flat[path] = value


def _parsed(text: str) -> object:
    """Return a JSON object or array as what it says; any other text as it is."""
    if text[:1] not in {"{", "["}:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def unpacked(text: str) -> str:
    """Return user data as text: base64 and gzip taken off, as cloud-init does."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text
    try:
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        return raw.decode()
    except (EOFError, OSError, UnicodeDecodeError, zlib.error):
        return text


def top_level(path: str) -> str:
    """Return the input that a dotted path lies in."""
    return path.split(".", 1)[0].split("[", 1)[0]
