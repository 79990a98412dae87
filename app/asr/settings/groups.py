"""Recognisers for further languages, as RIVA_GROUPS names them."""

import json
from collections.abc import Mapping
from typing import Annotated, Final

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)
from pydantic_settings import NoDecode

from app.asr.addresses import Address, checked_host, parse_addresses
from app.settings import Parts

LANGUAGE_PATTERN: Final = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"

DEFAULT_GROUP: Final = "default"
"""The group of RIVA_ENDPOINTS, which takes what no other is named for."""

_MOST_GROUPS: Final = 16
"""Each is a label of metrics, and is probed by itself."""

_NAMES: Final = (
    "1 to 32 small letters, digits and underscores, a letter first; not default and not fallback"
)


def _addresses(value: object) -> object:
    """Parse endpoints as RIVA_ENDPOINTS names them, or a list of them."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ",".join(value)
    return parse_addresses(value) if isinstance(value, str) else value


def _each_once(languages: tuple[str, ...]) -> tuple[str, ...]:
    if len({language.lower() for language in languages}) < len(languages):
        raise ValueError("a language stands there twice")
    return languages


def _server_name(name: str | None) -> str | None:
    return None if name is None else checked_host(name)


Language = Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN)]


class GroupSettings(BaseModel):
    """One group: recognisers that serve the same models, for languages of their own.

    Attributes:
        languages: those that it is asked for; the first is meant where a caller names its model
            alone.
        endpoints: where they are.
        model: what is asked for where a caller names no model; "" leaves the choice to them.
        ssl: TLS to them, with the files of RIVA_SSL_CERT and beside; None follows RIVA_SSL.
        ssl_server_name: the name in their certificate; None for that of the endpoint.
        endpoint_streams: streams each takes at the same time; None for RIVA_ENDPOINT_STREAMS.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    languages: Annotated[
        tuple[Language, ...], MinLen(1), MaxLen(64), AfterValidator(_each_once)
    ] = Field(description="a list of 1 to 64 BCP 47 codes such as de-DE, each once")
    endpoints: Annotated[tuple[Address, ...], BeforeValidator(_addresses), MinLen(1)] = Field(
        description="one recogniser or more, as RIVA_ENDPOINTS names them, or a list of such"
    )
    model: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        "", description="exact name of a model these recognisers list, or an empty text"
    )
    ssl: Annotated[bool, Field(strict=True)] | None = Field(
        None, description="true or false: TLS to them; null follows RIVA_SSL"
    )
    ssl_server_name: Annotated[str | None, AfterValidator(_server_name)] = Field(
        None, description="name in their certificate, without a port or a scheme, or null"
    )
    endpoint_streams: Annotated[int, Field(strict=True), Ge(0), Le(100_000)] | None = Field(
        None,
        description="0 to 100000: most streams at the same time at each, 0 unknown; "
        "null takes RIVA_ENDPOINT_STREAMS",
    )


def _groups(value: object) -> object:
    """Parse the JSON of RIVA_GROUPS; a mapping passes as it is.

    Raises:
        ValueError: it is no JSON, or names a group twice.
    """
    if not isinstance(value, str):
        return value
    return json.loads(value, object_pairs_hook=_unique) if value.strip() else {}


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _none_is_reserved(name: str) -> str:
    if name in (DEFAULT_GROUP, "fallback"):
        raise ValueError("the name has a meaning")
    return name


_Name = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$"), AfterValidator(_none_is_reserved)
]

Groups = Annotated[
    Mapping[_Name, GroupSettings],
    NoDecode,
    BeforeValidator(_groups),
    MaxLen(_MOST_GROUPS),
    Parts(GroupSettings, _NAMES),
]
