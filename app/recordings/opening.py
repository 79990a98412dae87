"""From a container to libsndfile's decoder, and what is to be said of its end."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, Protocol

import soundfile

from app.recordings.errors import RecordingError, undecodable
from app.recordings.ffmpeg import FfmpegSound
from app.recordings.formats import Container
from app.recordings.mpeg import MpegFrames
from app.recordings.riff import WavHeader, read_wav_header, what_is_behind
from app.recordings.samples import Frames
from app.recordings.sound import NO_END, Pump, Sound, View, reason_of
from app.recordings.sources import PipeSource, Source

_MENTIONED_SECONDS: Final = 0.1
"""What is missing is mentioned from here on: coders pad their ends by less."""
_UNKNOWN_FRAMES: Final = 1 << 40
"""More than any recording has: libsndfile's way to say that a header does not know."""

_LONGEST_SAID_S: Final = 100 * 3600.0


class Feed(Protocol):
    """What a decoder reads from."""

    failure: RecordingError | OSError | None
    """What went wrong while it read: libsndfile cannot carry an exception."""

    ended: bool
    """Whether it read all there is."""


class Decoder(Protocol):
    """What decodes one recording, read forward only.

    Attributes:
        samplerate: Hz.
        channels: How many it hands out.
    """

    samplerate: int
    channels: int

    def next_frames(self, most: int) -> Frames:
        """Up to so many frames; none at the end, or where the decoder cannot go on."""

    @property
    def reason(self) -> str | None:
        """Why the decoder could not go on; None where it came to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A decoder at the first sample.

    Attributes:
        sound: The decoder.
        feed: What it reads from.
        name: Container and kind of samples, for people.
        declared_frames: How many the header promises; None where it does not say.
        certain_frames: How many there are without doubt; None where only decoding tells.
        open_ended: Whether the header ought to say how many, and does not.
        behind: Says, at the end, what of the recording was left out.
    """

    sound: Decoder
    feed: Feed
    name: str
    declared_frames: int | None
    certain_frames: int | None = None
    open_ended: bool = False
    behind: Callable[[], list[str]] = list

    def remarks(self, frames: int, rate: int) -> list[str]:
        """What is to be said when so many frames were read and no more come."""
        seconds = frames / rate
        if self.sound.reason is not None and not self.feed.ended:
            said = [f"It is damaged after {seconds:.1f} s and was read up to there."]
        elif self.declared_frames is not None:
            missing = self.declared_frames / rate - seconds
            said = [_missing(seconds, missing)] if missing >= _MENTIONED_SECONDS else []
        elif self.open_ended:
            said = [_OPEN_ENDED.format(seconds)]
        elif self.sound.reason is not None:
            said = [f"It breaks off after {seconds:.1f} s; what is there was read."]
        else:
            said = []
        return said + self.behind()


_OPEN_ENDED: Final = (
    "Its header does not say how long it is, as when a recorder was stopped before it could; the "
    "{:.1f} s that are there were read."
)


def _missing(seconds: float, missing: float) -> str:
    return (
        f"It ends after {seconds:.1f} s, {_seconds(missing)} before its header says; "
        "what is there was read."
    )


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < _LONGEST_SAID_S else "more than 100 hours"


def open_sound(source: Source, container: Container, closing: ExitStack) -> Opened:
    """Open the decoder of a container.

    Args:
        source: The recording.
        container: What it is.
        closing: Takes what is to be closed.

    Raises:
        RecordingError: UNREADABLE or UNSUPPORTED.
        OSError: The source cannot be read.
    """
    match container:
        case Container.RIFF:
            return _open_wav(source, closing)
        case Container.MPEG:
            return _open_mpeg(source, closing)
        case Container.FLAC:
            return _open_flac(source, closing)
        case Container.OGG if source.flows:
            return _open_pumped(source, container, closing)
        case _:
            return _open_other(source, container, closing)


def open_by_ffmpeg(source: Source, demuxer: str, name: str, closing: ExitStack) -> Opened:
    """Open a container that only ffmpeg knows; arguments as for `open_sound`.

    Raises:
        OSError: The program cannot be started.
    """
    sound = FfmpegSound(source, demuxer)
    closing.callback(sound.close)
    return Opened(sound=sound, feed=sound, name=f"{name} (by ffmpeg)", declared_frames=None)


def _open_wav(source: Source, closing: ExitStack) -> Opened:
    header = read_wav_header(source)
    present = None if source.flows or source.length is None else source.length - header.begin
    size = header.size if header.size is not None else present
    linear = header.subtype is not None
    view = _samples_of(source, header, size)
    raw: dict[str, Any] = {
        "format": "RAW",
        "subtype": header.subtype,
        "samplerate": header.rate,
        "channels": header.channels,
        "endian": "BIG" if header.big_endian else "LITTLE",
    }
    sound = _opened_view(view, "WAV", closing, **raw if linear else {})
    declared = certain = None
    if linear and header.size is not None:
        declared = header.size // header.frame_bytes
    if linear and size is not None and present is not None:
        certain = max(0, min(size, present)) // header.frame_bytes
    return Opened(
        sound=sound,
        feed=view,
        name=f"WAV ({sound.subtype_info})",
        declared_frames=declared,
        certain_frames=certain,
        open_ended=header.size is None and not source.flows,
        behind=lambda: what_is_behind(source, header),
    )


