"""Reads a tree of frozen dataclasses from raw configuration and reports every problem at once.

A section is a frozen dataclass whose fields are made by `key`, `part` or `optional_part`. A field
that could not be read is left unset, and reading it later raises `Unread`: a rule that compares
several fields then says nothing about values that are already reported, while every other rule
still speaks.
"""

import dataclasses
import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from infra.config.kinds import Kind

T = TypeVar("T")
SectionT = TypeVar("SectionT", bound="Section")

REQUIRED: Final = cast("Any", object())
"""Marks a key without a default."""

_KEY: Final = "key"
_PART: Final = "part"


class Unread(AttributeError):  # noqa: N818 - it is a signal to the rules, not an error to a person
    """A field was read that had no acceptable value."""


class Section:
    """Base of every group of settings."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            raise Unread(name)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration.

    Attributes:
        key: The key a person has to change, such as `network.zones`.
        value: What stands there, as text; never a secret.
        accepted: What would be accepted.
    """

    key: str
    value: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.key} is {self.value}; accepted: {self.accepted}"


@dataclass(frozen=True, slots=True)
class Key:
    """One configuration key: how it is read, and what docs/configuration.md says of it."""

    kind: Kind[Any]
    doc: str
    default: Any


@dataclass(frozen=True, slots=True)
class Part:
    """A group of keys under one key."""

    section: type[Section]
    doc: str
    optional: bool


def key(kind: Kind[T], doc: str, *, default: T = REQUIRED) -> T:
    """A field of a section, read as `kind`; without a default it must be given."""
    return cast("T", dataclasses.field(metadata={_KEY: Key(kind, doc, default)}))


def part(section: type[SectionT], doc: str) -> SectionT:
    """A field that is itself a section; when the key is absent every default in it holds."""
    return cast("SectionT", dataclasses.field(metadata={_PART: Part(section, doc, optional=False)}))


def optional_part(section: type[SectionT], doc: str) -> SectionT | None:
    """A field that is a section or, when the key is absent, None."""
    return cast(
        "SectionT | None", dataclasses.field(metadata={_PART: Part(section, doc, optional=True)})
    )


def keys_of(section: type[Section], prefix: str = "") -> Iterator[tuple[str, Key | Part]]:
    """Every key of a section and of the sections in it, depth first, with its full path."""
    for field in dataclasses.fields(cast("Any", section)):
        path = prefix + field.name
        if _KEY in field.metadata:
            yield path, field.metadata[_KEY]
        elif _PART in field.metadata:
            inner: Part = field.metadata[_PART]
            yield path, inner
            yield from keys_of(inner.section, path + ".")


def show(raw: object) -> str:
    """A raw value as a person wrote it, cut to one readable line."""
    written = "missing" if raw is REQUIRED else json.dumps(raw, default=str, ensure_ascii=False)
    return written if len(written) <= 200 else written[:200] + "..."  # noqa: PLR2004 - one screen line


def read_section(
    section: type[SectionT], raw: object, problems: list[Problem], prefix: str = ""
) -> SectionT:
    """Read one section.

    Args:
        section: The dataclass to fill.
        raw: A map of its keys.
        problems: Receives what is wrong; a field named there is left unset in the result.
        prefix: Path of the section with a trailing dot, "" at the top.
    """
    made = object.__new__(section)
    if not isinstance(raw, Mapping):
        problems.append(Problem(prefix.rstrip("."), show(raw), "a map of keys"))
        return made
    fields = {
        field.name: field
        for field in dataclasses.fields(cast("Any", section))
        if field.metadata.keys() & {_KEY, _PART}
    }
    problems.extend(_unknown(raw, fields, prefix))
    for name, field in fields.items():
        given = raw.get(name, REQUIRED)
        path = prefix + name
        try:
            value = (
                _read_part(field.metadata[_PART], given, problems, path)
                if _PART in field.metadata
                else _read_key(field.metadata[_KEY], given)
            )
        except ValueError:
            problems.append(Problem(path, show(given), field.metadata[_KEY].kind.accepted))
        else:
            object.__setattr__(made, name, value)
    return made


def _unknown(
    raw: Mapping[Any, object], fields: Mapping[str, object], prefix: str
) -> Iterator[Problem]:
    for name in raw:
        if name not in fields:
            near = difflib.get_close_matches(str(name), list(fields), n=1)
            hint = f"did you mean {near[0]}?" if near else "one of " + ", ".join(fields)
            yield Problem(f"{prefix}{name}", "not a key", hint)


def _read_key(known: Key, given: object) -> object:
    if given is not REQUIRED:
        return known.kind.parse(given)
    if known.default is REQUIRED:
        raise ValueError(known.kind.accepted)
    return known.default


def _read_part(known: Part, given: object, problems: list[Problem], path: str) -> object:
    absent = given is REQUIRED or given is None
    if known.optional and absent:
        return None
    return read_section(known.section, {} if absent else given, problems, f"{path}.")


def apply_rules(
    settings: SectionT,
    rules: Iterable[Callable[[SectionT], Iterator[Problem]]],
    problems: list[Problem],
) -> None:
    """Run every rule; one that needs an unreadable field stays silent about it."""
    for rule in rules:
        try:
            problems.extend(rule(settings))
        except Unread:
            continue
