"""What is written of a recording: JSON with every word, and captions or text by option."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from app.captions import TimedWord, captions, srt, vtt
from app.client import StartTranscription
from app.contract.fields import WordTiming
from ops.batch.names import JSON
from ops.batch.place import Entry

VERSION: Final = "perch batch 1"
"""Of what a result holds. One of another version is made anew."""


class FinalResult(BaseModel):
    """A final result of the recogniser."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    segment_id: int
    text: str
    words: tuple[WordTiming, ...]
    confidence: float | None
    languages: tuple[str, ...] = ()


class Recording(BaseModel):
    """The recording that was heard, as it was listed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    size: int
    modified: str
    etag: str | None = None


class Transcript(BaseModel):
    """Everything that is known of a recording once it was heard.

    Attributes:
        version: `VERSION`.
        recording: Of which it is.
        asked: What was asked of the recogniser: language, model, hotwords.
        text: All finals in one line.
        audio_seconds: Heard.
        finals: As they came, each word with its times.
        warnings: What was odd about the recording.
        reconnects: Breaks of the connection over which the session went on.
        heard_at: UTC with offset.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str = VERSION
    recording: Recording
    asked: dict[str, Any]
    text: str
    audio_seconds: float
    finals: tuple[FinalResult, ...]
    warnings: tuple[str, ...] = ()
    reconnects: int = 0
    heard_at: str

    def is_of(self, entry: Entry, asked: Mapping[str, object]) -> bool:
        """Return whether it is what another run would find."""
        heard = Entry(**self.recording.model_dump())
        return (self.version, heard.identity, self.asked) == (VERSION, entry.identity, asked)

    def as_json(self) -> bytes:
        """Return it as it is kept: ASCII, for people too."""
        return (json.dumps(self.model_dump(mode="json"), indent=1) + "\n").encode()


@dataclass(frozen=True, slots=True)
class Heard:
    """What a gateway made of a recording.

    Attributes:
        finals: In order.
        audio_seconds: Sent.
        warnings: What was odd about the recording.
        reconnects: Breaks of the connection that were healed.
    """

    finals: Sequence[FinalResult]
    audio_seconds: float
    warnings: Sequence[str] = ()
    reconnects: int = 0


def recording_of(entry: Entry) -> Recording:
    """Return what a transcript says of its recording."""
    return Recording(name=entry.name, size=entry.size, modified=entry.modified, etag=entry.etag)


def asked_of(options: StartTranscription) -> dict[str, object]:
    """Return what decides which words are found; a result of other options is made anew."""
    return options.model_dump(mode="json", include={"language", "model", "hotwords"})


def transcript_of(
    entry: Entry, asked: Mapping[str, object], heard: Heard, heard_at: str
) -> Transcript:
    """Return what is kept of a recording that was heard."""
    return Transcript(
        recording=recording_of(entry),
        asked=dict(asked),
        text=_text(heard.finals),
        audio_seconds=round(heard.audio_seconds, 3),
        finals=tuple(heard.finals),
        warnings=tuple(heard.warnings),
        reconnects=heard.reconnects,
        heard_at=heard_at,
    )


def read(data: bytes | None) -> Transcript | None:
    """Return what was kept; None where that is nothing of ours, or not all of it."""
    if data is None:
        return None
    try:
        return Transcript.model_validate_json(data)
    except ValidationError:
        return None


def written(transcript: Transcript, endings: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a result with its ending; last the one by which it counts as done."""
    cut = captions(_timed(transcript.finals))
    for ending in endings:
        match ending:
            case ".srt":
                yield ending, srt(cut).encode()
            case ".vtt":
                yield ending, vtt(cut).encode()
            case _:
                lines = (final.text.strip() for final in transcript.finals)
                yield ending, "".join(f"{line}\n" for line in lines if line).encode()
    yield JSON, transcript.as_json()


def without_times(finals: Sequence[FinalResult]) -> str | None:
    """Return the remark that words are in no caption, where the recogniser gave no times."""
    if all(final.words or not final.text.strip() for final in finals):
        return None
    return "The recogniser gave some words no times; captions are without those."


def _timed(finals: Sequence[FinalResult]) -> Iterator[TimedWord]:
    """Yield words as the text writes them, where both have as many."""
    for final in finals:
        shown = final.text.split()
        if len(shown) != len(final.words):
            shown = [word.word for word in final.words]
        glued = len(shown) > 1 and "".join(shown) == final.text.strip()
        for number, (text, word) in enumerate(zip(shown, final.words, strict=True)):
            yield TimedWord(text, word.start, word.end, glued=glued and number > 0)


def _text(finals: Sequence[FinalResult]) -> str:
    return " ".join(final.text.strip() for final in finals if final.text.strip())
