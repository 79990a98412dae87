"""Reads all settings of the process and reports every problem at once, before anything starts."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from app.asr import RivaSettings, SettingsError
from app.gateway.settings import env_file
from app.gateway.settings.gateway import PREFIXES, GatewaySettings, RecognitionMode

_MASK = "********"
_LONGEST_SHOWN = 120


class ConfigurationError(Exception):
    """The settings cannot be used; each line of the message is one problem."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All settings of a gateway process.

    Attributes:
        gateway: APP_*, WS_*, AUDIO_*, LOG_*.
        riva: RIVA_*.
        unknown: Keys with one of the gateway's prefixes in the file that mean nothing.
    """

    gateway: GatewaySettings
    riva: RivaSettings
    unknown: tuple[str, ...] = ()


def load_configuration(
    *, file: Path | None = None, host: str | None = None, port: int | None = None
) -> Configuration:
    """Read the environment and a file of settings; the environment wins over the file.

    Args:
        file: The file; None for `.env` in the working folder, where there is one.
        host: Wins over APP_HOST.
        port: Wins over APP_PORT.

    Raises:
        ConfigurationError: With every problem of every setting.
    """
    found = env_file.find(file)
    if found is not None and (broken := tuple(env_file.problems(found))):
        raise ConfigurationError(broken)
    options: dict[str, Any] = {"app_host": host, "app_port": port}
    source: dict[str, Any] = {"_env_file": found, "_env_file_encoding": env_file.ENCODING}
    problems: list[str] = []
    gateway = riva = None
    try:
        gateway = GatewaySettings(
            **source, **{name: value for name, value in options.items() if value is not None}
        )
    except ValidationError as error:
        problems.extend(_problems(error))
    else:
        problems.extend(_tls_problems(gateway))
        problems.extend(_buffer_problems(gateway))
    try:
        riva = RivaSettings(**source)
    except SettingsError as error:
        problems.extend(str(problem) for problem in error.problems)
    if gateway is not None and riva is not None:
        problems.extend(_fallback_problems(gateway, riva))
    if problems or gateway is None or riva is None:
        raise ConfigurationError(tuple(problems))
    return Configuration(gateway=gateway, riva=riva, unknown=_unknown_keys(found))


def _problems(error: ValidationError) -> Iterator[str]:
    fields = GatewaySettings.model_fields
    seen: set[str] = set()
    for item in error.errors(include_url=False, include_context=False):
        name = str(item["loc"][0])
        if name in seen:
            continue
        seen.add(name)
        field = fields[name]
        shown = _MASK if field.annotation is SecretStr else _shown(item["input"])
        yield f"{name.upper()} is {shown}; accepted: {field.description}"


def _tls_problems(settings: GatewaySettings) -> Iterator[str]:
    if settings.app_ssl_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            settings.app_ssl_cert, settings.app_ssl_key
        )
    except (OSError, ValueError) as error:
        # ssl.SSLError is an OSError. Its text names no key material.
        yield (
            f"APP_SSL_CERT is {_shown(settings.app_ssl_cert)}; accepted: a PEM certificate chain "
            f"that fits APP_SSL_KEY ({error})"
        )


def _buffer_problems(settings: GatewaySettings) -> Iterator[str]:
    least = 2 * settings.ws_max_message_size_mb
    if settings.ws_buffer_mb < least:
        yield (
            f"WS_BUFFER_MB is {_shown(settings.ws_buffer_mb)}; accepted: at least {least:g}, twice "
            "WS_MAX_MESSAGE_SIZE_MB: one client may have half of it"
        )


def _fallback_problems(gateway: GatewaySettings, riva: RivaSettings) -> Iterator[str]:
    if gateway.app_recognition is RecognitionMode.FALLBACK and not riva.fallback_endpoints:
        yield (
            "APP_RECOGNITION is 'fallback'; accepted: on or off while RIVA_FALLBACK_ENDPOINTS is "
            "empty"
        )


def _shown(value: object) -> str:
    text = "empty" if value is None else repr(str(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _unknown_keys(file: Path | None) -> tuple[str, ...]:
    known = {name.upper() for name in GatewaySettings.model_fields}
    present = frozenset() if file is None else env_file.keys(file)
    return tuple(sorted(key for key in present - known if key.startswith(PREFIXES)))


def secret_values(configuration: Configuration) -> tuple[str, ...]:
    """Return every configured secret, for the log's redaction."""
    secrets = [*configuration.gateway.auth_tokens(), *configuration.gateway.resume_keys()]
    for name in type(configuration.riva).model_fields:
        value = getattr(configuration.riva, name)
        if isinstance(value, SecretStr):
            secrets.append(value.get_secret_value())
    return tuple(secret for secret in secrets if secret)