def _samples_of(source: Source, header: WavHeader, size: int | None) -> View:
    """The samples alone; those packed in blocks behind a header that says only what they are."""
    before = b"" if header.subtype is not None else header.plain()
    begin = header.begin - len(before)
    end = NO_END if size is None else len(before) + size

    def read_at(position: int, wanted: int) -> bytes:
        if position < len(before):
            return before[position : position + wanted]
        return source.read_at(begin + position, max(0, min(wanted, end - position)))

    return View(read_at, end)


def _open_mpeg(source: Source, closing: ExitStack) -> Opened:
    frames = MpegFrames(source)
    stream = PipeSource(frames, None)

    def read_at(position: int, wanted: int) -> bytes:
        # The end of a stream without end is where mpg123 looks for a tag.
        return bytes(wanted) if position > NO_END // 2 else stream.read_at(position, wanted)

    view = View(read_at, NO_END)
    sound = _opened_view(view, "MP3", closing)
    return Opened(
        sound=sound,
        feed=view,
        name=f"MP3 ({sound.subtype_info})",
        declared_frames=frames.declared,
        behind=lambda: _left_out(frames.skipped),
    )


def _left_out(skipped: int) -> list[str]:
    if not skipped:
        return []
    return [f"{skipped} bytes in it are not sound of the same stream and were left out."]


_FLAC_TOTAL_AT: Final = 21
"""Byte with the first four of the 36 bits that number the samples (RFC 9639, 8.2)."""
_FLAC_TOTAL_END: Final = 26
_FLAC_READ_BYTES: Final = 1024
"""Read at once from a pipe: 60 ms of speech. libFLAC asks for eight times as many."""


def _open_flac(source: Source, closing: ExitStack) -> Opened:
    """A FLAC without the number of samples in its header, past which libsndfile would not read."""
    before = bytearray(source.read_at(0, _FLAC_TOTAL_END))
    declared = 0
    if len(before) == _FLAC_TOTAL_END:
        declared = int.from_bytes(before[_FLAC_TOTAL_AT:], "big") & ((1 << 36) - 1)
        before[_FLAC_TOTAL_AT] &= 0xF0
        before[_FLAC_TOTAL_AT + 1 :] = bytes(_FLAC_TOTAL_END - _FLAC_TOTAL_AT - 1)

    def read_at(position: int, wanted: int) -> bytes:
        if position < len(before):
            return bytes(before[position : position + wanted])
        return source.read_at(position, min(wanted, _FLAC_READ_BYTES) if source.flows else wanted)

    view = View(read_at, NO_END)
    sound = _opened_view(view, "FLAC", closing)
    return Opened(
        sound=sound,
        feed=view,
        name=f"FLAC ({sound.subtype_info})",
        declared_frames=declared or None,
        open_ended=not declared and not source.flows,
    )


_BELIEVES_THE_LENGTH: Final = frozenset({Container.OGG, Container.W64, Container.SPHERE})
"""What looks for its last page at the end, or takes all up to there for sound. The others tell how
long their header says they are, as long as the file does not seem to be shorter."""


def _open_other(source: Source, container: Container, closing: ExitStack) -> Opened:
    whole = container in _BELIEVES_THE_LENGTH and not source.flows
    view = View(source.read_at, source.length if whole and source.length is not None else NO_END)
    sound = _opened_view(view, container.name, closing)
    frames: int = sound.frames
    return Opened(
        sound=sound,
        feed=view,
        name=f"{container.name} ({sound.subtype_info})",
        declared_frames=frames if frames < _UNKNOWN_FRAMES else None,
        open_ended=frames >= _UNKNOWN_FRAMES and not source.flows,
    )


def _open_pumped(source: Source, container: Container, closing: ExitStack) -> Opened:
    pump = Pump(source)
    closing.callback(pump.close)
    sound = _opened(pump, container.name, closing, file=pump.reading_end, closefd=False)
    name = f"{container.name} ({sound.subtype_info})"
    return Opened(sound=sound, feed=pump, name=name, declared_frames=None)


def _opened_view(view: View, name: str, closing: ExitStack, **shape: Any) -> Sound:  # noqa: ANN401 - soundfile's own
    return _opened(view, name, closing, file=view, **shape)


def _opened(
    feed: Feed,
    name: str,
    closing: ExitStack,
    *,
    file: View | int,
    **shape: Any,  # noqa: ANN401 - soundfile's own
) -> Sound:
    try:
        sound: Sound = closing.enter_context(Sound(file, **shape))
    except soundfile.LibsndfileError as error:
        match feed.failure:
            case RecordingError() | OSError() as failure:
                raise failure from None
        raise undecodable(f"it is {name}, and {reason_of(error)}") from None
    # What was looked for at the far end on the way was not the end.
    feed.ended = False
    return sound
