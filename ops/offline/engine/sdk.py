"""What the provider's Python SDK knows of a type: its outputs and their shapes."""

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, get_args, get_origin

from pulumi import _types

_DEPTH = 3
"""How deep nested outputs are filled; nothing that a program reads lies deeper."""


TypeForm: TypeAlias = Any
"""A type or a generic alias; typing has no name for both yet."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """How to fill each simple kind of value: from the dotted path; None leaves the value out."""

    text: Callable[[str], str]
    number: Callable[[str], float | None]
    flag: Callable[[str], bool | None]


@contextmanager
def quiet_deprecations() -> Iterator[None]:
    """Import packages of the AWS SDK without its warnings of its own deprecated classes.

    It warns whenever a service's package is imported, used or not. A program that uses such a class
    is told by the SDK's log, which the recording keeps.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"(aws|s3)\..* has been deprecated", DeprecationWarning)
        yield


@cache
def output_types(token: str) -> Mapping[str, Any]:
    """Return a type's declared outputs by Pulumi name; none where no installed SDK has it."""
    cls = _class_of(token)
    return {} if cls is None else dict(_types.resource_types(cls))


def _class_of(token: str) -> type | None:
    package, module, name = token.split(":")
    if package in {"pulumi", "pulumi-nodejs"}:
        return None
    path = f"pulumi_{package.replace('-', '_')}"
    submodule = module.split("/")[0]
    if submodule != "index":
        path = f"{path}.{submodule}"
    try:
        with quiet_deprecations():
            cls = getattr(importlib.import_module(path), name, None)
    except ModuleNotFoundError:
        return None
    return cls if isinstance(cls, type) else None


@cache
def input_names(token: str) -> frozenset[str]:
    """Return the Pulumi names of a type's inputs; none where no installed SDK has it."""
    cls = _class_of(token)
    if cls is None:
        return frozenset()
    # Beside the class; another name where a block inside some type has taken the first.
    beside, name = sys.modules[cls.__module__], cls.__name__
    arguments = getattr(beside, f"{name}InitArgs", None) or getattr(beside, f"{name}Args")
    return frozenset(_types.input_type_py_to_pulumi_names(arguments).values())


def fill(token: str, given: Mapping[str, Any], leaves: Leaves, label: str) -> dict[str, Any]:
    """Return the declared outputs that are not given, filled by `leaves`.

    Tags are left out: a tag nobody set does not exist.
    """
    filled: dict[str, Any] = {}
    for key, declared in output_types(token).items():
        if key in given or key in {"tags", "tagsAll"}:
            continue
        value = _fill(declared, leaves, f"{label}.{key}", 0)
        if value is not None:
            filled[key] = value
    return filled


def _fill(declared: TypeForm, leaves: Leaves, path: str, depth: int) -> object:
    kind: TypeForm = _types.unwrap_optional_type(declared)
    origin: object = get_origin(kind)
    if origin in {list, Sequence} or kind is list:
        arguments = get_args(kind)
        item = _fill(arguments[0], leaves, path, depth + 1) if arguments else None
        return None if item is None else [item]
    if origin in {dict, Mapping} or kind is dict:
        return {}
    if _types.is_output_type(kind):
        return _fill_parts(kind, leaves, path, depth) if depth < _DEPTH else None
    simple: dict[object, Callable[[str], object]] = {
        bool: leaves.flag,
        int: leaves.number,
        float: leaves.number,
        str: leaves.text,
    }
    return simple[kind](path) if kind in simple else None


def _fill_parts(kind: TypeForm, leaves: Leaves, path: str, depth: int) -> dict[str, object]:
    parts = {
        key: _fill(inner, leaves, f"{path}.{key}", depth + 1)
        for key, inner in _types.output_type_types(kind).items()
    }
    return {key: value for key, value in parts.items() if value is not None}
