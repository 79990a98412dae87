"""libsndfile over a source: frames of a recording, and nothing that was not in it."""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
import soundfile

from app.recordings.errors import RecordingError
from app.recordings.samples import Frames

NO_END: Final = 1 << 62
"""A length that no recording has: where nobody knows how long it is, or the header shall be heard
out before the facts are."""


class View:
    """A file as libsndfile's virtual I/O wants it.

    Args:
        read_at: Gives bytes by position.
        length: Of the file, or what is claimed to be.
        short_reads: Whether a read may give less than was asked for before the end. Decoders of raw
            samples take that for the end.
    """

    def __init__(self, read_at: Callable[[int, int], bytes], length: int) -> None:
        self._read_at = read_at
        self._length = length
        self._at = 0
        self.failure: RecordingError | OSError | None = None
        """What went wrong while libsndfile read: it cannot carry an exception."""

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
        return came


class Sound(soundfile.SoundFile):  # type: ignore[misc] # it ships no types
    """A recording that is read forward only.

    soundfile seeks after every read of a file that can seek, which broken files and some codecs
    refuse; and it believes the header's number of frames, so that its own ways of reading a whole
    file hand out memory that was never written where the header promised too much.
    """

    def seekable(self) -> bool:
        """Never."""
        return False

    def next_frames(self, most: int) -> Frames:
        """Up to so many frames; none at the end.

        Raises:
            soundfile.SoundFileError: The decoder could not go on.
        """
        room = np.zeros((most, self.channels), dtype=np.float32)
        frames: Frames = self.read(most, dtype="float32", always_2d=True, out=room)
        return frames
