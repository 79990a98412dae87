"""Decoding of a recording, block by block."""

import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, Self

from .decoders import Opened, demuxer_of, is_ffmpegs, open_by_ffmpeg, open_sound
from .errors import RecordingError, RecordingProblem, undecodable
from .formats import HEAD_BYTES, container_of, name_of, unsupported
from .limits import RecordingLimits, check_shape
from .samples import Mixer, Pcm16
from .sources import source_of

BLOCK_SECONDS: Final = 0.5
_READ_SECONDS: Final = 0.25
_READ_SAMPLES: Final = 1 << 17
"""Decoded at once at most: half a MiB over all channels."""

_BELIEVED_SECONDS: Final = 1e6
"""A header that promises more is not quoted in errors."""

_NO_LIMITS: Final = RecordingLimits()


class OpenRecording:
    """A recording whose header was read.

    Iterate `blocks` once, to its end; `duration` and `warnings` grow while that happens and are
    whole afterwards. Use it as a context manager, or `close` it: from any thread, also while
    another one waits in `blocks`, which then ends.

    Args:
        opened: The decoder.
        limits: What is taken.
        closing: What is closed with it.

    Attributes:
        sample_rate: Hz of the blocks.
        channels: How many the recording has; they are mixed to one.
        format: Container and kind of samples, for people: "WAV (32 bit float)".
    """

    def __init__(self, opened: Opened, limits: RecordingLimits, closing: ExitStack) -> None:
        self._opened = opened
        self._limits = limits
        self._closing = closing
        self._rate: int = opened.sound.samplerate
        self._mixer = Mixer(self._rate)
        self._frames = 0
        self._warnings: list[str] = []
        self.sample_rate = self._mixer.rate
        self.channels: int = opened.sound.channels
        self.format = opened.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the decoder and what was opened for it; a file of the caller stays open."""
        self._closing.close()

    @property
    def promised_duration(self) -> float | None:
        """Seconds that the header promises, which need not be there; None where it does not say."""
        frames = self._opened.declared_frames
        return None if frames is None else frames / self._rate

    @property
    def duration(self) -> float:
        """Seconds of sound read so far, whatever the header promises."""
        return self._frames / self._rate

    @property
    def warnings(self) -> tuple[str, ...]:
        """Oddities of the recording, one sentence each."""
        return tuple(self._warnings)

    def blocks(self, seconds: float = BLOCK_SECONDS) -> Iterator[bytes]:
        """Yield PCM16 little-endian mono in order; a blocking call.

        Args:
            seconds: Longest block. From a pipe shorter ones come sooner, as a full one is yielded
                at once.

        Raises:
            RecordingError: TOO_LONG or TOO_LARGE as soon as a limit is passed; UNREADABLE where not
                one sample can be decoded, or where the system cannot read on.
        """
        frames = min(self._rate * min(_READ_SECONDS, seconds), _READ_SAMPLES / self.channels)
        step = max(1, round(frames))
        block: list[bytes] = []
        held = 0
        most = round(seconds * self.sample_rate) * 2
        for pcm in self._pieces(step):
            if held + len(pcm) > most and held:
                yield b"".join(block)
                block, held = [], 0
            block.append(pcm)
            held += len(pcm)
        if held:
            yield b"".join(block)

    def _pieces(self, step: int) -> Iterator[bytes]:
        sound, longest = self._opened.sound, self._limits.max_seconds
        while len(frames := sound.next_frames(step)):
            self._frames += len(frames)
            if longest is not None and self._frames > longest * self._rate:
                raise _too_long(self._opened.declared_frames, self._rate, longest)
            if pcm := self._mixer.mix(frames):
                yield pcm
            if sound.reason is not None:
                break
        self._check_feed()
        if sound.reason is not None and not self._frames:
            raise undecodable(f"it is {self._opened.name}, and {sound.reason}")
        if pcm := self._mixer.finish():
            yield pcm
        self._warn_of_the_end()

    def _check_feed(self) -> None:
        """Raise the error of a read by libsndfile."""
        match self._opened.feed.failure:
            case RecordingError() as error:
                raise error
            case OSError() as error:
                raise _unreadable(error) from None

    def _warn_of_the_end(self) -> None:
        self._warnings += self._opened.remarks(self._frames, self._rate)
        if self._mixer.not_numbers:
            self._warnings.append(
                f"{self._mixer.not_numbers} of its samples are no numbers (NaN or infinite) and "
                "were taken as silence."
            )
        if self._mixer.cancelled:
            self._warnings.append(
                "Its channels cancel each other out in the mix, as where one is of opposite phase; "
                "send one of them alone."
            )
        share = self._mixer.clipped / max(1, self._mixer.samples)
        if share > 0.01:  # noqa: PLR2004 - a percent is heard
            self._warnings.append(
                f"{share:.0%} of its samples lie beyond full scale and were cut off; "
                "float samples must lie between -1 and 1."
            )


def open_recording(
    recording: Path | bytes | BinaryIO, limits: RecordingLimits = _NO_LIMITS
) -> OpenRecording:
    """Read the header of a recording of any accepted kind; a blocking call.

    Memory stays within a few MiB whatever the header says. A pipe is read as it comes.

    Args:
        recording: A file (a FIFO or device too), a whole file's bytes, or an open binary file from
            where it stands. One that cannot seek is read once, forward.
        limits: What is taken.

    Raises:
        RecordingError: It cannot be used; see `RecordingProblem`.
    """
    closing = ExitStack()
    try:
        opened = _opened(recording, limits, closing)
    except BaseException:
        closing.close()
        raise
    return OpenRecording(opened, limits, closing)


def _opened(
    recording: Path | bytes | BinaryIO, limits: RecordingLimits, closing: ExitStack
) -> Opened:
    try:
        if isinstance(recording, Path):
            # A buffered pipe would be read further than asked for, and waited for when closed.
            flows = not recording.is_file()
            file: BinaryIO = closing.enter_context(recording.open("rb", 0 if flows else -1))
        else:
            file = io.BytesIO(recording) if isinstance(recording, bytes) else recording
        source = source_of(file, limits.max_bytes)
        head = source.read_at(0, HEAD_BYTES)
        name = name_of(head)
        demuxer = demuxer_of(name) if limits.programs else None
        if name is not None and demuxer is not None:
            opened = open_by_ffmpeg(source, demuxer, name, closing)
        elif name is not None and limits.programs and is_ffmpegs(name):
            raise unsupported(name, missing=True)
        else:
            opened = open_sound(source, container_of(head), closing)
    except OSError as error:
        raise _unreadable(error) from None
    rate, longest = opened.sound.samplerate, limits.max_seconds
    check_shape(rate, opened.sound.channels)
    # What is too long beyond doubt is refused before any of it is decoded.
    if longest is not None and (opened.certain_frames or 0) > longest * rate:
        raise _too_long(opened.certain_frames, rate, longest)
    return opened


def read_recording(
    recording: Path | bytes | BinaryIO, limits: RecordingLimits = _NO_LIMITS
) -> Pcm16:
    """Decode a whole recording in memory, two bytes a sample; a blocking call.

    Raises:
        RecordingError: See `open_recording` and `OpenRecording.blocks`.
    """
    with open_recording(recording, limits) as opened:
        data = b"".join(opened.blocks())
        return Pcm16(
            data=data,
            sample_rate=opened.sample_rate,
            duration=opened.duration,
            warnings=opened.warnings,
        )


def _too_long(said: int | None, rate: int, longest: float) -> RecordingError:
    seconds = (said or 0) / rate
    lasts = f"{seconds:.0f}" if longest < seconds < _BELIEVED_SECONDS else f"more than {longest:g}"
    return RecordingError(
        RecordingProblem.TOO_LONG,
        f"lasts {lasts} s; accepted: at most {longest:g} s",
    )


def _unreadable(error: OSError) -> RecordingError:
    # The system's word for it without its path, which is nobody's business.
    return RecordingError(
        RecordingProblem.UNREADABLE,
        f"cannot be read: {error.strerror or type(error).__name__}",
    )
