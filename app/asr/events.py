"""Results and states of recognition as plain data: times in seconds, None for what is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Metadata: TypeAlias = Sequence[tuple[str, str]]
    """What is sent along with a gRPC call: lower-case names, and values of printable ASCII."""


class Route(StrEnum):
    """Where recognition goes."""

    PRIMARY = "primary"  # RIVA_ENDPOINTS, or RIVA_HOST
    FALLBACK = "fallback"  # RIVA_FALLBACK_ENDPOINTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One recognised word.

    Attributes:
        word: the word as the recogniser wrote it.
        start: seconds from the first sample the caller sent.
        end: seconds from the first sample the caller sent.
        confidence: as Riva scores it (log-probability-like, so it may be negative), or None where
            it gave none.
        speaker: the speaker's number from 1, or None without diarisation.
        language: BCP 47 code of this word, or None.
    """

    word: str
    start: float
    end: float
    confidence: float | None
    speaker: int | None
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWord:
    """The last word of the finals, which a stream that goes on there may recognise again.

    Attributes:
        letters: its letters and digits alone, without capitals; at least one, at most 40.
        start: seconds from the first sample of the session; it ends where the finals end.
    """

    letters: str
    start: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a stream can go on so that no word is lost or doubled.

    It holds no state of any recogniser: with the audio from `position` on the session can go on in
    another stream, another process or on another machine.

    Attributes:
        position: seconds from the first sample of the session; no final covers the audio from
            there on. Never lower than in a cursor before it.
        covered: seconds from the first sample of the session; words before it are in finals. It
            may lie a little before or after `position`, which is in the pause behind the last word.
        segment_id: of the next final.
        again: the last word of the finals, where there is no such pause and `position` lies before
            that word; else None.
    """

    position: float
    covered: float
    segment_id: int
    again: LastWord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """One interim or final result of a stream.

    Attributes:
        text: the transcript of this segment, without surrounding white space; never empty.
        is_final: False for an interim result that a later one replaces.
        words: the words in order of time; empty where the recogniser gave none (interims, usually).
        confidence: as Riva scores it, finals only; None where it gave none.
        stability: 0 to 1, interims only: how unlikely the text is to change; None where it gave
            none.
        audio_processed: seconds of the caller's audio the recogniser had used; None where it is
            unknown.
        channel: the channel's number from 1; None where it is unknown.
        languages: BCP 47 codes the recogniser found, most likely first.
        segment_id: counts from 0 in a stream and goes up by one after each final.
        cursor: where a stream goes on after this final; None for an interim, and where it is not
            known what the final covers or the audio after it is not held any more.
        forced: True for a final that came because somebody asked for it (`finalise`,
            RIVA_QUIET_GAP_S), or that only Perch made final because the recogniser never did.
    """

    text: str
    is_final: bool
    words: tuple[Word, ...]
    confidence: float | None
    stability: float | None
    audio_processed: float | None
    channel: int | None
    languages: tuple[str, ...]
    segment_id: int
    cursor: Cursor | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalised:
    """The answer to `RecognitionSession.finalise`.

    Attributes:
        position: seconds of the session's audio; all speech before it is in finals that came
            before this event.
        calls: how many calls it answers; each is answered by one such event.
    """

    position: float
    calls: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The recogniser was lost. Audio is taken and kept; what comes next is `Resumed` or an error.

    Only where no audio is left to recognise does the stream end in good order without either.

    Attributes:
        code: why, one of `app.asr.errors.ErrorCode`.
        position: seconds of the session's audio that had been taken by then.
    """

    code: str
    position: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A recogniser is there again, and is sent first what no final covers.

    Attributes:
        replayed_from: seconds of the session's audio; what it begins with.
        outage: seconds since the recogniser was lost.
    """

    replayed_from: float
    outage: float


StreamEvent: TypeAlias = Transcript | Finalised | Interrupted | Resumed


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTranscript:
    """The transcript of a whole file.

    Attributes:
        text: every final result, joined by single spaces; empty when there was no speech.
        words: the words of all results, in order of time.
        confidence: mean over the results that carry one, each weighted by its words; None where
            none does.
        duration: seconds of audio that were read from the file.
        warnings: what was odd about the file, one sentence each: that it ends before its header
            says, for one.
        segments: the final results themselves, in order.
        language: BCP 47 code that the recogniser was asked for.
    """

    text: str
    words: tuple[Word, ...]
    confidence: float | None
    duration: float
    warnings: tuple[str, ...] = ()
    segments: tuple[Transcript, ...] = ()
    language: str | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        """BCP 47 codes that the recogniser says it heard, each once; empty where it says none."""
        return tuple(dict.fromkeys(one for part in self.segments for one in part.languages))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotwords:
    """Phrases the recogniser shall prefer.

    Attributes:
        phrases: words or short phrases, in the spelling wanted.
        boost: how strongly; Riva's own documents disagree on the useful range (0 to 20, 20 to 100).
    """

    phrases: tuple[str, ...]
    boost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How what was heard is written; None leaves it to the settings.

    Attributes:
        punctuation: with punctuation and capitals.
        verbatim: numbers, dates and the like in words, as they were spoken.
        profanity_filter: profanity masked.
    """

    punctuation: bool | None = None
    verbatim: bool | None = None
    profanity_filter: bool | None = None


