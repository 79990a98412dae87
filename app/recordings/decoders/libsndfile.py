"""libsndfile over a source: frames of a recording, and nothing that was not in it."""

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

NO_END: Final = 1 << 62
"""A length that no recording has: where nobody knows how long it is, or the header shall be heard
out before the facts are."""


class VirtualFile:
    """A file as libsndfile's virtual I/O wants it.

    Args:
        read_at: Gives bytes by position.
        length: Of the file, or what is claimed to be.
    """

    def __init__(self, read_at: Callable[[int, int], bytes], length: int) -> None:
        self._read_at = read_at
        self._length = length
        self._at = 0
        self.failure: RecordingError | OSError | None = None
        """What went wrong while libsndfile read: it cannot carry an exception."""
        self.ended = False
        """Whether a read found nothing."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def read(self, size: int) -> bytes:
        """Bytes from the position on; none at the end or after a failure."""
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
    """A pipe into which a source is copied as it comes, for a decoder that would look for the end.

    Only on a pipe does libsndfile play Ogg without looking for its last page first.

    Args:
        pieces: What is copied.
    """

    def __init__(self, pieces: Readable) -> None:
        self._pieces = pieces
        self.failure: RecordingError | OSError | None = None
        self.ended = False
        self.reading_end, self._writing_end = os.pipe()
        # A daemon: nobody waits for a pipe on which nothing comes any more.
        threading.Thread(target=self._run, name="copy sound", daemon=True).start()

    def _run(self) -> None:
        # libsndfile may have had enough and have closed its end.
        with open(self._writing_end, "wb", buffering=0) as out, suppress(BrokenPipeError):  # noqa: PTH123
            try:
                while came := self._pieces.read():
                    out.write(came)
            except BrokenPipeError:
                raise
            except (RecordingError, OSError) as error:
                self.failure = error
            except ValueError:
                pass  # the file was closed: nobody listens any more
            self.ended = True

    def close(self) -> None:
        """Let go of the reading end; the copying ends with what comes next."""
        os.close(self.reading_end)


class ForwardSoundFile(soundfile.SoundFile):  # type: ignore[misc] # it ships no types
    """A recording that is read forward only.

    soundfile seeks after every read of a file that can seek, which broken files and some codecs
    refuse; and it believes the header's number of frames, so that its own ways of reading a whole
    file hand out memory that was never written where the header promised too much.
    """

    def __init__(self, file: VirtualFile | Pump | int, **shape: Any) -> None:  # noqa: ANN401 - soundfile's own
        # One thread closes while another reads: libsndfile would read on in memory given back.
        self._in_use = threading.Lock()
        self._trouble: soundfile.SoundFileError | None = None
        super().__init__(file, **shape)

    def close(self) -> None:
        """Let go of the decoder, when a read that is under way has ended."""
        with self._in_use:
            super().close()

    def seekable(self) -> bool:
        """Never."""
        return False

    def next_frames(self, most: int) -> Frames:
        """Up to so many frames; none at the end, or where the decoder cannot go on.

        `reason` tells the two apart.
        """
        # What the decoder did not write to stays no number, and is not handed on.
        room = np.full((most, self.channels), np.nan, dtype=np.float32)
        try:
            with self._in_use:
                if self.closed:
                    return room[:0]
                frames: Frames = self.read(most, dtype="float32", always_2d=True, out=room)
        except soundfile.SoundFileError as error:
            self._trouble = error
            untouched = np.isnan(room).any(axis=1)
            return room[: int(untouched.argmax()) if untouched.any() else most]
        return frames

    @property
    def reason(self) -> str | None:
        """Why the decoder could not go on; None where it came to the end."""
        return None if self._trouble is None else reason_of(self._trouble)


def reason_of(error: soundfile.SoundFileError) -> str:
    """What libsndfile says of an error, without the name of any file."""
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
        closing: Takes what is to be closed.
        decoder: How it is read.
        file: A descriptor of what it reads from, where it is a pipe.
        shape: Of samples without a header.

    Raises:
        RecordingError: UNREADABLE, or what went wrong while it read.
        OSError: The same.
    """
    try:
        sound: SomeSound = closing.enter_context(decoder(feed if file is None else file, **shape))
    except soundfile.LibsndfileError as error:
        match feed.failure:
            case RecordingError() | OSError() as failure:
                raise failure from None
        raise undecodable(f"it is {name}, and {reason_of(error)}") from None
    # What was looked for at the far end on the way was not the end.
    feed.ended = False
    return sound
