"""Results and the interface of a recogniser, apart from any wire format or engine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardWord:
    """One word of a final, with its place in the stream.

    Attributes:
        word: The word as written, punctuation included.
        start: Seconds from the first sample of the stream.
        end: Seconds from the first sample of the stream; never before `start`.
        confidence: Probability in 0..1, or None where the recogniser gave none.
    """

    word: str
    start: float
    end: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One result of a stream.

    Attributes:
        text: What was heard in this segment so far. None stands for a result without any
            alternative, which real servers send now and then.
        is_final: Whether the segment is closed and this text will not change.
        words: The words of a final; empty on interims.
        confidence: Probability in 0..1, finals only.
        stability: How much of an interim is expected to stay, in 0..1; None on finals.
        audio_processed: Seconds of the stream behind this result.
    """

    text: str | None
    is_final: bool
    words: tuple[HeardWord, ...] = ()
    confidence: float | None = None
    stability: float | None = None
    audio_processed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFormat:
    """How the bytes of a stream are to be read.

    Attributes:
        encoding: `LINEAR_PCM` (16-bit little-endian), `MULAW` or `ALAW`; one channel.
        sample_rate: Samples a second, 8000 to 48000.
    """

    encoding: str
    sample_rate: int

    @property
    def bytes_per_second(self) -> int:
        """Bytes that one second of this audio takes."""
        return self.sample_rate * (2 if self.encoding == "LINEAR_PCM" else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """What a client asked for in its first message.

    Attributes:
        audio: The format of the bytes that follow.
        interim_results: Whether results of open segments are wanted.
        word_time_offsets: Whether finals carry words with times.
        automatic_punctuation: Whether the text keeps punctuation and capitals.
        hotwords: Phrases to favour, in the client's order.
        stop_history: Seconds of silence that end a segment; None leaves it to the recogniser.
    """

    audio: AudioFormat
    interim_results: bool = False
    word_time_offsets: bool = False
    automatic_punctuation: bool = False
    hotwords: tuple[str, ...] = ()
    stop_history: float | None = None


class Session(Protocol):
    """One stream in a recogniser. Written and ended by one task, its results read by another."""

    async def write(self, chunk: bytes) -> None:
        """Write audio, waiting while the recogniser is behind."""

    async def end(self) -> None:
        """End the audio; the results end once all of it is recognised."""

    def results(self) -> AsyncIterator[Hypothesis]:
        """Return the results in the order of the audio; ends after `end` or `release`."""

    def release(self) -> None:
        """Abandon the stream: its results end now."""


class Recogniser(Protocol):
    """What hears. One serves many streams."""

    async def load(self) -> None:
        """Load what is needed; called once, before the first `open`."""

    def open(self, options: StreamOptions) -> Session:
        """Open a stream."""

    async def aclose(self) -> None:
        """Release threads and memory."""
