"""Times, sizes and numbers that bound what is asked of a recogniser."""

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import Field

from app.settings import Problem, Settings, rule

Milliseconds = Annotated[int, Ge(1), Le(3_600_000)]


class LimitSettings(Settings):
    """How long is waited, and how much there may be at once."""

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

    endpoint_streams: Annotated[int, Ge(0), Le(100_000)] = Field(
        0, description="0 to 100000: most streams at the same time at each recogniser; 0 unknown"
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

    @rule
    def _a_chunk_is_of_whole_samples(self) -> Iterator[Problem]:
        if self.chunk_size_bytes % 2:
            yield self.problem("chunk_size_bytes", self.chunk_size_bytes)

    @rule
    def _a_chunk_fits_into_a_message(self) -> Iterator[Problem]:
        if self.chunk_size_bytes >= self.max_message_bytes:
            accepted = f"less than RIVA_MAX_MESSAGE_BYTES ({self.max_message_bytes})"
            yield self.problem("chunk_size_bytes", self.chunk_size_bytes, accepted)

    @rule
    def _streams_fit_into_connections(self) -> Iterator[Problem]:
        places = self.channels * self.max_streams_per_channel
        if self.endpoint_streams > places:
            accepted = f"at most RIVA_CHANNELS x RIVA_MAX_STREAMS_PER_CHANNEL ({places})"
            yield self.problem("endpoint_streams", self.endpoint_streams, accepted)
