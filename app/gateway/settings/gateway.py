"""The gateway's settings: environment variables APP_*, WS_*, AUDIO_*, LOG_*, or the same in `.env`.

Every key has an effect. Each field's description says what it accepts, in the words a problem
report uses.
"""

from collections.abc import Callable
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Final

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_settings import NoDecode, SettingsConfigDict

from app.contract import limits
from app.gateway.admission.hosts import checked_entry
from app.gateway.settings.frames import IncomingSettings
from app.gateway.settings.types import (
    HostName,
    OptionalPath,
    OptionalSeconds,
    Seconds,
    empty_is_none,
)
from app.gateway.settings.uploads import UploadSettings

PREFIXES: Final = ("APP_", "WS_", "AUDIO_", "LOG_")
MIN_TOKEN_CHARS: Final = 16
"""Below this a token can be guessed; `openssl rand -hex 16` gives 32."""
MIN_RESUME_KEY_CHARS: Final = 32
"""128 bits where the key is hexadecimal, as `openssl rand -hex 16` writes it."""


class LogLevel(StrEnum):
    """Least severe level that is written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    CONSOLE = "console"


class RecognitionMode(StrEnum):
    """Whether sessions are taken, and which recognisers they go to."""

    ON = "on"
    OFF = "off"
    FALLBACK = "fallback"


def _list(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip())
        if isinstance(value, str)
        else value
    )


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _readable_file(path: Path | None) -> Path | None:
    if path is None:
        return None
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(error.strerror) from error


def _with_certificate(path: Path | None, info: ValidationInfo) -> Path | None:
    # A broken certificate is already in info.data as missing; it is reported by itself.
    if "app_ssl_cert" in info.data and (path is None) != (info.data["app_ssl_cert"] is None):
        raise ValueError("certificate and key are given together or not at all")
    return path


def _none_or_real_time(factor: float) -> float:
    if 0 < factor < 1:
        raise ValueError("a microphone could not keep up")
    return factor


def _secrets(shortest: int) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        _check_secrets(split_tokens(value.get_secret_value()), shortest)
        return value

    return check


def _file_of_secrets(shortest: int) -> Callable[[Path | None], Path | None]:
    def check(path: Path | None) -> Path | None:
        if path is not None:
            secrets = split_tokens(path.read_text(encoding="utf-8"))
            if not secrets:
                # Read as "no token is asked for", an empty file would open the door.
                raise ValueError("nothing stands in the file")
            _check_secrets(secrets, shortest)
        return path

    return check


def _check_secrets(secrets: tuple[str, ...], shortest: int) -> None:
    for secret in secrets:
        if len(secret) < shortest or not (secret.isascii() and secret.isprintable()):
            raise ValueError("one is too short or has characters a header cannot carry")


def split_tokens(text: str) -> tuple[str, ...]:
    """Split a list of tokens or keys at commas and line ends."""
    return tuple(part.strip() for part in text.replace("\n", ",").split(",") if part.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_list)]
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(checked_entry)], ...], NoDecode, BeforeValidator(_list)
]
OptionalFile = Annotated[
    Path | None, BeforeValidator(empty_is_none), AfterValidator(_readable_file)
]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_list)]
PerMinute = Annotated[float, Ge(0), Le(1_000_000)]
OptionalRate = Annotated[
    Annotated[int, Ge(limits.MIN_SAMPLE_RATE_HZ), Le(limits.MAX_SAMPLE_RATE_HZ)] | None,
    BeforeValidator(empty_is_none),
]


class GatewaySettings(UploadSettings, IncomingSettings):
    """Everything an operator may change; the environment wins over `.env`."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    app_host: HostName = Field("0.0.0.0", description="an address or a name to listen on")  # noqa: S104 - behind a load balancer
    app_port: Annotated[int, Ge(0), Le(65_535)] = Field(
        8080, description="a port from 0 to 65535; 0 takes a free one and logs it"
    )
    app_admin_host: HostName = Field(
        "127.0.0.1",
        description="an address or a name for the administrative listener to listen on",
    )
    app_admin_port: Annotated[
        Annotated[int, Ge(0), Le(65_535)] | None, BeforeValidator(empty_is_none)
    ] = Field(
        None,
        description="empty for no administrative listener, or its port from 0 to 65535; 0 takes a "
        "free one and logs it",
    )
    app_ssl_cert: OptionalFile = Field(
        None, description="empty, or a readable file with the certificate chain (PEM)"
    )
    app_ssl_key: Annotated[OptionalFile, AfterValidator(_with_certificate)] = Field(
        None,
        validate_default=True,
        description="empty, or a readable file with the key (PEM); "
        "given with APP_SSL_CERT or not at all",
    )
    app_auth_tokens: Annotated[SecretStr, AfterValidator(_secrets(MIN_TOKEN_CHARS))] = Field(
        SecretStr(""),
        description=f"empty, or bearer tokens of {MIN_TOKEN_CHARS} or more printable characters, "
        "separated by commas",
    )
    app_auth_tokens_file: Annotated[
        OptionalFile, AfterValidator(_file_of_secrets(MIN_TOKEN_CHARS))
    ] = Field(
        None,
        description="empty, or a readable file with one bearer token "
        f"of {MIN_TOKEN_CHARS} or more printable characters a line",
    )
    app_allowed_origins: Names = Field(
        (),
        description="empty for any, or browser origins such as https://example.org, "
        "separated by commas",
    )
    app_allowed_hosts: Hosts = Field(
        (),
        description="the names clients connect by, such as speech.example.org, separated by "
        "commas; *.example.org is every name below one, * every name; addresses and localhost are "
        "always accepted, and where this is empty names without a dot",
    )
    app_trusted_proxies: Networks = Field(
        (),
        description="empty for none, or the load balancers' networks such as 10.0.0.0/20, "
        "separated by commas: the last X-Forwarded-For entry of a request from there is believed",
    )
    app_riva_label: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        "riva", description="1 to 64 characters: the recogniser's public name; never its address"
    )
    app_ready_probe_interval_s: Seconds = Field(
        2.0, description="seconds between readiness checks of the recogniser, above 0, to 86400"
    )
    app_recognition: Annotated[RecognitionMode, BeforeValidator(_lower)] = Field(
        RecognitionMode.ON,
        description="on, off or fallback: off takes no sessions, fallback sends them to "
        "RIVA_FALLBACK_ENDPOINTS",
    )
    app_recognition_file: OptionalPath = Field(
        None,
        description="empty, or a file with one of these words, looked at every second; it wins "
        "over APP_RECOGNITION as long as it says one",
    )
    app_resume_keys: Annotated[SecretStr, AfterValidator(_secrets(MIN_RESUME_KEY_CHARS))] = Field(
        SecretStr(""),
        description=f"empty, or keys of {MIN_RESUME_KEY_CHARS} or more printable characters, "
        "separated by commas: the first signs resume tokens, all are accepted; the same for every "
        "gateway of the environment",
    )
    app_resume_keys_file: Annotated[
        OptionalFile, AfterValidator(_file_of_secrets(MIN_RESUME_KEY_CHARS))
    ] = Field(
        None,
        description="empty, or a readable file with one such key "
        f"of {MIN_RESUME_KEY_CHARS} or more printable characters a line",
    )
    app_resume_window_s: Seconds = Field(
        120.0, description="seconds above 0, to 86400, that a resume token is good for"
    )
    app_drain_grace_s: OptionalSeconds = Field(
        5.0,
        description="seconds from 0 to 86400 that sessions may go on by themselves after SIGTERM",
    )
    app_drain_timeout_s: Seconds = Field(
        20.0, description="seconds above 0, to 86400, from SIGTERM to the end, the grace included"
    )
    app_keep_alive_s: Annotated[int, Ge(1), Le(4000)] = Field(
        400,
        description="whole seconds from 1 to 4000 that an idle HTTP connection is kept; more than "
        "the load balancer's idle timeout, or it sends requests into closing connections",
    )
    app_max_http_connections: Annotated[int, Ge(1), Le(100_000)] = Field(
        512,
        description="a whole number from 1 to 100000: open connections that are no WebSockets; one "
        "more takes the place of the one that has read nothing, or else was idle, for longest",
    )

    ws_max_connections: Annotated[int, Ge(1), Le(100_000)] = Field(
        100, description="a whole number from 1 to 100000"
    )
    ws_max_concurrent_sessions: Annotated[int, Ge(1), Le(100_000)] = Field(
        50, description="a whole number from 1 to 100000"
    )
    ws_waiting_room: Annotated[int, Ge(0), Le(10_000)] = Field(
        50,
        description="a whole number from 0 to 10000: clients that may wait when all sessions are "
        "in use, where they ask to; 0 for none",
    )
    ws_max_sessions_per_client: Annotated[int, Ge(0), Le(100_000)] = Field(
        0,
        description="a whole number from 0 to 100000: sessions of one token, or of one address "
        "where no token is asked for; 0 means no limit",
    )
    ws_client_share: Annotated[float, Gt(0), Le(1)] = Field(
        0.5,
        description="a number above 0, to 1: of the connections and of the sessions, what one "
        "client may have at once: one token, or one address where no token is asked for; 1 means "
        "no limit",
    )
    ws_new_sessions_per_minute: PerMinute = Field(
        0.0,
        description="a number from 0 to 1000000: sessions begun, over all clients; "
        "0 means no limit",
    )
    ws_client_new_sessions_per_minute: PerMinute = Field(
        0.0,
        description="a number from 0 to 1000000: sessions begun by one client; 0 means no limit",
    )
    ws_client_resumes_per_minute: PerMinute = Field(
        120.0,
        description="a number from 0 to 1000000: sessions one client goes on with by a resume "
        "token; 0 means no limit",
    )
    ws_max_message_size_mb: Annotated[float, Gt(0), Le(64)] = Field(
        10.0, description="a number above 0, to 64: largest message in MiB"
    )
    ws_ping_interval_s: Seconds = Field(
        30.0, description="seconds between keep-alive pings, above 0, to 86400"
    )
    ws_ping_timeout_s: Seconds = Field(
        20.0, description="seconds to wait for the answer to a ping, above 0, to 86400"
    )
    ws_frame_ms: Annotated[int, Ge(10), Le(1000)] = Field(
        100, description="a whole number from 10 to 1000: the message length advised to clients"
    )
    ws_idle_timeout_s: OptionalSeconds = Field(
        300.0, description="seconds from 0 to 86400 without any message; 0 means no limit"
    )
    ws_max_session_s: OptionalSeconds = Field(
        7200.0, description="seconds from 0 to 86400 a session may last; 0 means no limit"
    )
    ws_warning_s: OptionalSeconds = Field(
        60.0,
        description="seconds from 0 to 86400 of warning before a session or connection is ended",
    )
    ws_send_timeout_s: Seconds = Field(
        10.0, description="seconds above 0, to 86400, a client may leave results or answers unread"
    )
    ws_stall_timeout_s: Seconds = Field(
        30.0, description="seconds above 0, to 86400, the recogniser may take no audio"
    )
    ws_final_timeout_s: Seconds = Field(
        30.0, description="seconds above 0, to 86400, from the end of audio to the last result"
    )
    ws_control_rate: Annotated[float, Gt(0), Le(10_000)] = Field(
        20.0, description="control messages per second, above 0, to 10000"
    )
    ws_control_burst: Annotated[int, Ge(1), Le(100_000)] = Field(
        100, description="a whole number from 1 to 100000: control messages in a burst"
    )

    audio_sample_rate: Annotated[
        int, Ge(limits.MIN_SAMPLE_RATE_HZ), Le(limits.MAX_SAMPLE_RATE_HZ)
    ] = Field(
        limits.DEFAULT_SAMPLE_RATE_HZ,
        description=f"a whole number from {limits.MIN_SAMPLE_RATE_HZ} to "
        f"{limits.MAX_SAMPLE_RATE_HZ}: the rate of clients that name none",
    )
    audio_riva_sample_rate: OptionalRate = Field(
        None,
        description="empty to hand audio on as it comes, or a whole number from "
        f"{limits.MIN_SAMPLE_RATE_HZ} to {limits.MAX_SAMPLE_RATE_HZ} to resample to",
    )
    audio_queue_s: Annotated[float, Ge(0.2), Le(60)] = Field(
        5.0, description="seconds from 0.2 to 60 of audio that may wait for the recogniser"
    )
    audio_max_realtime_factor: Annotated[
        float, Ge(0), Le(1000), AfterValidator(_none_or_real_time)
    ] = Field(
        20.0,
        description="0 for no limit, or a number from 1 to 1000: faster audio is slowed down",
    )
    audio_realtime_burst_s: OptionalSeconds = Field(
        60.0, description="seconds from 0 to 86400 of audio that may come at any speed"
    )

    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = Field(
        LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = Field(
        LogFormat.JSON, description="json or console"
    )

    @property
    def max_message_bytes(self) -> int:
        """Largest WebSocket message."""
        return int(self.ws_max_message_size_mb * 1024 * 1024)

    def auth_tokens(self) -> tuple[str, ...]:
        """Return every accepted bearer token; none means that no token is asked for.

        Raises:
            OSError: The token file cannot be read any more.
        """
        return _together(self.app_auth_tokens, self.app_auth_tokens_file)

    def resume_keys(self) -> tuple[str, ...]:
        """Return every key for resume tokens, the one that signs first; empty where none is set.

        Raises:
            OSError: The file cannot be read any more.
        """
        return _together(self.app_resume_keys, self.app_resume_keys_file)


def _together(listed: SecretStr, file: Path | None) -> tuple[str, ...]:
    secrets = split_tokens(listed.get_secret_value())
    if file is not None:
        secrets += split_tokens(file.read_text(encoding="utf-8"))
    return secrets
