"""The pages of one stream in an Ogg, and nothing else that may stand in the file.

libogg, which finds them inside libsndfile, takes minutes over a few MiB that are made to look like
pages, and loses sound that stands before ordinary rubbish. So it gets whole pages of one stream,
with a right checksum, one after the other.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from ..formats import unsupported
from ..sources import Source

_HEAD: Final = struct.Struct("<4sBBqIIIB")
"""Mark, version, flags, position, stream, number, checksum, pieces (RFC 3533, 6)."""
_MARK: Final = b"OggS"
_CHECKSUM: Final = slice(22, 26)
_FIRST, _LAST = 2, 4
_CODEC_FLAC: Final = b"\x7fFLAC"
_CODECS: Final = (b"\x01vorbis", b"OpusHead", _CODEC_FLAC)
_FLAC_MARK_AT: Final = 9
"""Where FLAC's own mark stands in the first page of one in an Ogg."""

_MOST_SKIPPED_BYTES: Final = 1 << 20
"""Of what is no page; a file with more of it is not searched any further."""
_WINDOW_BYTES: Final = 1 << 14

_REVERSED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
"""Every byte with its bits in the other order."""
_ALL_ONES: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its flags, its stream, all of its bytes, and those of the stream in it."""

    flags: int
    stream: int
    data: bytes
    body: bytes


class OggPages:
    """Reads the pages of a source in order, as a file that is read forward.

    Args:
        source: Where they stand, between whatever else.

    Attributes:
        finished: Whether the page was read that says it is the last.
        skipped: Bytes met so far that are no pages.

    Raises:
        RecordingError: UNSUPPORTED, there is no stream in it that is decoded.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0
        self.finished = False
        self.skipped = 0
        self._waiting: Page | None = self._first()
        self._stream = self._waiting.stream
        self._codec = self._waiting.body[: len(_CODEC_FLAC)]

    @property
    def holds_flac(self) -> bool:
        """Whether the stream is FLAC."""
        return self._codec == _CODEC_FLAC

    def read(self, _: int = -1) -> bytes:
        """Return the next page; empty at the end."""
        page = self.next_page()
        return b"" if page is None else page.data

    def next_page(self) -> Page | None:
        """Return the next page of the stream; None at the end."""
        page, self._waiting = self._waiting, None
        while page is None and not self.finished:
            page = self._next()
            if page is None:
                break
            if page.stream != self._stream:
                page = None
        if page is not None:
            self.finished = bool(page.flags & _LAST)
        return page

    def behind(self) -> int:
        """Return the number of bytes after the last page, where the source knows."""
        return max(0, (self._source.length or 0) - self._at) if self.finished else 0

    def _first(self) -> Page:
        """Return the page that begins the first stream of sound."""
        while (page := self._next()) is not None and page.flags & _FIRST:
            if page.body.startswith(_CODECS):
                return page
        raise unsupported("Ogg without Vorbis, Opus or FLAC in it")

    def _next(self) -> Page | None:
        while True:
            page = self._page_at(self._at)
            if page is not None:
                self._at += len(page.data)
                return page
            if not self._search():
                return None

    def _page_at(self, at: int) -> Page | None:
        """Return the whole page that begins there; None where none does."""
        head = self._source.read_at(at, _HEAD.size)
        if len(head) < _HEAD.size or not head.startswith(_MARK):
            return None
        _, version, flags, _, stream, _, checksum, pieces = _HEAD.unpack(head)
        if version:
            return None
        sizes = self._source.read_at(at + _HEAD.size, pieces)
        begin = at + _HEAD.size + pieces
        body = self._source.read_at(begin, sum(sizes))
        if len(sizes) < pieces or len(body) < sum(sizes):
            return None  # broken off inside
        data = head + sizes + body
        return Page(flags, stream, data, body) if _crc(data) == checksum else None

    def _search(self) -> bool:
        """Advance to what looks like the next page; return False where nothing nearby does."""
        at = self._at + 1
        while self.skipped + at - self._at < _MOST_SKIPPED_BYTES:
            window = self._source.read_at(at, _WINDOW_BYTES)
            if len(window) < len(_MARK):
                return False
            found = window.find(_MARK)
            if found >= 0:
                self.skipped += at + found - self._at
                self._at = at + found
                return True
            # A mark may lie over the edge of the window.
            at += len(window) - len(_MARK) + 1
        return False


class FlacOfOgg:
    """A FLAC out of the pages of an Ogg, as a file that is read forward.

    Args:
        pages: Where it lies, not yet read.
    """

    def __init__(self, pages: OggPages) -> None:
        self._pages = pages
        self._left_out = _FLAC_MARK_AT

    def read(self, _: int = -1) -> bytes:
        """Return the next bytes; empty at the end."""
        while (page := self._pages.next_page()) is not None:
            left_out, self._left_out = self._left_out, 0
            if body := page.body[left_out:]:
                return body
        return b""


def _crc(page: bytes) -> int:
    """Return Ogg's checksum of a page: zlib's polynomial with reversed bits, nothing inverted."""
    blank = bytearray(page)
    blank[_CHECKSUM] = bytes(4)
    reflected = zlib.crc32(bytes(blank).translate(_REVERSED), _ALL_ONES) ^ _ALL_ONES
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_REVERSED), "big")
