"""The gateway's settings: variables APP_*, WS_*, AUDIO_*, LOG_*, OTEL_*, or the same in `.env`.

Every key has an effect. Each field's description says what it accepts, in the words a problem
report uses.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Final

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field

from app.contract import limits
from app.gateway.settings.access import AccessSettings, Anonymous, lower
from app.gateway.settings.dialects import DialectSettings
from app.gateway.settings.frames import FrameSettings
from app.gateway.settings.grpc import GrpcSettings
from app.gateway.settings.identity import IdentitySettings
from app.gateway.settings.sessions import SessionSettings
from app.gateway.settings.traces import TraceSettings
from app.gateway.settings.uploads import UploadSettings
from app.loopback import is_this_machine
from app.settings import Problem, rule
from app.settings.types import EmptyIsNone, OptionalPath, OptionalSeconds, Seconds

PREFIXES: Final = ("APP_", "WS_", "AUDIO_", "LOG_")
"""Not OTEL_: of those there are more, which other programs of the same machine read."""

WAYS_TO_KNOW_CLIENTS: Final = ("APP_AUTH_TOKENS_FILE", "APP_JWT_KEYS_URL", "APP_ACCESS_LIST_FILE")
"""What a configuration that lacks all of them is told to set."""


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


class Colour(StrEnum):
    """Which of an environment's two sets of machines the gateway is of."""

    BLUE = "blue"
    GREEN = "green"


class RecognitionMode(StrEnum):
    """Whether sessions are taken, and which recognisers they go to."""

    ON = "on"
    OFF = "off"
    FALLBACK = "fallback"


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


def _none_or_real_time(factor: float) -> float:
    if 0 < factor < 1:
        raise ValueError("a microphone could not keep up")
    return factor


SampleRate = Annotated[int, Ge(limits.MIN_SAMPLE_RATE_HZ), Le(limits.MAX_SAMPLE_RATE_HZ)]


class GatewaySettings(
    AccessSettings,
    GrpcSettings,
    IdentitySettings,
    DialectSettings,
    SessionSettings,
    FrameSettings,
    UploadSettings,
    TraceSettings,
):
    """Everything an operator may change; the environment wins over `.env`."""

    app_colour: Annotated[Colour | None, EmptyIsNone, BeforeValidator(lower)] = Field(
        None, description="empty, blue or green: the colour whose machine this gateway runs on"
    )
    app_riva_label: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        "riva", description="1 to 64 characters: the recogniser's public name; never its address"
    )
    app_ready_probe_interval_s: Seconds = Field(
        2.0, description="seconds between readiness checks of the recogniser, above 0, to 86400"
    )
    app_recognition: Annotated[RecognitionMode, BeforeValidator(lower)] = Field(
        RecognitionMode.ON,
        description="on, off or fallback: off takes no sessions, fallback sends them to "
        "RIVA_FALLBACK_ENDPOINTS",
    )
    app_recognition_file: OptionalPath = Field(
        None,
        description="empty, or a file with one of these words, looked at every second; it wins "
        "over APP_RECOGNITION as long as it says one",
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

    audio_sample_rate: SampleRate = Field(
        limits.DEFAULT_SAMPLE_RATE_HZ,
        description=f"a whole number from {limits.MIN_SAMPLE_RATE_HZ} to "
        f"{limits.MAX_SAMPLE_RATE_HZ}: the rate of clients that name none",
    )
    audio_riva_sample_rate: Annotated[SampleRate | None, EmptyIsNone] = Field(
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

    audio_ffmpeg: bool = Field(
        False,
        description="true or false: whether ffmpeg, where it is installed, decodes what libsndfile "
        "does not know, of whoever sends it: WebM, MP4, AAC, AMR, WMA",
    )

    log_level: Annotated[LogLevel, BeforeValidator(_upper)] = Field(
        LogLevel.INFO, description="DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Annotated[LogFormat | None, BeforeValidator(lower), EmptyIsNone] = Field(
        None,
        description="json, console, or empty: console where standard output is a terminal, and "
        "json elsewhere",
    )

    @property
    def knows_clients(self) -> bool:
        """Whether something is configured that says who may connect."""
        return self.has_issuer or self.app_access_list_file is not None or bool(self.auth_tokens())

    @property
    def lets_anonymous_in(self) -> bool:
        """Whether who shows nothing is let in although there are API keys, which others show."""
        asks = self.has_issuer or bool(self.auth_tokens())
        return self.app_anonymous is Anonymous.ALLOWED and not asks

    @rule
    def _strangers_are_let_in_on_purpose(self) -> Iterator[Problem]:
        is_open = self.app_anonymous is Anonymous.ALLOWED or is_this_machine(self.app_host)
        if not is_open and not self.knows_clients:
            yield self.problem(
                "app_anonymous",
                self.app_anonymous.value,
                f"allowed, as APP_HOST is {self.app_host} and nothing says who may connect; or "
                f"set one of {', '.join(WAYS_TO_KNOW_CLIENTS)}, or listen on 127.0.0.1 alone",
            )
