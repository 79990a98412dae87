"""The spans of one stream or upload, which are plain calls to OpenTelemetry's API.

Every span but the outermost is made when it is over, from times that are kept anyway: an audio
message costs nothing, a result one span, and nothing is left open when a stream breaks off. No
attribute holds what was said, a token or a client's address.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic, time_ns
from typing import Any, Final, TypeAlias

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
)

from app.followed_files import FollowedFiles
from app.gateway.telemetry.stream_log import StreamEnded, StreamStarted
from app.gateway.telemetry.trace_context import Metadata, TraceContext, metadata_of
from app.gateway.tracing.names import SpanName

Attributes: TypeAlias = Mapping[str, str | bool | int | float | None]

_NS: Final = 1_000_000_000
_OF_STREAM: Final = (
    *("stream_id", "session_id", "group", "model", "language"),
    *("sample_rate", "encoding", "channels", "hotwords", "resumable"),
)
_OF_END: Final = (
    *("close_code", "audio_s", "rtfx", "interims", "finals", "segments"),
    *("first_interim_s", "worst_final_s", "flush_s", "replays", "outage_s"),
)
"""Fields of the stream's log lines that are attributes of its span too, by the same names. Not the
client's hash, which is who it is."""


class TraceIds(RandomIdGenerator):
    """Gives a new trace the id that the log lines have.

    Attributes:
        following: Of the next trace.
    """

    following = 0

    def generate_trace_id(self) -> int:
        """Return the id that was set."""
        return self.following


class Tracing:
    """Begins the spans of streams and uploads.

    Args:
        tracer: Makes them.
        ids: As the tracer's own.
        close: Sends what waits, within a bound.
        followed: Files by which the collector is believed, to be read again as they change.
    """

    def __init__(
        self,
        tracer: Tracer,
        ids: TraceIds,
        close: Callable[[], Awaitable[None]],
        followed: Sequence[FollowedFiles[Any]] = (),
    ) -> None:
        self.followed: Final = tuple(followed)
        self._tracer = tracer
        self._ids = ids
        self.aclose = close

    def stream(self, trace: TraceContext, attributes: Attributes) -> "StreamSpans":
        """Begin the spans of a stream that a client asks for."""
        return StreamSpans(self._tracer, self._begun(SpanName.STREAM, trace, attributes))

    def upload(self, trace: TraceContext) -> "UploadSpans":
        """Begin the spans of an upload."""
        return UploadSpans(self._tracer, self._begun(SpanName.UPLOAD, trace, {}))

    def _begun(self, name: SpanName, trace: TraceContext, attributes: Attributes) -> Span:
        self._ids.following = int(trace.trace_id, 16)
        return self._tracer.start_span(
            name, _parent(trace), SpanKind.SERVER, attributes=_known(attributes)
        )


class _Spans:
    """An outermost span and those inside it.

    Args:
        tracer: Makes them.
        span: The outermost, which began just now.

    Attributes:
        metadata: By which a recogniser's own spans join the trace.
        is_recorded: Whether the sampler took it; else nothing need be told.
    """

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._context = set_span_in_context(span, Context())
        self._began = monotonic()
        found = span.get_span_context()
        self.metadata: Metadata = metadata_of(
            f"{found.trace_id:032x}",
            f"{found.span_id:016x}",
            found.trace_flags,
            found.trace_state.to_header(),
        )
        self.is_recorded = span.is_recording()

    def _add(
        self,
        name: SpanName,
        start: float,
        attributes: Attributes | None = None,
        *,
        end: float | None = None,
        error: str | None = None,
    ) -> None:
        """Add a span that is over.

        Args:
            name: Which.
            start: When it began, by the monotonic clock.
            attributes: Without those that are None.
            end: When it ended; None for now.
            error: Code of why it failed; None where it did not.
        """
        span = self._tracer.start_span(
            name, self._context, attributes=_known(attributes or {}), start_time=_at(start)
        )
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end(None if end is None else _at(end))

    def _end(self, attributes: Attributes, error: str | None) -> None:
        self._span.set_attributes(_known(attributes))
        if error is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()


