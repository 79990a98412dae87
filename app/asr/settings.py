"""The recogniser's settings: environment variables RIVA_*, and the same keys in a `.env` file.

Every key has an effect. What is wrong with them is reported in one `SettingsError`, all problems
together and before anything starts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from annotated_types import Ge, Gt, Le
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.asr.addresses import Address, checked_host, parse_addresses
from app.asr.settings_problems import (
    SettingsError,
    bracketed,
    cross_problems,
    env_key,
    field_problems,
)

LANGUAGE_PATTERN = r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$"

Port = Annotated[int, Ge(1), Le(65535)]
Milliseconds = Annotated[int, Ge(1), Le(3_600_000)]
Share = Annotated[float, Ge(0.0), Le(1.0)]
HistoryMs = Annotated[int, Ge(1), Le(60_000)]


def _empty_is_unset(value: object) -> object:
    """`RIVA_SSL_CERT=` in a .env file means that it is not set."""
    return None if value == "" else value


def _pairs(value: object) -> object:
    """Reads "key:value,key:value"; a mapping passes as it is."""
    if not isinstance(value, str):
        return value
    pairs: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in value.split(","))):
        key, colon, text = item.partition(":")
        if not (colon and key.strip() and text.strip()) or ":" in text:
            raise ValueError(f"{item!r} is not of the form key:value")
        pairs[key.strip()] = text.strip()
    return pairs


def _addresses(value: object) -> object:
    """Reads RIVA_ENDPOINTS and RIVA_FALLBACK_ENDPOINTS; addresses pass as they are."""
    return parse_addresses(value) if isinstance(value, str) else value


def _checked_name(name: str | None) -> str | None:
    return None if name is None else checked_host(name)


OptionalFile = Annotated[Path | None, BeforeValidator(_empty_is_unset)]
OptionalName = Annotated[str | None, BeforeValidator(_empty_is_unset)]
OptionalHistory = Annotated[HistoryMs | None, BeforeValidator(_empty_is_unset)]
OptionalShare = Annotated[Share | None, BeforeValidator(_empty_is_unset)]
OptionalSwitch = Annotated[bool | None, BeforeValidator(_empty_is_unset)]


class RivaSettings(BaseSettings):
    """How to reach the recogniser and what to ask of it; field x is the variable RIVA_X.

    Raises `SettingsError` naming every problem at once: key, value (a secret's is masked), what is
    accepted.
    """

    model_config = SettingsConfigDict(
        env_prefix="RIVA_",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    host: Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(checked_host)] = (
        Field(
            "localhost",
            description=(
                "host name or address of the recogniser alone, without a scheme, a port, a slash "
                "or brackets; the gRPC port stands in RIVA_PORT, TLS in RIVA_SSL"
            ),
        )
    )
    port: Port = Field(50051, description="gRPC port, 1 to 65535")
    http_port: Annotated[int, Ge(0), Le(65535)] = Field(
        9000,
        description="HTTP port of the readiness probe, 1 to 65535; 0 asks only by gRPC",
    )
    http_ready_path: Annotated[str, StringConstraints(pattern=r"^/[\w\-./]*$")] = Field(
        "/v1/health/ready",
        description="path of the readiness probe, starting with /, such as /v1/health/ready",
    )

    endpoints: Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_addresses)] = Field(
        (),
        description=(
            "several recognisers as host:port or host:port/http_port, joined by commas, each once, "
            "without a scheme or a slash at the end; "
            "dns:host:port stands for one at each address of the name; "
            "empty takes RIVA_HOST, RIVA_PORT and RIVA_HTTP_PORT"
        ),
    )
    fallback_endpoints: Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_addresses)] = (
        Field(
            (),
            description=(
                "recognisers to fall back to, as RIVA_ENDPOINTS names them; empty for none"
            ),
        )
    )
    endpoint_streams: Annotated[int, Ge(0), Le(100_000)] = Field(
        0, description="0 to 100000: most streams at the same time at each recogniser; 0 unknown"
    )

    dns_refresh_s: Annotated[float, Ge(1.0), Le(3600.0)] = Field(
        30.0, description="1 to 3600: seconds between two lookups of the names of endpoints"
    )

    ssl: bool = Field(False, description="true or false: TLS to the recogniser")
    ssl_cert: OptionalFile = Field(
        None,
        description="path of a readable PEM file with the CA of the recogniser's certificate",
    )
    ssl_client_cert: OptionalFile = Field(
        None, description="path of a readable PEM file with the client certificate (mutual TLS)"
    )
    ssl_client_key: OptionalFile = Field(
        None,
        description="path of a readable PEM file with the client certificate's key (mutual TLS)",
    )
    ssl_server_name: Annotated[OptionalName, AfterValidator(_checked_name)] = Field(
        None,
        description=(
            "name in the recogniser's certificate where it is not RIVA_HOST, without a port or a "
            "scheme"
        ),
    )
    http_ssl: OptionalSwitch = Field(
        None, description="true or false: TLS on the HTTP port; empty follows RIVA_SSL"
    )
    api_key: SecretStr = Field(
        SecretStr(""),
        description=(
            "printable ASCII without spaces; needs RIVA_SSL=true unless RIVA_HOST is this machine"
        ),
    )

    model: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        "", description="exact name of a model the recogniser lists; empty leaves the choice to it"
    )
    language_code: Annotated[str, StringConstraints(pattern=LANGUAGE_PATTERN)] = Field(
        "en-US", description="a BCP 47 language code such as en-US"
    )
    enable_automatic_punctuation: bool = Field(
        True, description="true or false: punctuation and capitals"
    )
    enable_word_time_offsets: bool = Field(True, description="true or false: times of each word")
    profanity_filter: bool = Field(False, description="true or false: mask profanity")
    verbatim_transcripts: bool = Field(
        False, description="true or false: numbers, dates and the like stay in words"
    )
    hotword_boost: Annotated[float, Ge(0.0), Le(100.0)] = Field(
        10.0, description="strength of hotwords without one of their own, 0 to 100"
    )
    custom_configuration: Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)] = Field(
        default_factory=dict,
        description="key:value pairs joined by commas, such as neural_vad.onset:0.85",
    )

    endpointing_start_history_ms: OptionalHistory = Field(
        None, description="1 to 60000 ms (multiples of 80 suit the models), or empty"
    )
    endpointing_start_threshold: OptionalShare = Field(None, description="0 to 1, or empty")
    endpointing_stop_history_ms: OptionalHistory = Field(
        None, description="1 to 60000 ms (560 or more keeps the accuracy), or empty"
    )
    endpointing_stop_threshold: OptionalShare = Field(None, description="0 to 1, or empty")
    endpointing_stop_history_eou_ms: OptionalHistory = Field(
        None, description="1 to 60000 ms, below RIVA_ENDPOINTING_STOP_HISTORY_MS, or empty"
    )
    endpointing_stop_threshold_eou: OptionalShare = Field(None, description="0 to 1, or empty")

    enable_partial_results: bool = Field(
        True, description="true or false: interim results, where the caller wants them too"
    )
    partial_result_interval_ms: Annotated[int, Ge(0), Le(60_000)] = Field(
        0, description="0 to 60000: least time between two interims of a segment; 0 passes each"
    )
    chunk_size_bytes: Annotated[int, Ge(320), Le(4_000_000)] = Field(
        8192,
        description="320 to 4000000, even: most audio in one message; smaller chunks pass at once",
    )
    silence_interval_s: Annotated[float, Gt(0.0), Le(55.0)] = Field(
        20.0,
        description="above 0, to 55: seconds without audio after which silence is sent",
    )

    quiet_gap_s: Annotated[float, Ge(0.0), Le(600.0)] = Field(
        10.0,
        description=(
            "0 to 600: seconds of audio, beyond the silence endpointing waits for, after which an "
            "interim that stands unchanged is made final; 0 never"
        ),
    )

    timeout_ms: Milliseconds = Field(
        5000,
        description="1 to 3600000: deadline of connecting, a short call, one message being taken",
    )
    final_timeout_ms: Milliseconds = Field(
        10_000,
        description="1 to 3600000: longest wait for the next result once the audio has ended",
    )
    file_timeout_ms: Milliseconds = Field(
        300_000, description="1 to 3600000: deadline of recognising one file"
    )
    max_retries: Annotated[int, Ge(0), Le(10)] = Field(
        3, description="0 to 10: further tries of a call that met a passing error"
    )
    retry_delay_ms: Annotated[int, Ge(0), Le(60_000)] = Field(
        1000,
        description="0 to 60000: bound of the first random wait before a retry; doubles each time",
    )

    replay_s: Annotated[float, Ge(1.0), Le(600.0)] = Field(
        60.0, description="1 to 600: seconds of un-finalised audio kept to be heard again"
    )
    outage_limit_s: Annotated[float, Ge(0.0), Le(600.0)] = Field(
        20.0, description="0 to 600: seconds a broken stream may be without a recogniser"
    )
    reopen_delay_ms: Annotated[int, Ge(1), Le(60_000)] = Field(
        100,
        description=(
            "1 to 60000: bound of the random wait before a broken stream's second attempt; "
            "doubles each time up to 2 s"
        ),
    )
    max_stream_s: Annotated[float, Ge(0.0), Le(86_400.0)] = Field(
        0.0,
        description=(
            "0 to 86400: a stream older than so many seconds is reopened at its next final; 0 never"
        ),
    )

    max_batch_size: Annotated[int, Ge(1), Le(1024)] = Field(
        8, description="1 to 1024: most files being recognised at the same time"
    )
    channels: Annotated[int, Ge(1), Le(256)] = Field(
        16, description="1 to 256: most connections for streams; opened as they are needed"
    )
    max_streams_per_channel: Annotated[int, Ge(1), Le(10_000)] = Field(
        90,
        description="1 to 10000: most streams on a connection, below the server's own limit",
    )
    max_message_bytes: Annotated[int, Ge(65_536), Le(2_147_483_647)] = Field(
        64 * 1024 * 1024, description="65536 to 2147483647: largest gRPC message to a recogniser"
    )
    keepalive_time_s: Annotated[float, Ge(0.0), Le(86_400.0)] = Field(
        300.0,
        description="0 to 86400: seconds between HTTP/2 pings on a quiet connection; 0 sends none",
    )
    keepalive_timeout_s: Annotated[float, Gt(0.0), Le(3600.0)] = Field(
        20.0, description="above 0, to 3600: seconds until an unanswered ping ends the connection"
    )
    offline_max_bytes: Annotated[int, Ge(0), Le(2_147_483_647)] = Field(
        # Any server takes it: gRPC's own limit for a message is 4 MiB.
        3 * 1024 * 1024,
        description=(
            "0 to 2147483647: most audio, as PCM16, that goes up in one offline call; longer files "
            "go by a stream where the model takes one"
        ),
    )
    file_max_bytes: Annotated[int, Ge(1)] = Field(
        100 * 1024 * 1024, description="1 or more: largest audio file"
    )
    file_max_duration_s: Annotated[float, Gt(0.0), Le(86_400.0)] = Field(
        3600.0, description="above 0, to 86400: longest audio file in seconds"
    )

    @model_validator(mode="wrap")
    @classmethod
    def _report_everything(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:  # noqa: ANN401 - pydantic hands over whatever the sources gave
        try:
            settings = handler(data)
        except ValidationError as error:
            problems = field_problems(error, data, cls.model_fields)
        else:
            problems = cross_problems(settings, frozenset())
            if not problems:
                return settings
            raise SettingsError(problems)
        # The keys that are fine by themselves may still not fit together: look at them without the
        # broken ones.
        broken = frozenset(problem.key for problem in problems)
        rest = {name: value for name, value in dict(data).items() if env_key(name) not in broken}
        raise SettingsError((*problems, *cross_problems(handler(rest), broken)))

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Every recogniser: RIVA_ENDPOINTS, else the one of RIVA_HOST."""
        return self.endpoints or (Address(host=self.host, port=self.port),)

    def at(self, address: Address, host: str | None = None) -> RivaSettings:
        """The same settings for that recogniser alone.

        Args:
            address: the recogniser, or all those behind a name.
            host: which of the name's addresses; its certificate still carries the name.
        """
        update: dict[str, Any] = {
            "host": host or address.host,
            "port": address.port,
            "http_port": self.http_port if address.http_port is None else address.http_port,
            "endpoints": (),
            "fallback_endpoints": (),
        }
        if host is not None:
            update["ssl_server_name"] = self.ssl_server_name or address.host
        return self.model_copy(update=update)

    @property
    def target(self) -> str:
        """The gRPC target, "host:port"; an IPv6 address is put in brackets."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def ready_url(self) -> str | None:
        """The URL of the HTTP readiness probe, or None where only gRPC is asked."""
        if self.http_port == 0:
            return None
        secure = self.ssl if self.http_ssl is None else self.http_ssl
        scheme = "https" if secure else "http"
        return f"{scheme}://{bracketed(self.host)}:{self.http_port}{self.http_ready_path}"
