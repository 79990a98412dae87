"""Reads all settings of the process and reports every problem at once, before anything starts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from app.asr import RivaSettings
from app.gateway.settings.gateway import PREFIXES, GatewaySettings, RecognitionMode
from app.settings import Problem, checked, env_file, nearest, read, unknown_keys

KNOWN_KEYS: Final = GatewaySettings.env_keys() | RivaSettings.env_keys()
"""Every variable that is read."""
OPTIONS: Final = {"APP_HOST": "--host", "APP_PORT": "--port", "APP_GRPC_PORT": "--grpc-port"}
"""Options of the command by the variable that each wins over."""


class ConfigurationError(Exception):
    """The settings cannot be used; each line of the message is one problem.

    Attributes:
        problems: One sentence each.
        unknown: As in a `Configuration`: one of these may have been meant for one that is missing.
    """

    def __init__(self, problems: tuple[str, ...], unknown: tuple[str, ...] = ()) -> None:
        self.problems = problems
        self.unknown = unknown
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All settings of a gateway process.

    Attributes:
        gateway: APP_*, WS_*, AUDIO_*, LOG_*, OTEL_*.
        riva: RIVA_*.
        unknown: Keys of the environment and the file with one of these prefixes that mean nothing.
        options: Of `OPTIONS`, those that were given.
    """

    gateway: GatewaySettings
    riva: RivaSettings
    unknown: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


def load_configuration(
    *,
    file: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    grpc_port: int | None = None,
) -> Configuration:
    """Read the environment and a file of settings; the environment wins over the file.

    Args:
        file: The file; None for `.env` in the working folder, where there is one.
        host: Wins over APP_HOST.
        port: Wins over APP_PORT.
        grpc_port: Wins over APP_GRPC_PORT.

    Raises:
        ConfigurationError: With every problem of every setting.
    """
    found = env_file.find(file)
    if found is not None and (broken := tuple(env_file.problems(found))):
        raise ConfigurationError(broken)
    values = {"app_host": host, "app_port": port, "app_grpc_port": grpc_port}
    given = {name: value for name, value in values.items() if value is not None}
    options = {key: option for key, option in OPTIONS.items() if key.lower() in given}
    source: dict[str, Any] = {"_env_file": found, "_env_file_encoding": env_file.ENCODING}
    gateway, wrong = read(GatewaySettings, **source, **given)
    riva, wrong_of_riva = read(RivaSettings, **source)
    found_wrong = (*wrong, *wrong_of_riva, *checked(_fallback_is_there, gateway, riva))
    problems = [replace(one, key=options.get(one.key, one.key)) for one in found_wrong]
    unknown = unknown_keys(KNOWN_KEYS, (*PREFIXES, "RIVA_"), found)
    if problems:
        raise ConfigurationError(tuple(map(str, problems)), unknown)
    return Configuration(gateway=gateway, riva=riva, unknown=unknown, options=options)


def _fallback_is_there(gateway: GatewaySettings, riva: RivaSettings) -> Iterator[Problem]:
    if gateway.app_recognition is RecognitionMode.FALLBACK and not riva.fallback_endpoints:
        accepted = "on or off while RIVA_FALLBACK_ENDPOINTS is empty"
        yield gateway.problem("app_recognition", str(gateway.app_recognition), accepted)


def meant_by(key: str) -> str | None:
    """Return the key that was perhaps meant by one that means nothing."""
    return nearest(key, KNOWN_KEYS)


def secret_values(configuration: Configuration) -> tuple[str, ...]:
    """Return every configured secret, for the log's redaction."""
    gateway = configuration.gateway
    secrets = [*gateway.auth_tokens(), *gateway.resume_keys(), *gateway.trace_headers().values()]
    for name in type(configuration.riva).model_fields:
        value = getattr(configuration.riva, name)
        if isinstance(value, SecretStr):
            secrets.append(value.get_secret_value())
    secrets.append(configuration.riva.key_in_file())
    return tuple(secret for secret in secrets if secret)