class StreamSpans(_Spans):
    """The spans of one stream: a session on one connection, from its start message on."""

    _first_audio: Callable[[], float | None]

    def __init__(self, tracer: Tracer, span: Span) -> None:
        super().__init__(tracer, span)
        self._admitted_at: float | None = None
        self._has_audio = False
        self._lost: tuple[float, str] | None = None

    def refused(self, reason: str, *, is_fault: bool) -> None:
        """End a stream that was not admitted.

        Args:
            reason: Why.
            is_fault: Whether the service is to blame.
        """
        error = reason if is_fault else None
        self._add(SpanName.ADMISSION, self._began, {"perch.end_reason": reason}, error=error)
        self._end({"perch.end_reason": reason}, error)

    def admitted(self, line: StreamStarted, first_audio: Callable[[], float | None]) -> None:
        """Note that the stream begins.

        Args:
            line: What the log says of it.
            first_audio: Returns when its first audio came, by the monotonic clock.
        """
        said = {name: getattr(line, name) for name in _OF_STREAM}
        self._span.set_attributes(_known({f"perch.{name}": of for name, of in said.items()}))
        self._admitted_at = monotonic()
        self._first_audio = first_audio
        self._add(SpanName.ADMISSION, self._began)
        if line.resumed_at is not None:
            self._add(SpanName.RESUME, self._began, {"perch.position_s": round(line.resumed_at, 3)})

    def first_interim(self) -> None:
        """Note the first interim, from the first audio to now."""
        self._note_audio()
        first = self._first_audio()
        if first is not None:
            self._add(SpanName.FIRST_INTERIM, first)

    def final(self, segment_id: int, words: int, latency: float | None, age: float) -> None:
        """Note a final that was sent, from the end of what was said.

        Args:
            segment_id: Which.
            words: How many it has.
            latency: Seconds since the end of speech; None where that is not known.
            age: Seconds since the newest audio in it came, where the other is not known.
        """
        self._note_audio()
        self._add(
            SpanName.FINAL,
            monotonic() - (age if latency is None else latency),
            {
                "perch.segment_id": segment_id,
                "perch.words": words,
                "perch.is_latency_known": latency is not None,
            },
        )

    def lost(self, code: str) -> None:
        """Note that the recogniser was lost, and why."""
        self._lost = monotonic(), code

    def replayed(self, position: float, outage: float) -> None:
        """Note that a recogniser is back and is sent again what no final covers.

        Args:
            position: Of the session's audio from where.
            outage: Seconds without a recogniser.
        """
        (_, code), self._lost = self._lost or (0.0, None), None
        self._add(
            SpanName.REPLAY,
            monotonic() - outage,
            {"perch.position_s": round(position, 3), "perch.lost_to": code},
        )

    def ended(self, line: StreamEnded, *, is_fault: bool) -> None:
        """End the stream.

        Args:
            line: What the log says of it.
            is_fault: Whether the service is to blame.
        """
        self._note_audio()
        if self._lost is not None:
            since, code = self._lost
            self._add(SpanName.REPLAY, since, {"perch.lost_to": code}, error=code)
        said = {f"perch.{name}": getattr(line, name) for name in _OF_END}
        error = line.reason if is_fault else None
        self._end({"perch.end_reason": line.reason, **said}, error)

    def _note_audio(self) -> None:
        if self._has_audio or self._admitted_at is None:
            return
        first = self._first_audio()
        if first is not None:
            self._has_audio = True
            self._add(SpanName.FIRST_AUDIO, min(self._admitted_at, first), end=first)


class UploadSpans(_Spans):
    """The spans of one upload."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        super().__init__(tracer, span)
        self._arrived_at: float | None = None
        self._admitted_at: float | None = None

    def arrived(self) -> None:
        """Note that all of it has arrived, and waits for a session."""
        self._arrived_at = monotonic()

    def admitted(self) -> None:
        """Note that it has one."""
        self._admitted_at = monotonic()
        if self._arrived_at is not None:
            self._add(SpanName.ADMISSION, self._arrived_at)

    def ended(self, outcome: str, *, is_fault: bool) -> None:
        """End it.

        Args:
            outcome: `ok`, or why not.
            is_fault: Whether the service is to blame.
        """
        error = outcome if is_fault else None
        if self._admitted_at is not None:
            self._add(SpanName.RECOGNITION, self._admitted_at, error=error)
        self._end({"perch.end_reason": outcome}, error)


def _parent(trace: TraceContext) -> Context:
    """Return a context with the client's span; an empty one where it named none."""
    if trace.parent_id is None:
        return Context()
    parent = SpanContext(
        int(trace.trace_id, 16),
        int(trace.parent_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if trace.sampled else TraceFlags.DEFAULT),
        trace_state=TraceState.from_header([trace.state]),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _known(attributes: Attributes) -> dict[str, str | bool | int | float]:
    return {name: value for name, value in attributes.items() if value is not None}


def _at(moment: float) -> int:
    """Return a moment of the monotonic clock in nanoseconds of the epoch."""
    return time_ns() - round((monotonic() - moment) * _NS)
