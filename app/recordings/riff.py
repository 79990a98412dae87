"""The header of a WAV: what the samples are and where they stand.

It is read here and not by libsndfile, because a recorder that was killed or that wrote to a pipe
leaves sizes behind that are wrong, and because the chunks around the samples (cue sheets, pictures,
ratings) need no parser at all. The samples themselves are still libsndfile's.
"""

import struct
from dataclasses import dataclass
from typing import Final

from app.recordings.errors import RecordingError, undecodable
from app.recordings.formats import unsupported
from app.recordings.limits import check_shape
from app.recordings.sources import Source, skip

_CHUNK_HEAD: Final = 8
_EXTENDED_TAG_AT: Final = 24
_MOST_CHUNKS: Final = 1_000
_MOST_HEADER_BYTES: Final = 64 << 20
_HIGHEST_SIZE: Final = 0xFFFF_FFFF
_UNKNOWN_FROM: Final = 0x7FFF_0000
"""Sizes that programs write which do not know theirs: 2^31 or 2^32 less a little (arecord, SoX,
ffmpeg, GStreamer)."""

_PCM, _FLOAT, _ALAW, _MULAW, _EXTENSIBLE = 0x0001, 0x0003, 0x0006, 0x0007, 0xFFFE
_PACKED: Final = {0x0002: "MS ADPCM", 0x0011: "IMA ADPCM", 0x0031: "GSM 6.10"}
"""What libsndfile decodes block by block, by the WAV's own header."""
_FOREIGN: Final = {
    0x0040: "G.721 ADPCM",
    0x0045: "G.726 ADPCM",
    0x0050: "MPEG audio",
    0x0055: "MP3",
    0x0064: "G.726 ADPCM",
    0x00FF: "AAC",
    0x0161: "WMA",
    0x1600: "AAC",
    0x1610: "AAC",
}
_PCM_SUBTYPES: Final = {1: "PCM_U8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}
_FLOAT_SUBTYPES: Final = {4: "FLOAT", 8: "DOUBLE"}
_CHUNKS_AFTER_SOUND: Final = frozenset(
    {
        b"LIST", b"INFO", b"id3 ", b"ID3 ", b"bext", b"iXML", b"cue ", b"smpl", b"PEAK", b"fact",
        b"JUNK", b"junk", b"PAD ", b"FLLR", b"axml", b"_PMX", b"afsp", b"cart", b"inst", b"DISP",
        b"umid", b"levl", b"plst", b"acid", b"fmt ", b"slnt", b"MD5 ", b"minf", b"elm1", b"regn",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WavHeader:
    """What a WAV says about itself.

    Attributes:
        rate: Hz.
        channels: How many.
        subtype: Of the samples, as libsndfile calls it; None where they are packed in blocks.
        big_endian: Byte order.
        frame_bytes: Of one sample of every channel; of a block where they are packed.
        begin: Where the samples begin.
        size: How many bytes of samples the header promises; None where it does not know.
        format_chunk: As it stands in the file.
    """

    rate: int
    channels: int
    subtype: str | None
    big_endian: bool
    frame_bytes: int
    begin: int
    size: int | None
    format_chunk: bytes

    def plain(self) -> bytes:
        """A header that says what the samples are, and promises as many as can be."""
        order = ">" if self.big_endian else "<"
        most = _HIGHEST_SIZE - 1 - 128 - 28
        size = most if self.size is None else min(self.size, most)
        chunk = self.format_chunk + b"\0" * (len(self.format_chunk) % 2)
        return b"".join(
            (
                struct.pack(
                    f"{order}4sI4s",
                    b"RIFX" if self.big_endian else b"RIFF",
                    size + len(chunk) + 20,
                    b"WAVE",
                ),
                struct.pack(f"{order}4sI", b"fmt ", len(self.format_chunk)),
                chunk,
                struct.pack(f"{order}4sI", b"data", size),
            )
        )


def read_wav_header(source: Source) -> WavHeader:
    """Walk over the chunks to the samples.

    Raises:
        RecordingError: UNREADABLE where it breaks off before the samples, UNSUPPORTED where they
            are of a kind that is not decoded.
    """
    order = ">" if source.read_at(0, 4) == b"RIFX" else "<"
    if source.read_at(8, 4) != b"WAVE":
        raise undecodable("it is RIFF, and not WAVE")
    at, long_size = 12, None
    format_chunk: bytes | None = None
    for _ in range(_MOST_CHUNKS):
        head = source.read_at(at, _CHUNK_HEAD)
        if len(head) < _CHUNK_HEAD:
            break
        name, size = struct.unpack(f"{order}4sI", head)
        if name == b"data":
            if format_chunk is None:
                raise _broken("its samples come before their description")
            return _header(format_chunk, order, at + 8, _data_size(source, at + 8, size, long_size))
        if name == b"fmt ":
            format_chunk = source.read_at(at + 8, min(size, 128))
        elif name == b"ds64":
            long_size = _long_size(source.read_at(at + 8, 16))
        at = skip(source, at + _CHUNK_HEAD, size + size % 2)
        if at > _MOST_HEADER_BYTES:
            raise _broken("there are no samples in its first 64 MiB")
    raise _broken("there are no samples in it")


def what_is_behind(source: Source, header: WavHeader) -> list[str]:
    """What is to be said of a WAV whose samples were read to their end."""
    if source.length is None or header.subtype is None:
        return []
    end = source.length if header.size is None else header.begin + header.size
    present = min(end, source.length) - header.begin
    said = []
    if odd := present % header.frame_bytes:
        said.append(f"Its last sample is not whole ({odd} of {header.frame_bytes} bytes).")
    behind = end + end % 2
    if source.length - behind >= _CHUNK_HEAD and not _is_chunk(source.read_at(behind, 4)):
        said.append(
            f"The {source.length - behind} bytes behind the sound that its header tells of were "
            "left out."
        )
    return said


def _is_chunk(name: bytes) -> bool:
    """Whether it is the name of a chunk, known or not: four printable characters."""
    return not name or (name.isascii() and name.decode("ascii").isprintable())


def _long_size(chunk: bytes) -> int | None:
    """Size of the samples in an RF64's `ds64`; None where it does not say."""
    try:
        _, size = struct.unpack("<QQ", chunk)
    except struct.error:
        return None
    return int(size) if 0 < size < 1 << 62 else None


def _data_size(source: Source, begin: int, size: int, long_size: int | None) -> int | None:
    if size == _HIGHEST_SIZE and long_size is not None:
        return long_size
    if size >= _UNKNOWN_FROM:
        return None
    if size == 0:
        behind = source.read_at(begin, 4)
        return 0 if not behind or behind in _CHUNKS_AFTER_SOUND else None
    return size


def _header(chunk: bytes, order: str, begin: int, size: int | None) -> WavHeader:
    try:
        tag, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", chunk)
        if tag == _EXTENSIBLE:
            (tag,) = struct.unpack_from(f"{order}H", chunk, _EXTENDED_TAG_AT)
    except struct.error:
        raise _broken("its description of the samples breaks off") from None
    check_shape(rate, channels)
    packed = tag in _PACKED
    sample_bytes = 0 if packed else _sample_bytes(channels, block, bits)
    return WavHeader(
        rate=rate,
        channels=channels,
        subtype=None if packed else _subtype(tag, sample_bytes, bits),
        big_endian=order == ">",
        frame_bytes=block if packed else sample_bytes * channels,
        begin=begin,
        size=size,
        format_chunk=chunk,
    )


def _sample_bytes(channels: int, block: int, bits: int) -> int:
    """Bytes of one sample: as the block says, for 20 bits may stand in 3 bytes and 24 in 4."""
    least = -(-bits // 8)
    by_block = block // channels if channels and block % channels == 0 else 0
    return by_block if least <= by_block <= max(_FLOAT_SUBTYPES) else least


def _subtype(tag: int, sample_bytes: int, bits: int) -> str:
    known: str | None = None
    if tag == _PCM:
        known = _PCM_SUBTYPES.get(sample_bytes)
    elif tag == _FLOAT:
        known = _FLOAT_SUBTYPES.get(sample_bytes)
    elif tag in {_ALAW, _MULAW} and sample_bytes == 1:
        known = "ALAW" if tag == _ALAW else "ULAW"
    if known is not None:
        return known
    kind = {_PCM: "PCM", _FLOAT: "float", _ALAW: "A-law", _MULAW: "mu-law"}.get(tag)
    if kind is not None:
        raise unsupported(f"a WAV with {bits}-bit {kind} samples")
    raise unsupported(f"a WAV with {_FOREIGN.get(tag, f'samples of kind 0x{tag:04x}')} in it")


def _broken(what: str) -> RecordingError:
    return undecodable(f"it is a WAV, and {what}")
