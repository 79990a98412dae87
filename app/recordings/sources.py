"""Bytes of a recording by position: of a file, of memory, or of a pipe that is read once.

A decoder may seek to the end before it decodes, for a tag or the chunks after the sound. It must
not wait for the end of a live pipe, so there a read beyond what has come, after a jump, returns
nothing.
"""

import io
import os
import stat
from typing import BinaryIO, Final, Protocol

from .errors import RecordingError, RecordingProblem

HEAD_BYTES: Final = 1 << 20
"""Of a pipe, so much of its beginning can be read again: headers are read twice."""

_READ_BYTES: Final = 1 << 16
_NEARBY_BYTES: Final = 1 << 20
"""A jump ahead in a pipe no farther than this skips; one farther looks for the end."""


class Readable(Protocol):
    """A source that is read once, forward."""

    def read(self, size: int = -1, /) -> bytes | None:
        """Return the next bytes; none at the end."""


class Source(Protocol):
    """Bytes by position."""

    @property
    def length(self) -> int | None:
        """Number of bytes; None while it is unknown."""

    @property
    def flows(self) -> bool:
        """Whether it is a pipe, whose end is yet to come when it is opened."""

    def read_at(self, position: int, size: int) -> bytes:
        """Return so many bytes, fewer at the end.

        Raises:
            RecordingError: TOO_LARGE, or UNREADABLE where the system says so.
        """


def skip(source: Source, position: int, size: int) -> int:
    """Return the position after so many bytes, reading a pipe up to there step by step."""
    end = position + size
    while source.flows and position < end:
        position = min(end, position + _NEARBY_BYTES)
        if not source.read_at(position - 1, 1):
            break
    return end


def source_of(file: BinaryIO, max_bytes: int | None) -> Source:
    """Return the source for an open file, from its present position on.

    Raises:
        RecordingError: TOO_LARGE, UNREADABLE.
    """
    if not _has_an_end(file):
        return PipeSource(file, max_bytes)
    return FileSource(file, max_bytes)


def _has_an_end(file: BinaryIO) -> bool:
    """Return whether a file can be read from any position; devices only claim so."""
    if not file.seekable():
        return False
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, AttributeError):  # in memory
        return True


def _too_large(most: int) -> RecordingError:
    return RecordingError(
        RecordingProblem.TOO_LARGE,
        f"has more bytes than are taken; accepted: up to {most}",
    )


class FileSource:
    """A file that can be read from any position.

    Args:
        file: Its position now is the recording's beginning.
        max_bytes: Most that is taken.
    """

    flows = False

    def __init__(self, file: BinaryIO, max_bytes: int | None) -> None:
        self._file = file
        self._begin = file.tell()
        self.length: int = file.seek(0, io.SEEK_END) - self._begin
        if max_bytes is not None and self.length > max_bytes:
            raise _too_large(max_bytes)

    def read_at(self, position: int, size: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        if position >= self.length:
            return b""  # perhaps beyond any possible file, by a wrong header
        self._file.seek(self._begin + position)
        return self._file.read(min(size, self.length - position))


class PipeSource:
    """A pipe: it is read once, forward; its beginning is kept.

    Args:
        file: Unbuffered, or buffered with `read1`: what has come is taken at once.
        max_bytes: Most that is taken.
    """

    flows = True

    def __init__(self, file: Readable, max_bytes: int | None) -> None:
        self._read = getattr(file, "read1", file.read)
        self._most = max_bytes
        self._head = bytearray()
        self._ahead = bytearray()
        """What was read last; it ends at `_frontier`."""
        self._frontier = 0
        self.length: int | None = None

    def read_at(self, position: int, size: int) -> bytes:
        """Return so many bytes, fewer at the end; waits for them to come."""
        if position > self._frontier + _NEARBY_BYTES:
            return b""
        while self._frontier < position + size and self._more():
            pass
        if position + size <= len(self._head):
            return bytes(self._head[position : position + size])
        begin = position - (self._frontier - len(self._ahead))
        if begin >= 0:
            return bytes(self._ahead[begin : begin + size])
        if position < len(self._head):
            return bytes(self._head[position : position + size])
        return b""

    def _more(self) -> bool:
        if self.length is not None:
            return False
        came: bytes = self._read(_READ_BYTES) or b""
        if not came:
            self.length = self._frontier
            return False
        self._frontier += len(came)
        if self._most is not None and self._frontier > self._most:
            raise _too_large(self._most)
        if len(self._head) < HEAD_BYTES:
            self._head += came[: HEAD_BYTES - len(self._head)]
        self._ahead += came
        if len(self._ahead) > 4 * _READ_BYTES + _NEARBY_BYTES:
            del self._ahead[: len(self._ahead) - _NEARBY_BYTES]
        return True


class OffsetSource:
    """A source without its first bytes.

    Args:
        source: All of it.
        size: Number of bytes left out.
    """

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._size = size
        self.flows = source.flows

    @property
    def length(self) -> int | None:
        """Number of bytes; None while it is unknown."""
        whole = self._source.length
        return None if whole is None else max(0, whole - self._size)

    def read_at(self, position: int, size: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        return self._source.read_at(self._size + position, size)
