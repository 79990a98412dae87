"""The frames of an MP3, without whatever else is in the file.

mpg123, which decodes them inside libsndfile, trusts the number of frames in the first one, guesses
it from the file's size where there is none (and stops there), and writes to the process's standard
error about anything else: tags, pictures, a gap. So it is fed whole frames of one kind from a
stream without end.
"""

import re
import struct
from dataclasses import dataclass
from typing import Final

from ..errors import undecodable
from ..sources import Source, skip

_HEADER_BYTES: Final = 4
_SYNC: Final = 0x7FF
_VERSION_1, _VERSION_2, _VERSION_2_5 = 3, 2, 0
_LAYER_I, _LAYER_II, _LAYER_III = 3, 2, 1
_FREE_KBITS, _BAD_KBITS, _BAD_RATE, _MONO = 0, 15, 3, 3

_RATES: Final = {
    _VERSION_1: (44_100, 48_000, 32_000),
    _VERSION_2: (22_050, 24_000, 16_000),
    _VERSION_2_5: (11_025, 12_000, 8_000),
}
_KBITS_2: Final = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_KBITS: Final = {
    (_VERSION_1, _LAYER_I): tuple(range(32, 449, 32)),
    (_VERSION_1, _LAYER_II): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (_VERSION_1, _LAYER_III): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (_VERSION_2, _LAYER_I): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (_VERSION_2, _LAYER_II): _KBITS_2,
    (_VERSION_2, _LAYER_III): _KBITS_2,
}
"""Sampling and bit rates by their bits: ISO/IEC 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3."""

_CANDIDATE: Final = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff]")
_WINDOW_BYTES: Final = 1 << 14
_MOST_SKIPPED_BYTES: Final = 1 << 20
"""Of what is neither a frame nor a tag; a file with more of it is not searched any further."""

_ID3_HEAD: Final = struct.Struct(">3sBBB4B")
_APE_HEAD: Final = struct.Struct("<8sII")
_APE_HEAD_BYTES: Final = 32
_ID3V1_BYTES: Final = 128
LONGEST_TAG_HEAD: Final = 16
_MOST_TAG_BYTES: Final = 64 << 20
_MOST_TAGS: Final = 1_000

