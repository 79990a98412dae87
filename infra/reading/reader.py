"""Read a tree of pydantic models and report every problem at once.

Inside `read` a field that is missing or wrong does not stop the others: it is reported and left
unset. Reading it later raises `Unread`, so a rule that compares several fields says nothing about
values that are already reported, while every other rule still speaks.
"""

import difflib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from infra.reading.kinds import Kind

SectionT = TypeVar("SectionT", bound="Section")
Rule = Callable[[SectionT], Iterator["Problem"]]

REQUIRED: Final = object()
"""Stands where a value was to be given and is not."""

_UNREAD: Final = object()
_A_MAP: Final = "a map of keys"
_LONGEST: Final = 200
"""A line of a screen."""


class Unread(AttributeError):  # noqa: N818 - it is a signal to the rules, not an error to a person
    """A field was read that had no acceptable value."""


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


@dataclass(slots=True)
class _Reading:
    """Where a reading stands, and what it has found."""

    written: Callable[[object], str]
    path: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def report(self, raw: object, accepted: str) -> None:
        value = "missing" if raw is REQUIRED else self.written(raw)
        self.problems.append(Problem(".".join(self.path), value, accepted))

    def unknown(self, name: str, known: Sequence[str]) -> None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "one of " + ", ".join(known)
        self.problems.append(Problem(".".join((*self.path, name)), "not a key", hint))


@dataclass(frozen=True, slots=True)
class Named:
    """Marks a field that maps names of a person's own to sections.

    Attributes:
        names: What a name may be.
        most: How many there may be.
    """

    names: Kind[str]
    most: int


class Section(BaseModel):
    """A group of settings.

    Each field is a `Kind`, a section, a section that may be left out, or `Named` sections.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            if name in type(self).model_fields:
                raise Unread(name)
            return super().__getattr__(name)

    @model_validator(mode="wrap")
    @classmethod
    def _read_whole(
        cls, raw: object, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo
    ) -> Self:
        reading = info.context
        if not isinstance(reading, _Reading):
            return handler(raw)
        if not isinstance(raw, Mapping):
            reading.report(raw, _A_MAP)
            raw = dict.fromkeys(cls.model_fields, _UNREAD)
        for name in raw:
            if name not in cls.model_fields:
                reading.unknown(str(name), list(cls.model_fields))
        given = {
            name: raw.get(name, REQUIRED)
            for name, known in cls.model_fields.items()
            if name in raw or known.is_required()
        }
        made = handler(given)
        for name in [name for name, value in vars(made).items() if value is _UNREAD]:
            del vars(made)[name]
        return made

    @field_validator("*", mode="wrap")
    @classmethod
    def _read_one(
        cls, raw: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> object:
        reading = info.context
        if not isinstance(reading, _Reading):
            return handler(raw)
        if raw is _UNREAD or info.field_name is None:
            return _UNREAD
        known = describe(cls.model_fields[info.field_name])
        reading.path.append(info.field_name)
        try:
            if isinstance(known, Parts):
                return known.read(raw, reading)
            if isinstance(known, Part) and (raw is REQUIRED or raw is None):
                return None if known.optional else handler({})
            return handler(raw)
        except ValidationError:
            reading.report(raw, known.accepted)
            return _UNREAD
        finally:
            reading.path.pop()


@dataclass(frozen=True, slots=True)
class Key:
    """One key: how it is read, and what its page says of it."""

    kind: Kind[Any]
    doc: str
    default: Any

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return self.kind.accepted


@dataclass(frozen=True, slots=True)
class Part:
    """A group of keys under one key."""

    section: type[Section]
    doc: str
    optional: bool

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return _A_MAP


@dataclass(frozen=True, slots=True)
class Parts(Part):
    """Groups of the same keys under names that a person chooses."""

    named: Named

    @property
    def accepted(self) -> str:
        """What is accepted, in words."""
        return f"a map of at most {self.named.most} entries, each {self.named.names.accepted}"

    def read(self, raw: object, reading: _Reading) -> object:
        """Read each section under its name; what is no map at all is reported and left unset."""
        if not isinstance(raw, Mapping) or len(raw) > self.named.most:
            reading.report(raw, self.accepted)
            return _UNREAD
        made = {}
        for name, inner in raw.items():
            reading.path.append(str(name))
            try:
                made[self.named.names.parse(name)] = self.section.model_validate(
                    inner, context=reading
                )
            except ValueError as error:
                reading.report(name, str(error))
            finally:
                reading.path.pop()
        return made


def describe(known: FieldInfo) -> Key | Part:
    """Return what a field of a section is."""
    doc = " ".join((known.description or "").split())
    for mark in known.metadata:
        if isinstance(mark, Named):
            section = get_args(known.annotation)[-1]
            return Parts(section, doc, optional=True, named=mark)
        if isinstance(mark, Kind):
            return Key(
                mark,
                doc,
                REQUIRED if known.is_required() else known.get_default(call_default_factory=True),
            )
    for annotation in (known.annotation, *get_args(known.annotation)):
        if isinstance(annotation, type) and issubclass(annotation, Section):
            return Part(annotation, doc, optional=not known.is_required())
    raise TypeError(f"{known} is neither a kind nor a section")


def keys_of(section: type[Section], prefix: str = "") -> Iterator[tuple[str, Key | Part]]:
    """Yield every key of a section and of the sections in it, depth first, with its full path.

    A name that a person chooses is written <name>.
    """
    for name, known in section.model_fields.items():
        entry = describe(known)
        yield prefix + name, entry
        if isinstance(entry, Part):
            chosen = "<name>." if isinstance(entry, Parts) else ""
            yield from keys_of(entry.section, f"{prefix}{name}.{chosen}")


def show(raw: object) -> str:
    """Return a raw value as a person wrote it, cut to one readable line."""
    written = json.dumps(raw, default=str, ensure_ascii=False)
    return written if len(written) <= _LONGEST else written[:_LONGEST] + "..."


def read(
    section: type[SectionT],
    raw: object,
    rules: Iterable[Rule[SectionT]] = (),
    *,
    written: Callable[[object], str] = show,
) -> tuple[SectionT, list[Problem]]:
    """Read one section and everything in it.

    Args:
        section: The model to fill.
        raw: A map of its keys.
        rules: What must hold between its fields; one that needs an unread field stays silent.
        written: How a wrong value is shown.

    Returns:
        The section, complete when the list of problems is empty.
    """
    reading = _Reading(written)
    made = section.model_validate(raw, context=reading)
    return made, [*reading.problems, *apply_rules(made, rules)]


def apply_rules(settings: SectionT, rules: Iterable[Rule[SectionT]]) -> Iterator[Problem]:
    """Run every rule; one that needs an unread field says nothing."""
    for rule in rules:
        try:
            yield from rule(settings)
        except Unread:
            continue
