"""The header of NIST SPHERE, the format of speech corpora."""

import re
from typing import Final

from ..formats import unsupported
from ..limits import check_shape
from ..sources import Source
from .layout import Layout, broken, promised, subtype_of

_MOST_HEADER_BYTES: Final = 64 << 10
_FIELD: Final = re.compile(r"^(\w+) -(?:i|r|s\d+) (\S+)", re.MULTILINE)
_KINDS: Final = {"pcm": "integer", "ulaw": "mu-law", "mu-law": "mu-law", "alaw": "A-law"}
_LONGEST: Final = 1 << 62
_MOST_DIGITS: Final = 18


def read_sphere(source: Source) -> Layout:
    """Read the header of a SPHERE.

    Raises:
        RecordingError: UNREADABLE where a line is missing that is needed, UNSUPPORTED where the
            samples are compressed.
    """
    size = _number(source.read_at(8, 8).decode("latin-1").strip())
    if size is None or size > _MOST_HEADER_BYTES:
        raise broken("SPHERE", "its header does not say how long it is")
    fields = dict(_FIELD.findall(source.read_at(0, size).decode("latin-1")))
    rate, channels, sample_bytes = (
        _number(fields.get(name, "")) for name in ("sample_rate", "channel_count", "sample_n_bytes")
    )
    if rate is None or channels is None or sample_bytes is None:
        raise broken("SPHERE", "its header names no sample rate, channels or bytes of a sample")
    check_shape(rate, channels)
    coding = fields.get("sample_coding", "pcm")
    if coding not in _KINDS:
        raise unsupported(f"SPHERE with {coding} samples in it")
    subtype = subtype_of("SPHERE", _KINDS[coding], sample_bytes, 8 * sample_bytes)
    frames = _number(fields.get("sample_count", ""))
    frame_bytes = sample_bytes * channels
    return Layout(
        name="SPHERE",
        rate=rate,
        channels=channels,
        subtype=subtype,
        big_endian=fields.get("sample_byte_format", "").startswith("1"),
        frame_bytes=frame_bytes,
        begin=size,
        size=promised(source, size, (frames or 0) * frame_bytes, unknown_from=_LONGEST),
    )


def _number(text: str) -> int | None:
    digits = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if digits else None