_HAS_FRAMES: Final = 1
_FIELDS: Final = ((_HAS_FRAMES, 4), (2, 4), (4, 100), (8, 4))
"""What may stand in a Xing header: flag and bytes of the number of frames, the number of bytes, the
table for seeking, the quality."""
_ENDLESS: Final = 0x0FFF_FFFF
_VBRI_AT: Final = 36
_VBRI_FRAMES_AT: Final = 14
_ENCODER_BYTES: Final = 9
_PADDING_AT: Final = 21


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The first four bytes of a frame.

    Attributes:
        kind: What stays the same over a whole stream: version, layer, Hz, mono or not.
        size: Bytes of the frame, these four with it.
        samples: Samples of each channel in it.
        side_bytes: Of the side information that follows the header in layer III.
    """

    kind: tuple[int, int, int, bool]
    size: int
    samples: int
    side_bytes: int

    @property
    def is_mp3(self) -> bool:
        """Whether it is of layer III."""
        return self.kind[1] == _LAYER_III


def frame_header(data: bytes) -> FrameHeader | None:
    """Return the header that these bytes begin with; None where they are none.

    Frames of a free bit rate are not recognised: hardly anybody writes them.
    """
    if len(data) < _HEADER_BYTES:
        return None
    (word,) = struct.unpack_from(">I", data)
    version, layer = word >> 19 & 3, word >> 17 & 3
    kbits_at, rate_at = word >> 12 & 15, word >> 10 & 3
    if word >> 21 != _SYNC or version not in _RATES or layer == 0:
        return None
    if rate_at == _BAD_RATE or kbits_at in {_FREE_KBITS, _BAD_KBITS}:
        return None
    first = version == _VERSION_1
    rate = _RATES[version][rate_at]
    bits = 1000 * _KBITS[_VERSION_1 if first else _VERSION_2, layer][kbits_at - 1]
    padding = word >> 9 & 1
    mono = word >> 6 & 3 == _MONO
    if layer == _LAYER_I:
        samples, size = 384, (12 * bits // rate + padding) * 4
    else:
        samples = 1152 if layer == _LAYER_II or first else 576
        size = samples // 8 * bits // rate + padding
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return FrameHeader((version, layer, rate, mono), size, samples, side)


class MpegFrames:
    """Reads the frames of a source in order, as a file that is read forward.

    Args:
        source: Where they stand, between whatever else.

    Attributes:
        declared: Samples of each channel that the file promises; None where it does not say.
        skipped: Bytes met so far that are neither frames of this stream nor tags.

    Raises:
        RecordingError: UNREADABLE, there is no frame.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = self._tags = 0
        self._kind: tuple[int, int, int, bool] | None = None
        self.declared: int | None = None
        self.skipped = 0
        frame = self._next()
        if frame is None:
            raise undecodable("it seems to be MP3, and there is no sound in it")
        self._waiting = self._without_promises(frame)

    def read(self, _: int = -1) -> bytes:
        """Return the next frame; empty at the end."""
        frame, self._waiting = self._waiting, b""
        return frame or self._next() or b""

    def _next(self) -> bytes | None:
        in_step = self._kind is not None
        while True:
            head = self._source.read_at(self._at, LONGEST_TAG_HEAD)
            if len(head) < _HEADER_BYTES:
                return None
            header = frame_header(head)
            if header is not None and self._belongs(header, self._at, in_step=in_step):
                frame = self._source.read_at(self._at, header.size)
                if len(frame) < header.size:
                    return None  # broken off inside
                self._kind = header.kind
                self._at += header.size
                return frame
            if (tag := tag_bytes(head)) and self._tags < _MOST_TAGS:
                self._tags += 1
                self._at = skip(self._source, self._at, tag)
            elif not self._search():
                return None
            else:
                in_step = False

    def _belongs(self, header: FrameHeader, at: int, *, in_step: bool) -> bool:
        """Return whether a header is one of this stream, not just four bytes that look like one."""
        if self._kind is not None and header.kind != self._kind:
            return False
        if in_step:
            return True
        behind = self._source.read_at(at + header.size, LONGEST_TAG_HEAD)
        if len(behind) < _HEADER_BYTES or tag_bytes(behind):
            return True
        following = frame_header(behind)
        return following is not None and following.kind == header.kind

    def _search(self) -> bool:
        """Advance to the next frame; return False where there is none nearby."""
        begin = self._at
        at = begin + 1
        while self.skipped + at - begin < _MOST_SKIPPED_BYTES:
            window = self._source.read_at(at, _WINDOW_BYTES)
            if len(window) < _HEADER_BYTES:
                self.skipped += at + len(window) - begin
                return False
            for found in _CANDIDATE.finditer(window):
                place = at + found.start()
                header = frame_header(self._source.read_at(place, _HEADER_BYTES))
                if header is not None and self._belongs(header, place, in_step=False):
                    self._at = place
                    self.skipped += place - begin
                    return True
            # A header may lie over the edge of the window.
            at += len(window) - _HEADER_BYTES + 1
        self.skipped += at - begin
        return False

    def _without_promises(self, frame: bytes) -> bytes:
        """Return the first frame; a table of contents without its number of frames."""
        header = frame_header(frame)
        if header is None or not header.is_mp3:
            return frame
        if frame.startswith(b"VBRI", _VBRI_AT):
            self.declared = _number(frame, _VBRI_AT + _VBRI_FRAMES_AT) * header.samples
            return b""
        at = _HEADER_BYTES + header.side_bytes
        if frame[at : at + 4] not in {b"Xing", b"Info"}:
            return frame
        flags, field, frames = _number(frame, at + 4), at + 8, 0
        for flag, size in _FIELDS:
            if flags & flag:
                if flag == _HAS_FRAMES:
                    frames = _number(frame, field)
                field += size
        encoder = frame[field:]
        if frames:
            self.declared = max(0, frames * header.samples - _padding(encoder))
        endless = struct.pack(">II", _HAS_FRAMES, _ENDLESS)
        return (frame[: at + 4] + endless + encoder).ljust(len(frame), b"\0")[: len(frame)]


def _number(frame: bytes, at: int) -> int:
    return int.from_bytes(frame[at : at + 4], "big")


def _padding(encoder: bytes) -> int:
    """Return the number of samples that the encoder put before and after the sound, if it says."""
    if not encoder[:_ENCODER_BYTES].strip(b"\0"):
        return 0
    both = int.from_bytes(encoder[_PADDING_AT : _PADDING_AT + 3], "big")
    return (both >> 12) + (both & 0xFFF)


def tag_bytes(head: bytes) -> int:
    """Return the length of the tag that begins with these bytes; 0 where none does."""
    if head.startswith(b"TAG"):
        return _ID3V1_BYTES
    if head.startswith(b"ID3") and len(head) >= _ID3_HEAD.size:
        _, _, _, flags, *sizes = _ID3_HEAD.unpack_from(head)
        if max(sizes) > 0x7F:  # noqa: PLR2004 - seven bits a byte
            return 0
        size = sum(part << 7 * (3 - place) for place, part in enumerate(sizes))
        return _within(_ID3_HEAD.size * (2 if flags & 0x10 else 1) + size)
    if head.startswith(b"APETAGEX") and len(head) >= _APE_HEAD.size:
        return _within(_APE_HEAD_BYTES + int(_APE_HEAD.unpack_from(head)[2]))
    return 0


def _within(size: int) -> int:
    return size if size <= _MOST_TAG_BYTES else 0
