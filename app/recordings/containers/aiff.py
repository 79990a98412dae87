"""Headers of AIFF, CAF and AU."""

import math
import struct
from typing import Final

from ..formats import unsupported
from ..limits import check_shape
from ..sources import Source
from .layout import Layout, broken, chunks, promised, subtype_of

_AIFF_CHUNKS_AT: Final = 12
_COMMON: Final = struct.Struct(">HIH10s")
_SOUND: Final = struct.Struct(">II")
_EXPONENT_BIAS: Final = 16_383
_MANTISSA_BITS: Final = 63
_AIFF_KINDS: Final = {
    b"NONE": "integer",
    b"twos": "integer",
    b"sowt": "integer",
    b"in24": "integer",
    b"in32": "integer",
    b"raw ": "unsigned",
    b"fl32": "float",
    b"FL32": "float",
    b"fl64": "float",
    b"FL64": "float",
    b"ulaw": "mu-law",
    b"ULAW": "mu-law",
    b"alaw": "A-law",
    b"ALAW": "A-law",
}
_AIFF_BITS: Final = {b"in24": 24, b"in32": 32, b"fl32": 32, b"FL32": 32, b"fl64": 64, b"FL64": 64}
"""What the compression's name says, whatever the number of bits beside it."""
_LAW_BITS: Final = 8

_CAF_CHUNKS_AT: Final = 8
_CAF_HEAD: Final = struct.Struct(">4sq")
_CAF_DESCRIPTION: Final = struct.Struct(">d4sIIIII")
_CAF_EDITS_BYTES: Final = 4
_CAF_FLOAT, _CAF_LITTLE = 1, 2
_LONGEST: Final = 1 << 62

_AU_KINDS: Final = {
    1: ("mu-law", 1),
    2: ("integer", 1),
    3: ("integer", 2),
    4: ("integer", 3),
    5: ("integer", 4),
    6: ("float", 4),
    7: ("float", 8),
    27: ("A-law", 1),
}
_AU_HEAD_BYTES: Final = 24


def read_aiff(source: Source) -> Layout:
    """Walk over the chunks of an AIFF or AIFC to the samples.

    Raises:
        RecordingError: UNREADABLE where it breaks off before the samples, UNSUPPORTED where they
            are of a kind that is not decoded.
    """
    head = struct.Struct(">4sI")

    def parse(data: bytes) -> tuple[bytes, int]:
        name, size = head.unpack(data)
        return name, size

    common, sound = None, None
    for name, begin, size in chunks(source, _AIFF_CHUNKS_AT, head.size, parse, 2):
        if name == b"COMM":
            common = source.read_at(begin, min(size, _COMMON.size + 4))
        elif name == b"SSND":
            sound = begin, size
        # The description may follow the samples, where one can go back to them.
        if sound is not None and (common is not None or source.flows):
            break
    if common is None:
        raise broken("AIFF", "its samples are not described before they come")
    if sound is None:
        raise broken("AIFF", "there are no samples in it")
    return _aiff_layout(source, common, *sound)


