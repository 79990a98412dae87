"""What a configuration value may be: a kind parses a raw value and says what it accepts.

The words stand in the error a wrong value gets and in the table of docs/configuration.md, so the
two cannot drift apart.
Values come from YAML (typed) or from `pulumi config set` (always text), so scalars are accepted in
both spellings.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema

T = TypeVar("T")
C = TypeVar("C", bound=int | str)


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of value.

    Attributes:
        accepted: What is accepted, to be read after "accepted: ".
        parse: Turns a raw value into a typed one; raises ValueError for anything else.
    """

    accepted: str
    parse: Callable[[object], T]

    def __get_pydantic_core_schema__(
        self, _source: object, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Make a field of pydantic's out of `Annotated[T, kind]`."""
        return core_schema.no_info_plain_validator_function(self.parse)


def text(pattern: str, accepted: str) -> Kind[str]:
    """Accept text that matches `pattern` as a whole."""
    compiled = re.compile(pattern)

    def parse(raw: object) -> str:
        if not isinstance(raw, str) or not compiled.fullmatch(raw):
            raise ValueError(accepted)
        return raw

    return Kind(accepted, parse)


def checked(check: Callable[[str], object], accepted: str) -> Kind[str]:
    """Accept text that `check` does not refuse with a ValueError."""

    def parse(raw: object) -> str:
        if not isinstance(raw, str):
            raise ValueError(accepted)  # noqa: TRY004 - every kind refuses by ValueError
        check(raw)
        return raw

    return Kind(accepted, parse)


def whole(low: int, high: int, unit: str = "", *, typed: bool = False) -> Kind[int]:
    """Accept a whole number from `low` to `high`, both included; not as text where `typed`."""
    accepted = f"a whole number from {low} to {high}{' ' + unit if unit else ''}"

    def parse(raw: object) -> int:
        value = None
        if isinstance(raw, float) and raw.is_integer():
            # Groups arrive as JSON, which calls 3.0 an integer.
            value = int(raw)
        elif isinstance(raw, int) and not isinstance(raw, bool):
            value = raw
        elif not typed and isinstance(raw, str) and re.fullmatch(r"-?[0-9]{1,12}", raw):
            value = int(raw)
        if value is None or not low <= value <= high:
            raise ValueError(accepted)
        return value

    return Kind(accepted, parse)


def flag() -> Kind[bool]:
    """Accept true or false."""
    accepted = "true or false"
    spellings = {"true": True, "false": False}

    def parse(raw: object) -> bool:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str) and raw in spellings:
            return spellings[raw]
        raise ValueError(accepted)

    return Kind(accepted, parse)


def one_of(*choices: C) -> Kind[C]:
    """Accept one of a few values; a number may also be written as text."""
    spellings = {str(choice): choice for choice in choices}
    accepted = "one of " + ", ".join(spellings)

    def parse(raw: object) -> C:
        if isinstance(raw, float) and raw.is_integer():
            raw = int(raw)
        if isinstance(raw, bool) or not isinstance(raw, int | str) or str(raw) not in spellings:
            raise ValueError(accepted)
        return spellings[str(raw)]

    return Kind(accepted, parse)


def optional(kind: Kind[T]) -> Kind[T | None]:
    """Accept the same kind, or null."""

    def parse(raw: object) -> T | None:
        return None if raw is None else kind.parse(raw)

    return Kind(f"{kind.accepted}, or null", parse)


def many(kind: Kind[T], least: int = 0, most: int = 64) -> Kind[tuple[T, ...]]:
    """Accept a list of `least` to `most` different values of one kind."""
    accepted = f"a list of {least} to {most}, none twice, each {kind.accepted}"

    def parse(raw: object) -> tuple[T, ...]:
        if not isinstance(raw, list | tuple) or not least <= len(raw) <= most:
            raise ValueError(accepted)
        values = tuple(kind.parse(item) for item in raw)
        if any(value in values[:place] for place, value in enumerate(values)):
            raise ValueError(accepted)
        return values

    return Kind(accepted, parse)


def table(name: Kind[str], value: Kind[str], most: int = 40) -> Kind[Mapping[str, str]]:
    """Accept a map of text to text."""
    accepted = f"a map of at most {most} entries, each {name.accepted}: {value.accepted}"

    def parse(raw: object) -> Mapping[str, str]:
        if not isinstance(raw, Mapping) or len(raw) > most:
            raise ValueError(accepted)
        return {name.parse(key): value.parse(item) for key, item in raw.items()}

    return Kind(accepted, parse)


def cidr(longest: int = 32, shortest: int = 0) -> Kind[str]:
    """Accept an IPv4 range in CIDR notation whose host bits are zero."""
    lengths = f"/{shortest} to /{longest}"
    accepted = f"an IPv4 range {lengths} with no host bits set, such as 10.64.0.0/16"

    def parse(raw: object) -> str:
        if not isinstance(raw, str) or "/" not in raw:
            raise ValueError(accepted)
        try:
            network = ipaddress.IPv4Network(raw)
        except ValueError as error:
            raise ValueError(accepted) from error
        if not shortest <= network.prefixlen <= longest:
            raise ValueError(accepted)
        return str(network)

    return Kind(accepted, parse)


def aws_id(prefix: str) -> Kind[str]:
    """Accept an EC2 id such as vpc-0123456789abcdef0."""
    return text(rf"{prefix}-[0-9a-f]{{8,17}}", f"an id {prefix}-...")


def arn(service: str, resource: str) -> Kind[str]:
    """Accept an ARN of one service, its resource part beginning with `resource`."""
    return text(
        rf"arn:aws[a-z-]*:{service}:[a-z0-9-]*:\d{{12}}:{resource}.+",
        f"an ARN of {service} ({resource}...)",
    )
