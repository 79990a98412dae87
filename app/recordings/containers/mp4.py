"""MP4 with its index behind the sound, as telephones write it, put in the order of a stream.

The index (`moov`, ISO/IEC 14496-12, 8.2.1) has the places of all samples. A recorder writes it
last, when it knows them; whoever reads a pipe needs it first. Put there, all that it moved lies
farther behind by its length, and so its tables of places (`stco` and `co64`, 8.7.5) are changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..sources import Source

_HEAD_BYTES: Final = 8
_LARGE_HEAD_BYTES: Final = 16
_MOST_BOXES: Final = 1024
_MOST_DEPTH: Final = 8
_MOST_INDEX_BYTES: Final = 1 << 26
"""A day of AAC has 4 million frames of 4 bytes each in its table of sizes."""

_INSIDE: Final = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_PLACES: Final = {b"stco": 4, b"co64": 8}
"""Bytes of a place."""
_TABLE_HEAD_BYTES: Final = 8
"""Version, flags, and the number of places."""


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    begin: int
    inside: int
    """Where its content begins."""
    end: int


def with_index_first(source: Source) -> Source:
    """Return an MP4 whose index comes before its sound; itself where nothing is to be done.

    Raises:
        RecordingError: The source cannot be read.
        OSError: The same.
    """
    length = source.length
    if source.flows or length is None:
        return source
    first: _Box | None = None
    sound_at: int | None = None
    for box in _boxes(source, 0, length):
        first = first or box
        if box.kind == b"mdat" and sound_at is None:
            sound_at = box.begin
        if box.kind == b"moov":
            if sound_at is None or first.kind != b"ftyp" or box.end - box.begin > _MOST_INDEX_BYTES:
                return source
            return _rearranged(source, first, box, length)
    return source


def _rearranged(source: Source, first: _Box, index: _Box, length: int) -> Source:
    moved = bytearray(source.read_at(index.begin, index.end - index.begin))
    if len(moved) != index.end - index.begin:
        return source
    try:
        _move(moved, range(first.end, index.begin), len(moved))
    except OverflowError:
        return source
    return _Pieces(
        (
            _Piece(source, 0, first.end),
            _Piece(_Bytes(bytes(moved)), 0, len(moved)),
            _Piece(source, first.end, index.begin),
            _Piece(source, index.end, length),
        )
    )


def _move(data: bytearray, which: range, by: int) -> None:
    """Change the places in an index that lie in a range.

    Raises:
        OverflowError: A place becomes too large for its table.
    """
    view = _Bytes(data)
    waiting = [(box, 0) for box in _boxes(view, 0, len(data))]
    while waiting:
        box, depth = waiting.pop()
        if box.kind in _INSIDE and depth < _MOST_DEPTH:
            waiting += [(one, depth + 1) for one in _boxes(view, box.inside, box.end)]
        size = _PLACES.get(box.kind)
        if size is None:
            continue
        begin = box.inside + _TABLE_HEAD_BYTES
        said = int.from_bytes(data[begin - 4 : begin], "big")
        for at in range(begin, min(box.end, begin + said * size) - size + 1, size):
            place = int.from_bytes(data[at : at + size], "big")
            if place in which:
                data[at : at + size] = (place + by).to_bytes(size, "big")


def _boxes(source: Source, begin: int, end: int) -> Iterator[_Box]:
    """Yield the boxes of a span, up to one that is none."""
    for _ in range(_MOST_BOXES):
        head = source.read_at(begin, min(_LARGE_HEAD_BYTES, max(0, end - begin)))
        if len(head) < _HEAD_BYTES:
            return
        size, kind, inside = int.from_bytes(head[:4], "big"), head[4:8], begin + _HEAD_BYTES
        if size == 1 and len(head) == _LARGE_HEAD_BYTES:
            size, inside = int.from_bytes(head[8:], "big"), begin + _LARGE_HEAD_BYTES
        after = end if size == 0 else begin + size
        if not inside <= after <= end:
            return
        yield _Box(kind, begin, inside, after)
        begin = after


class _Bytes:
    """Bytes in memory."""

    flows = False

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = data
        self.length: int | None = len(data)

    def read_at(self, position: int, size: int) -> bytes:
        """Return so many bytes, fewer at the end."""
        return bytes(self._data[position : position + size])


@dataclass(frozen=True, slots=True)
class _Piece:
    source: Source
    begin: int
    end: int


class _Pieces:
    """Spans of other sources, one behind the other."""

    flows = False

    def __init__(self, pieces: tuple[_Piece, ...]) -> None:
        self._pieces = pieces
        self.length: int | None = sum(piece.end - piece.begin for piece in pieces)

    def read_at(self, position: int, size: int) -> bytes:
        """Return so many bytes, fewer at the end, or where a piece ends."""
        for piece in self._pieces:
            span = piece.end - piece.begin
            if position < span:
                return piece.source.read_at(piece.begin + position, min(size, span - position))
            position -= span
        return b""