def _aiff_layout(source: Source, common: bytes, at: int, chunk_size: int) -> Layout:
    try:
        channels, frames, bits, rate_said = _COMMON.unpack_from(common)
        offset, _ = _SOUND.unpack(source.read_at(at, _SOUND.size))
    except struct.error:
        raise broken("AIFF", "its description of the samples breaks off") from None
    rate = _extended(rate_said)
    check_shape(rate, channels)
    coding = common[_COMMON.size :] or b"NONE"
    kind = _AIFF_KINDS.get(coding)
    if kind is None:
        raise unsupported(f"AIFF with {_four_letters(coding)} samples in it")
    bits = _LAW_BITS if kind.endswith("law") else _AIFF_BITS.get(coding, bits)
    sample_bytes = -(-bits // 8)
    subtype = subtype_of("AIFF", kind, sample_bytes, bits)
    begin = at + _SOUND.size + offset
    size = promised(source, begin, max(0, chunk_size - _SOUND.size - offset))
    if size and frames:
        # A chunk may be longer than the sound in it.
        size = min(size, frames * sample_bytes * channels)
    return Layout(
        name="AIFF",
        rate=rate,
        channels=channels,
        subtype=subtype,
        big_endian=coding != b"sowt",
        frame_bytes=sample_bytes * channels,
        begin=begin,
        size=size,
        pads_to=2,
    )


def _extended(data: bytes) -> int:
    """Return a whole number out of IEEE 754's extended precision; 0 where it is none."""
    exponent = int.from_bytes(data[:2], "big")
    mantissa = int.from_bytes(data[2:], "big")
    shift = _MANTISSA_BITS - (exponent - _EXPONENT_BIAS)
    return mantissa >> shift if 0 <= shift <= _MANTISSA_BITS else 0


def read_caf(source: Source) -> Layout | None:
    """Walk over the chunks of a CAF to the samples; None where they are ALAC.

    Raises:
        RecordingError: As for `read_aiff`.
    """

    def parse(data: bytes) -> tuple[bytes, int]:
        name, size = _CAF_HEAD.unpack(data)
        return name, _LONGEST if name == b"data" and size < 0 else size

    description = None
    for name, begin, size in chunks(source, _CAF_CHUNKS_AT, _CAF_HEAD.size, parse, 1):
        if name == b"desc":
            description = source.read_at(begin, min(size, _CAF_DESCRIPTION.size))
        elif name == b"data":
            if description is None:
                raise broken("CAF", "its samples come before their description")
            return _caf_layout(source, description, begin, size)
    raise broken("CAF", "there are no samples in it")


def _caf_layout(source: Source, description: bytes, at: int, chunk_size: int) -> Layout | None:
    try:
        rate_said, coding, flags, _, _, channels, bits = _CAF_DESCRIPTION.unpack(description)
    except struct.error:
        raise broken("CAF", "its description of the samples breaks off") from None
    rate = round(rate_said) if math.isfinite(rate_said) else 0
    check_shape(rate, channels)
    if coding == b"alac":
        return None
    if coding == b"lpcm":
        kind = "float" if flags & _CAF_FLOAT else "integer"
    elif coding in {b"ulaw", b"alaw"}:
        kind, bits = ("mu-law" if coding == b"ulaw" else "A-law"), _LAW_BITS
    else:
        raise unsupported(f"CAF with {_four_letters(coding)} samples in it")
    sample_bytes = -(-bits // 8)
    subtype = subtype_of("CAF", kind, sample_bytes, bits)
    begin = at + _CAF_EDITS_BYTES
    size = promised(
        source, begin, max(0, chunk_size - _CAF_EDITS_BYTES), unknown_from=_LONGEST // 2
    )
    return Layout(
        name="CAF",
        rate=rate,
        channels=channels,
        subtype=subtype,
        big_endian=not flags & _CAF_LITTLE,
        frame_bytes=sample_bytes * channels,
        begin=begin,
        size=size,
    )


def read_au(source: Source) -> Layout:
    """Read the header of an AU; errors as for `read_aiff`."""
    order = "<" if source.read_at(0, 4) == b"dns." else ">"
    try:
        begin, size, coding, rate, channels = struct.unpack(
            f"{order}IIIII", source.read_at(4, _AU_HEAD_BYTES - 4)
        )
    except struct.error:
        raise broken("AU", "its header breaks off") from None
    check_shape(rate, channels)
    if coding not in _AU_KINDS:
        raise unsupported(f"AU with samples of kind {coding} in it")
    kind, sample_bytes = _AU_KINDS[coding]
    begin = max(begin, _AU_HEAD_BYTES)
    return Layout(
        name="AU",
        rate=rate,
        channels=channels,
        subtype=subtype_of("AU", kind, sample_bytes, 8 * sample_bytes),
        big_endian=order == ">",
        frame_bytes=sample_bytes * channels,
        begin=begin,
        size=promised(source, begin, size),
    )


def _four_letters(coding: bytes) -> str:
    name = coding.decode("latin-1").strip()
    return name if name.isascii() and name.isprintable() else coding.hex()
