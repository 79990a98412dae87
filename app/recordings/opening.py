"""From a container to libsndfile's decoder, and what is to be said of its end."""

from dataclasses import dataclass
from typing import Final

import soundfile

from app.recordings.errors import RecordingError, RecordingProblem
from app.recordings.formats import Container
from app.recordings.riff import WavHeader, read_wav_header
from app.recordings.sound import NO_END, Sound, View
from app.recordings.sources import Source

_MENTIONED_SECONDS: Final = 0.1
"""What is missing is mentioned from here on: coders pad their ends by less."""
_UNKNOWN_FRAMES: Final = 1 << 40
"""More than any recording has: libsndfile's way to say that a header does not know."""

_LONGEST_SAID_S: Final = 100 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A decoder at the first sample.

    Attributes:
        sound: The decoder.
        view: What it reads from.
        source: What that reads from.
        name: Container and kind of samples, for people.
        declared_frames: How many the header promises; None where it does not say.
        certain_frames: How many there are without doubt; None where only decoding tells.
        open_ended: Whether the header ought to say how many, and does not.
    """

    sound: Sound
    view: View
    source: Source
    name: str
    declared_frames: int | None
    certain_frames: int | None = None
    open_ended: bool = False

    def close(self) -> None:
        """Let go of the decoder."""
        self.sound.close()

    def remarks(self, frames: int, rate: int) -> list[str]:
        """What is to be said when so many frames were read up to the end."""
        if self.declared_frames is None:
            if self.open_ended:
                said = (
                    "Its header does not say how long it is, as when a recorder was stopped "
                    f"before it could; the {frames / rate:.1f} s that are there were read."
                )
                return [said]
            return []
        missing = (self.declared_frames - frames) / rate
        if missing < _MENTIONED_SECONDS:
            return []
        said = (
            f"It ends after {frames / rate:.1f} s, {_seconds(missing)} before its header says; "
            "what is there was read."
        )
        return [said]


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < _LONGEST_SAID_S else "more than 100 hours"


def open_sound(source: Source, container: Container) -> Opened:
    """Open the decoder of a container.

    Raises:
        RecordingError: UNREADABLE or UNSUPPORTED.
        OSError: The source cannot be read.
    """
    if container is Container.RIFF:
        return _open_wav(source)
    return _open_other(source, container)


def _open_wav(source: Source) -> Opened:
    header = read_wav_header(source)
    available = (
        None if source.length is None or source.flows else max(0, source.length - header.begin)
    )
    size = header.size if header.size is not None else available
    certain = min(size, available) if size is not None and available is not None else None
    view = _samples_of(source, header, size)
    sound = (
        _opened(view, "WAV")
        if header.subtype is None
        else _opened(
            view,
            "WAV",
            format="RAW",
            subtype=header.subtype,
            samplerate=header.rate,
            channels=header.channels,
            endian="BIG" if header.big_endian else "LITTLE",
        )
    )
    linear = header.subtype is not None
    return Opened(
        sound=sound,
        view=view,
        source=source,
        name=f"WAV ({sound.subtype_info})",
        declared_frames=header.size // header.frame_bytes
        if linear and header.size is not None
        else None,
        certain_frames=certain // header.frame_bytes if linear and certain is not None else None,
        open_ended=header.size is None and not source.flows,
    )


def _samples_of(source: Source, header: WavHeader, size: int | None) -> View:
    """The samples alone; those packed in blocks behind a header that says only what they are."""
    before = b""
    if header.subtype is None:
        before = header.plain()
    begin, end = header.begin - len(before), size if size is not None else NO_END

    def read_at(position: int, wanted: int) -> bytes:
        if position < len(before):
            return before[position : position + wanted]
        left = max(0, len(before) + end - position)
        return source.read_at(begin + position, min(wanted, left))

    return View(read_at, len(before) + end)


def _open_other(source: Source, container: Container) -> Opened:
    length = NO_END if source.length is None or source.flows else source.length
    view = View(source.read_at, length)
    sound = _opened(view, container.name)
    frames: int = sound.frames
    return Opened(
        sound=sound,
        view=view,
        source=source,
        name=f"{container.name} ({sound.subtype_info})",
        declared_frames=frames if frames < _UNKNOWN_FRAMES else None,
        open_ended=frames >= _UNKNOWN_FRAMES and not source.flows,
    )


def _opened(view: View, name: str, **shape: str | int) -> Sound:
    try:
        return Sound(view, **shape)
    except soundfile.LibsndfileError as error:
        match view.failure:
            case RecordingError() | OSError() as failure:
                raise failure from None
        raise RecordingError(
            RecordingProblem.UNREADABLE,
            f"The {name} cannot be decoded: {error.error_string} Record or convert it again.",
        ) from None
