"""Decoding by libsndfile, without samples that were not in the recording."""

import io
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any, Final, TypeVar

import numpy as np
import soundfile

from ..errors import RecordingError, undecodable
from ..samples import Frames
from ..sources import Readable
from .clean_memory import clean_memory

NO_END: Final = 1 << 62
"""A length beyond any recording's: where it is unknown, or the header is not to be checked yet."""


class VirtualFile:
    """A file for libsndfile's virtual I/O.

    Args:
        read_at: Returns bytes by position.
        length: Of the file, real or pretended.
    """

    def __init__(self, read_at: Callable[[int, int], bytes], length: int) -> None:
        self._read_at = read_at
        self._length = length
        self._at = 0
        self.failure: RecordingError | OSError | None = None
        """Error of a read: libsndfile does not pass on exceptions."""
        self.ended = False
        """Whether a read found nothing."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def read(self, size: int) -> bytes:
        """Return bytes at the position; none at the end or after an error."""
        if self.failure is not None:
            return b""
        try:
            came = self._read_at(self._at, size)
        except (RecordingError, OSError) as error:
            self.failure = error
            return b""
        self._at += len(came)
        self.ended = self.ended or not came
        return came


class Pump:
    """A pipe into which a source is copied as it comes.

    Only from a pipe does libsndfile decode Ogg without seeking its last page first.

    Args:
        pieces: The source.
    """

    def __init__(self, pieces: Readable) -> None:
        self._pieces = pieces
        self.failure: RecordingError | OSError | None = None
        self.ended = False
        self.reading_end, self._writing_end = os.pipe()
        # A daemon: it may wait for ever on a pipe on which nothing more comes.
        threading.Thread(target=self._run, name="copy sound", daemon=True).start()

    def _run(self) -> None:
        # libsndfile may have closed its end.
        with open(self._writing_end, "wb", buffering=0) as out, suppress(BrokenPipeError):  # noqa: PTH123
            try:
                while came := self._pieces.read():
                    out.write(came)
            except BrokenPipeError:
                raise
            except (RecordingError, OSError) as error:
                self.failure = error
            except ValueError:
                pass  # the file was closed
            self.ended = True

    def close(self) -> None:
        """Close the reading end; the copying ends with the next bytes."""
        os.close(self.reading_end)


class ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc] # it ships no types
    """A recording that is read forward only.

    soundfile seeks after every read of a file that can seek, which broken files and some codecs
    refuse; and it trusts the header's number of frames, so that its own ways of reading a whole
    file return uninitialised memory where the header promises too much.
    """

    def __init__(self, file: VirtualFile | Pump | int, **shape: Any) -> None:  # noqa: ANN401 - soundfile's own
        # One thread may close while another reads: libsndfile would read on in freed memory.
        self._in_use = threading.Lock()
        self._trouble: soundfile.SoundFileError | None = None
        super().__init__(file, **shape)

    def close(self) -> None:
        """Close the decoder once a read under way has ended."""
        with self._in_use:
            super().close()

    def seekable(self) -> bool:
        """Return False, always."""
        return False

    def next_frames(self, most: int) -> Frames:
        """Return up to so many frames; none at the end, or where `reason` has the error."""
        # What the decoder did not write stays NaN, and is not returned.
        room = np.full((most, self.channels), np.nan, dtype=np.float32)
        try:
            with self._in_use:
                if self.closed:
                    return room[:0]
                with clean_memory():
                    frames: Frames = self.read(most, dtype="float32", always_2d=True, out=room)
        except soundfile.SoundFileError as error:
            self._trouble = error
            untouched = np.isnan(room).any(axis=1)
            return room[: int(untouched.argmax()) if untouched.any() else most]
        return frames

    @property
    def reason(self) -> str | None:
        """Error of the decoder; None where it reached the end."""
        return None if self._trouble is None else reason_of(self._trouble)


def reason_of(error: soundfile.SoundFileError) -> str:
    """Return libsndfile's text of an error, without the name of any file."""
    text = str(getattr(error, "error_string", None) or error)
    return text.removeprefix("Error : ").rstrip(".")


SomeSound = TypeVar("SomeSound", bound=ForwardSoundFile)


def open_libsndfile(
    feed: VirtualFile | Pump,
    name: str,
    closing: ExitStack,
    *,
    decoder: type[SomeSound],
    file: int | None = None,
    **shape: Any,  # noqa: ANN401 - soundfile's own
) -> SomeSound:
    """Open a decoder of libsndfile.

    Args:
        feed: What it reads from.
        name: Of the container, for people.
        closing: Closes the decoder.
        decoder: Its class.
        file: Descriptor of the feed, where that is a pipe.
        shape: Of samples without a header.

    Raises:
        RecordingError: UNREADABLE, or what went wrong while it read.
        OSError: The same.
    """
    try:
        with clean_memory():
            opened = decoder(feed if file is None else file, **shape)
        sound: SomeSound = closing.enter_context(opened)
    except soundfile.LibsndfileError as error:
        match feed.failure:
            case RecordingError() | OSError() as failure:
                raise failure from None
        raise undecodable(f"it is {name}, and {reason_of(error)}") from None
    # A seek to the end while opening does not count.
    feed.ended = False
    return sound