AS_CONFIGURED: Final = Spelling()
"""Everything as the settings say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpointing:
    """When speech is found to begin or end; None leaves the recogniser its default.

    Attributes:
        start_history_ms: window in which speech must be found to begin an utterance.
        start_threshold: share of that window, 0 to 1, that must be speech.
        stop_history_ms: window that must be silent to end an utterance and give a final.
        stop_threshold: share of that window, 0 to 1, that must be silent.
        stop_history_eou_ms: a shorter window after which an early interim of stability 1 is given;
            must be below stop_history_ms.
        stop_threshold_eou: share of that shorter window, 0 to 1, that must be silent.
    """

    start_history_ms: int | None = None
    start_threshold: float | None = None
    stop_history_ms: int | None = None
    stop_threshold: float | None = None
    stop_history_eou_ms: int | None = None
    stop_threshold_eou: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model the recogniser serves.

    Attributes:
        name: what RIVA_MODEL must equal to ask for it.
        language: its language code, or several joined by commas; None where the server does not
            say.
        streaming: True for a streaming model, False for an offline one, None where the server does
            not say.
        parameters: everything the server lists about it.
    """

    name: str
    language: str | None
    streaming: bool | None
    parameters: Mapping[str, str]

    @property
    def languages(self) -> tuple[str, ...]:
        """Its language codes one by one; empty where the server does not say."""
        parts = (part.strip() for part in (self.language or "").split(","))
        return tuple(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointHealth:
    """What is known of one recogniser.

    Attributes:
        name: "riva-1", "riva-2" in the order of RIVA_ENDPOINTS, "riva-fallback-1" for
            RIVA_FALLBACK_ENDPOINTS, "riva-german-1" for a group german of
            RIVA_GROUPS. Those behind a name of DNS have a second number, "riva-2-1";
            it is given to another address when its own is gone. Holds no address, and there are
            never more of them than addresses, so that it can be a label of a metric.
        group: the group it belongs to, "default" for those of RIVA_ENDPOINTS and the fallback.
        route: the route it belongs to.
        ready: what its last probe found; None before the first.
        streams: streams open there now.
        slots: streams it takes at the same time, as far as is known: RIVA_ENDPOINT_STREAMS, or
            fewer after it refused one; None where it is unknown.
        consecutive_errors: errors since it last worked.
        ejected_for: seconds for which it still gets no calls because of its errors; 0 when it gets
            calls. Above 0 the breaker is open.
        ejections: how often that happened so far.
    """

    name: str
    group: str
    route: Route
    ready: bool | None
    streams: int
    slots: int | None
    consecutive_errors: int
    ejected_for: float
    ejections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryHealth:
    """Further attempts of a client: streams that are opened again, and calls that are repeated.

    Attributes:
        in_flight: attempts that are made now.
        waiting: attempts that wait for their turn; above 0 for long, and the recognisers cannot
            take back what broke.
        most: attempts that may be made at the same time, by the streams there are now.
    """

    in_flight: int
    waiting: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether a stream can be opened now.

    Attributes:
        ready: True when a recogniser answers its HTTP readiness probe and lists a model that
            fits.
        reason: one sentence that names what is missing and holds no address; None when ready.
        models: what the recogniser lists; empty when the call for them failed.
        endpoints: each recogniser by itself; one that is ready is enough.
    """

    ready: bool
    reason: str | None
    models: tuple[Model, ...] = ()
    endpoints: tuple[EndpointHealth, ...] = ()
