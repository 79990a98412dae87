"""Headers of WAV in its kinds: RIFF, RIFX, RF64, and W64."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..formats import unsupported
from ..limits import check_shape
from ..sources import Source
from .layout import UNKNOWN_FROM, WIDEST_SAMPLE, Chunk, Layout, broken, chunks, promised, subtype_of

_CHUNKS_AT: Final = 12
_FORMAT_BYTES: Final = 128
"""Of a description of samples; the longest ones say more than is asked here."""
_EXTENDED_TAG_AT: Final = 24
_HIGHEST_SIZE: Final = 0xFFFF_FFFF
_LONGEST: Final = 1 << 62

_EXTENSIBLE: Final = 0xFFFE
_KINDS: Final = {0x0001: "unsigned", 0x0003: "float", 0x0006: "A-law", 0x0007: "mu-law"}
"""Plain samples by their tag; integers of one byte are unsigned in a WAV."""
_PACKED: Final = {0x0002: "MS_ADPCM", 0x0011: "IMA_ADPCM", 0x0031: "GSM610"}
"""What libsndfile decodes block by block, by the WAV's own description."""
MPEG: Final = "MPEG"
"""Stands for the samples of a WAV that holds frames of an MP3."""
_MPEG_TAGS: Final = frozenset({0x0050, 0x0055})
_FOREIGN: Final = {
    0x0040: "G.721 ADPCM",
    0x0045: "G.726 ADPCM",
    0x0064: "G.726 ADPCM",
    0x00FF: "AAC",
    0x0161: "WMA",
    0x1600: "AAC",
    0x1610: "AAC",
}
_BEHIND: Final = frozenset(
    {
        b"LIST", b"INFO", b"id3 ", b"ID3 ", b"bext", b"iXML", b"cue ", b"smpl", b"PEAK", b"fact",
        b"JUNK", b"junk", b"PAD ", b"FLLR", b"axml", b"_PMX", b"afsp", b"cart", b"inst", b"DISP",
        b"umid", b"levl", b"plst", b"acid", b"fmt ", b"slnt", b"MD5 ", b"minf", b"elm1", b"regn",
    }
)  # fmt: skip

_W64_CHUNKS_AT: Final = 40
_W64_PAD: Final = 8


@dataclass(frozen=True, slots=True)
class _Kind:
    """What WAV and W64 differ in, as far as the samples go."""

    name: str
    order: str
    pads_to: int
    unknown_from: int


def read_wav(source: Source) -> Layout:
    """Walk over the chunks of a WAV to the samples.

    Raises:
        RecordingError: UNREADABLE where it breaks off before the samples, UNSUPPORTED where they
            are of a kind that is not decoded.
    """
    order = ">" if source.read_at(0, 4) == b"RIFX" else "<"
    if source.read_at(8, 4) != b"WAVE":
        raise broken("RIFF", "not WAVE")
    head = struct.Struct(f"{order}4sI")
    found = chunks(source, _CHUNKS_AT, head.size, lambda data: _pair(head, data), 2)
    return _samples(source, found, _Kind("WAV", order, 2, UNKNOWN_FROM))


def read_w64(source: Source) -> Layout:
    """Walk over the chunks of a W64 to the samples; errors as for `read_wav`."""
    head = struct.Struct("<4s12xQ")
    found = chunks(source, _W64_CHUNKS_AT, head.size, lambda data: _w64_pair(head, data), _W64_PAD)
    return _samples(source, found, _Kind("W64", "<", _W64_PAD, _LONGEST))


def _pair(head: struct.Struct, data: bytes) -> tuple[bytes, int]:
    name, size = head.unpack(data)
    return name, size


def _w64_pair(head: struct.Struct, data: bytes) -> tuple[bytes, int]:
    """Parse a head of W64: its GUIDs begin with RIFF's names, its sizes include the head."""
    name, size = _pair(head, data)
    return name, max(0, size - head.size)


def _samples(source: Source, found: Iterable[Chunk], kind: _Kind) -> Layout:
    description, long_size = None, None
    for name, begin, size in found:
        if name == b"fmt ":
            description = source.read_at(begin, min(size, _FORMAT_BYTES))
        elif name == b"ds64":
            long_size = _long_size(source.read_at(begin, 16))
        elif name == b"data":
            if description is None:
                raise broken(kind.name, "its samples come before their description")
            size_said: int | None = long_size
            if size != _HIGHEST_SIZE or long_size is None:
                size_said = promised(
                    source, begin, size, behind=_BEHIND, unknown_from=kind.unknown_from
                )
            return _layout(description, kind, begin, size_said)
    raise broken(kind.name, "there are no samples in it")


def _long_size(chunk: bytes) -> int | None:
    """Return the size of the samples in an RF64's `ds64`; None where it does not say."""
    try:
        _, size = struct.unpack("<QQ", chunk)
    except struct.error:
        return None
    return int(size) if 0 < size < _LONGEST else None


def _layout(description: bytes, kind: _Kind, begin: int, size: int | None) -> Layout:
    order = kind.order
    try:
        tag, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", description)
        if tag == _EXTENSIBLE:
            (tag,) = struct.unpack_from(f"{order}H", description, _EXTENDED_TAG_AT)
    except struct.error:
        raise broken(kind.name, "its description of the samples breaks off") from None
    check_shape(rate, channels)
    if packed := _PACKED.get(tag):
        subtype, frame_bytes = packed, max(1, block)
    elif tag in _MPEG_TAGS:
        subtype, frame_bytes = MPEG, 1
    elif tag in _KINDS:
        sample_bytes = _sample_bytes(channels, block, bits)
        subtype = subtype_of(kind.name, _KINDS[tag], sample_bytes, bits)
        frame_bytes = sample_bytes * channels
    else:
        what = _FOREIGN.get(tag, f"samples of kind 0x{tag:04x}")
        raise unsupported(f"{kind.name} with {what} in it")
    return Layout(
        name=kind.name,
        rate=rate,
        channels=channels,
        subtype=subtype,
        big_endian=order == ">",
        frame_bytes=frame_bytes,
        begin=begin,
        size=size,
        pads_to=kind.pads_to,
        wrapper=partial(_wrapper, description, order) if packed else None,
    )


def _sample_bytes(channels: int, block: int, bits: int) -> int:
    """Return the bytes of a sample by its block: 20 bits may take 3 bytes, and 24 may take 4."""
    least = -(-bits // 8)
    by_block = block // channels if block % channels == 0 else 0
    return by_block if least <= by_block <= WIDEST_SAMPLE else least


def _wrapper(description: bytes, order: str, size: int) -> bytes:
    """Return a minimal WAV header for so many bytes of packed samples."""
    chunk = description + b"\0" * (len(description) % 2)
    riff = b"RIFX" if order == ">" else b"RIFF"
    return b"".join(
        (
            struct.pack(f"{order}4sI4s", riff, size + len(chunk) + 20, b"WAVE"),
            struct.pack(f"{order}4sI", b"fmt ", len(description)),
            chunk,
            struct.pack(f"{order}4sI", b"data", size),
        )
    )
