"""Reads settings: fields first, then what fields must have in common, as far as they are right.

pydantic checks each field by itself and stops there. A rule between fields is run afterwards over
what could be read; one that comes to a field which could not says nothing, for that field is
reported already, and its default is nobody's value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from inspect import getattr_static
from types import FunctionType
from typing import Any, Final, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings.env_file import DEFAULT, ENCODING

MASK: Final = "********"
_LONGEST_SHOWN: Final = 120

S = TypeVar("S", bound="Settings")
Rule = TypeVar("Rule", bound=Callable[[Any], Iterator["Problem"]])

_RULES: Final[set[object]] = set()


@dataclass(frozen=True, slots=True)
class Parts:
    """Marks a field that maps names to settings of their own, each problem of which is named.

    Attributes:
        of: What each name stands for.
        names: What a name may be.
    """

    of: type[BaseModel]
    names: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One setting that cannot be used.

    Attributes:
        key: The environment variable.
        value: What it holds, as it may be shown: a secret is masked.
        accepted: What it may hold.
    """

    key: str
    value: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.key} is {self.value}; accepted: {self.accepted}"


class SettingsError(Exception):
    """The settings cannot be used.

    Not a ValueError: pydantic would fold it into an error of its own, which prints less.

    Attributes:
        problems: Every reason.
        readable: The settings as far as they are right: to read another field raises UnreadError.
    """

    def __init__(self, problems: Iterable[Problem], readable: object) -> None:
        self.problems = tuple(problems)
        self.readable = readable
        super().__init__("\n".join(map(str, self.problems)))


class UnreadError(Exception):
    """A rule came to a field without an acceptable value, and has nothing to say."""


class _Readable:
    """Settings of which some fields could not be read."""

    def __init__(self, settings: "Settings", broken: frozenset[str]) -> None:
        self._settings = settings
        self._broken = broken

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - fields are of any type
        if name in self._broken:
            raise UnreadError(name)
        found = getattr_static(type(self._settings), name, None)
        if isinstance(found, property) and found.fget is not None:
            return found.fget(self)
        return getattr(self._settings, name)


def rule(check: Rule) -> Rule:
    """Mark a method of `Settings` that yields what does not fit together among its fields."""
    _RULES.add(check)
    return check


class Settings(BaseSettings):
    """A group of settings; the environment wins over the file.

    A field's description says what it accepts, in the words of a problem report.

    Raises:
        SettingsError: With every problem: key, value (a secret's is masked), what is accepted.
    """

    model_config = SettingsConfigDict(
        env_file=DEFAULT,
        env_file_encoding=ENCODING,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    @classmethod
    def env_key(cls, field: str) -> str:
        """Return the environment variable of a field."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()

    @classmethod
    def env_keys(cls) -> frozenset[str]:
        """Return every variable that is read."""
        return frozenset(map(cls.env_key, cls.model_fields))

    @classmethod
    def problem(cls, field: str, value: object, accepted: str | None = None) -> Problem:
        """Return what is wrong with a field.

        Args:
            field: Its name.
            value: What it holds.
            accepted: What it may hold; None for what its description says.
        """
        info = cls.model_fields[field]
        is_secret = info.annotation is SecretStr or isinstance(value, SecretStr)
        return Problem(
            key=cls.env_key(field),
            value=MASK if is_secret else _shown(value),
            accepted=accepted or info.description or "another value",
        )

    @classmethod
    def part_problem(
        cls, field: str, path: tuple[str, str], value: object, accepted: str
    ) -> Problem:
        """Return what is wrong with one of a field's `Parts`.

        Args:
            field: Its name.
            path: The part's name, and which of its own fields.
            value: What that holds.
            accepted: What it may hold.
        """
        key = f"{cls.env_key(field)}: {'.'.join(path)}"
        return Problem(key=key, value=_shown(value), accepted=accepted)

    @model_validator(mode="wrap")
    @classmethod
    def _report_everything(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - pydantic hands over whatever the sources gave
        wrong: tuple[Problem, ...] = ()
        broken: frozenset[str] = frozenset()
        try:
            settings = handler(data)
        except ValidationError as error:
            wrong = tuple(_field_problems(cls, error, data))
            broken = frozenset(str(item["loc"][0]) for item in error.errors(include_input=False))
            settings = handler({name: one for name, one in data.items() if name not in broken})
        readable = _Readable(settings, broken)
        found = [*wrong, *(one for check in _rules(cls) for one in checked(check, readable))]
        if found:
            raise SettingsError(found, readable)
        return settings


def _rules(kind: type[Settings]) -> Iterator[Callable[[Any], Iterator[Problem]]]:
    for base in reversed(kind.__mro__):
        for member in vars(base).values():
            if isinstance(member, FunctionType) and member in _RULES:
                yield member


def _field_problems(
    kind: type[Settings], error: ValidationError, data: Mapping[str, Any]
) -> Iterator[Problem]:
    found: dict[str, Problem] = {}
    for item in error.errors():
        name, *path = map(str, item["loc"])
        info = kind.model_fields[name]
        parts = next((one for one in info.metadata if isinstance(one, Parts)), None)
        one = (
            _problem_of_part(kind.env_key(name), parts, path, item["input"])
            if parts is not None and path
            else kind.problem(name, data.get(name, info.default))
        )
        found.setdefault(one.key, one)
    yield from found.values()


def _problem_of_part(key: str, parts: Parts, path: list[str], value: object) -> Problem:
    """Return what is wrong with one of a field's parts, or with a field of that."""
    part, *rest = path
    if rest == ["[key]"]:
        return Problem(
            key=f"{key}: the name {part[:_LONGEST_SHOWN]}",
            value=_shown(value),
            accepted=parts.names,
        )
    fields = parts.of.model_fields
    if not rest:
        return Problem(
            key=f"{key}: {part}", value=_shown(value), accepted=f"an object with {_listed(fields)}"
        )
    info = fields.get(rest[0])
    if info is None:
        accepted = f"no such key; known are {_listed(fields)}"
        return Problem(key=f"{key}: {part}.{rest[0]}", value=_shown(value), accepted=accepted)
    is_missing = len(rest) == 1 and info.is_required() and isinstance(value, dict)
    return Problem(
        key=f"{key}: {part}.{rest[0]}",
        value=_shown(None if is_missing else value),
        accepted=info.description or "another value",
    )


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(fields)


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    text = repr(value)
    if len(text) > _LONGEST_SHOWN:
        return f"{text[:_LONGEST_SHOWN]}... ({len(text)} characters)"
    return text


def checked(check: Callable[..., Iterator[Problem]], *settings: object) -> tuple[Problem, ...]:
    """Return what a rule finds, up to where it comes to a field that could not be read."""
    found: list[Problem] = []
    with suppress(UnreadError):
        found.extend(check(*settings))
    return tuple(found)


def read(kind: type[S], **sources: Any) -> tuple[S, tuple[Problem, ...]]:  # noqa: ANN401 - values of any field
    """Return settings as far as they are right, for `checked` alone where there are problems.

    Args:
        kind: Which.
        sources: As the class itself takes them.
    """
    try:
        return kind(**sources), ()
    except SettingsError as error:
        return cast("S", error.readable), error.problems
