"""What is wrong with the recogniser's settings, told all at once and without a secret in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from app.loopback import is_this_machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic.fields import FieldInfo

    from app.asr.settings import RivaSettings

PREFIX = "RIVA_"
MASK = "********"
_LONGEST_VALUE_SHOWN = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One setting that cannot be used.

    Attributes:
        key: the environment variable.
        value: what it holds, as it may be shown: a secret is masked.
        accepted: what it may hold.
    """

    key: str
    value: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.key} is {self.value}; accepted: {self.accepted}"


class SettingsError(Exception):
    """The settings cannot be used; `problems` has every reason.

    Not a ValueError: pydantic would fold it into an error of its own, which prints less.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def env_key(field: str) -> str:
    """The environment variable of a field."""
    return PREFIX + field.upper()


def bracketed(host: str) -> str:
    """An IPv6 address in brackets, as URLs and gRPC targets want it; any other host as it is."""
    return f"[{host}]" if ":" in host else host


def field_problems(
    error: ValidationError, data: Mapping[str, Any], fields: Mapping[str, FieldInfo]
) -> tuple[Problem, ...]:
    """One problem for each field that pydantic refused."""
    names = dict.fromkeys(str(item["loc"][0]) for item in error.errors(include_input=False))
    return tuple(_field_problem(name, data.get(name), fields.get(name)) for name in names)


def _field_problem(name: str, value: object, field: FieldInfo | None) -> Problem:
    if field is None:
        return Problem(key=env_key(name), value=MASK, accepted="no such setting exists")
    secret = field.annotation is SecretStr or isinstance(value, SecretStr)
    return Problem(
        key=env_key(name),
        value=MASK if secret else _shown(value),
        accepted=field.description or "another value",
    )


def _shown(value: object) -> str:
    text = repr(value)
    if len(text) > _LONGEST_VALUE_SHOWN:
        return f"{text[:_LONGEST_VALUE_SHOWN]}... ({len(text)} characters)"
    return text


def cross_problems(settings: RivaSettings, broken: frozenset[str]) -> tuple[Problem, ...]:
    """What does not fit together among keys that are fine by themselves.

    Args:
        settings: values of which each is acceptable by itself.
        broken: keys already reported; nothing is said about them again.
    """
    found = (*_file_problems(settings), *_secret_problems(settings), *_number_problems(settings))
    return tuple(problem for problem in found if problem.key not in broken)


def _file_problems(settings: RivaSettings) -> Iterator[Problem]:
    files = {
        "ssl_cert": settings.ssl_cert,
        "ssl_client_cert": settings.ssl_client_cert,
        "ssl_client_key": settings.ssl_client_key,
    }
    fields = type(settings).model_fields
    for name, path in files.items():
        if path is None:
            continue
        if not settings.ssl:
            yield Problem(
                key=env_key(name), value=_shown(str(path)), accepted="empty while RIVA_SSL is false"
            )
        elif not _readable(path):
            yield Problem(
                key=env_key(name), value=_shown(str(path)), accepted=str(fields[name].description)
            )
    if (settings.ssl_client_cert is None) != (settings.ssl_client_key is None):
        missing = "ssl_client_cert" if settings.ssl_client_cert is None else "ssl_client_key"
        yield Problem(
            key=env_key(missing),
            value="empty",
            accepted="a path: client certificate and key are given together or not at all",
        )


def _readable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.R_OK)


def _secret_problems(settings: RivaSettings) -> Iterator[Problem]:
    key = settings.api_key.get_secret_value()
    if not key:
        return
    field = type(settings).model_fields["api_key"]
    usable = key.isascii() and key.isprintable() and " " not in key
    everywhere = (*settings.addresses, *settings.fallback_endpoints)
    stays_here = all(is_this_machine(address.host) for address in everywhere)
    if not usable or not (settings.ssl or stays_here):
        yield Problem(key=env_key("api_key"), value=MASK, accepted=str(field.description))


def _number_problems(settings: RivaSettings) -> Iterator[Problem]:
    fields = type(settings).model_fields
    if settings.chunk_size_bytes % 2:
        yield Problem(
            key=env_key("chunk_size_bytes"),
            value=str(settings.chunk_size_bytes),
            accepted=str(fields["chunk_size_bytes"].description),
        )
    if settings.chunk_size_bytes >= settings.max_message_bytes:
        yield Problem(
            key=env_key("chunk_size_bytes"),
            value=str(settings.chunk_size_bytes),
            accepted=f"less than RIVA_MAX_MESSAGE_BYTES ({settings.max_message_bytes})",
        )
    places = settings.channels * settings.max_streams_per_channel
    if settings.endpoint_streams > places:
        yield Problem(
            key=env_key("endpoint_streams"),
            value=str(settings.endpoint_streams),
            accepted=f"at most RIVA_CHANNELS x RIVA_MAX_STREAMS_PER_CHANNEL ({places})",
        )
    early, final = settings.endpointing_stop_history_eou_ms, settings.endpointing_stop_history_ms
    if early is not None and final is not None and early >= final:
        yield Problem(
            key=env_key("endpointing_stop_history_eou_ms"),
            value=str(early),
            accepted=str(fields["endpointing_stop_history_eou_ms"].description),
        )
