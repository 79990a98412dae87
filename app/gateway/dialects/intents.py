"""What a client can ask for, whatever dialect it speaks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.asr import AS_CONFIGURED, Endpointing, Spelling


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """A session as asked for, defaults filled in.

    Attributes:
        sample_rate: Hz of the audio that will come.
        encoding: "pcm16", "float32", "mulaw" or "alaw".
        channels: 1 or 2.
        enable_partials: Whether interim results are wanted.
        hotwords: Phrases to prefer.
        hotword_boost: How much; None for the configured boost.
        language: BCP 47 tag; None for the configured one.
        model: Model name; None for the configured one.
        is_model_foreign: Whether that may be another service's name, or the beginning of one.
        endpointing: When a segment ends; None as the model has it.
        resumable: Whether the client can resume after a break, and is told from where.
        heartbeat_s: Seconds between two heartbeats; None for none.
        resume: Token of the session to resume.
        spelling: How what is heard is written.
        custom_configuration: The model's own settings, beside the configured ones.
    """

    sample_rate: int
    encoding: str = "pcm16"
    channels: int = 1
    enable_partials: bool = True
    hotwords: tuple[str, ...] = ()
    hotword_boost: float | None = None
    language: str | None = None
    model: str | None = None
    is_model_foreign: bool = False
    endpointing: Endpointing | None = None
    resumable: bool = False
    heartbeat_s: float | None = None
    resume: str | None = None
    spelling: Spelling = AS_CONFIGURED
    custom_configuration: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audio:
    """Recognise these bytes, encoded as the start said."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a session.

    Attributes:
        request: What it works with.
        holds: Nothing more is read until it runs, or is refused: its audio follows at once. Without
            it a start may wait for its place while the client goes on, as one that is told of the
            place can.
    """

    request: SessionRequest
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Finalise:
    """Make final what was sent so far, and go on."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the audio.

    Attributes:
        lenient: No error when no session runs.
        closes: Close the connection once the session is finalised.
    """

    lenient: bool = False
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """Send an answer of the dialect's own at once; no texts for none.

    Attributes:
        texts: The answer's messages.
        with_audio: Belongs to a message of audio, and so is none of the control messages that may
            come at a limited rate.
    """

    texts: tuple[str, ...] = ()
    with_audio: bool = False


@dataclass(frozen=True, slots=True)
class ReportCounts:
    """Answer with counters."""


Intent = Audio | Start | Finalise | Stop | Reply | ReportCounts

Source = Callable[[], Sequence[Intent]]
"""Says what is asked for, or raises ContractError."""


def comes_with_audio(intent: Intent) -> bool:
    """Return whether an intent is audio, or belongs to a message of audio."""
    return isinstance(intent, Audio) or (isinstance(intent, Reply) and intent.with_audio)
