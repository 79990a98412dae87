"""Identification of a recording by its first bytes."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from .errors import RecordingError, RecordingProblem

HEAD_BYTES: Final = 4096
"""Number of first bytes that are examined."""

ACCEPTED: Final = "WAV, FLAC, OGG (Vorbis or Opus), MP3, AIFF, AU, CAF, W64 and SPHERE"


class Container(Enum):
    """The containers that are decoded here."""

    RIFF = auto()
    FLAC = auto()
    OGG = auto()
    MPEG = auto()
    AIFF = auto()
    AU = auto()
    CAF = auto()
    W64 = auto()
    SPHERE = auto()


@dataclass(frozen=True, slots=True)
class Mark:
    """Bytes that identify a format, and their place."""

    at: int
    of: bytes
    name: str
    container: Container | None = None


_W64_GUID: Final = bytes.fromhex("726966662e91cf11a5d628db04c10000")

# In this order: a later mark may be the beginning of an earlier one.
_MARKS: Final = (
    Mark(8, b"AVI ", "an AVI video"),
    Mark(8, b"WEBP", "a WebP picture"),
    Mark(0, b"RIFF", "WAV", Container.RIFF),
    Mark(0, b"RIFX", "WAV", Container.RIFF),
    Mark(0, b"RF64", "WAV", Container.RIFF),
    Mark(0, b"BW64", "WAV", Container.RIFF),
    Mark(0, b"fLaC", "FLAC", Container.FLAC),
    Mark(28, b"Speex   ", "Speex in Ogg"),
    Mark(28, b"\x80theora", "a Theora video"),
    Mark(28, b"fishead", "an Ogg video"),
    Mark(0, b"OggS", "OGG", Container.OGG),
    Mark(8, b"AIFF", "AIFF", Container.AIFF),
    Mark(8, b"AIFC", "AIFF", Container.AIFF),
    Mark(0, b".snd", "AU", Container.AU),
    Mark(0, b"dns.", "AU", Container.AU),
    Mark(0, b"caff", "CAF", Container.CAF),
    Mark(0, _W64_GUID, "W64", Container.W64),
    Mark(0, b"NIST_1A\n", "SPHERE", Container.SPHERE),
    Mark(0, b"ID3", "MP3", Container.MPEG),
    Mark(0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    Mark(4, b"ftypqt", "a QuickTime file"),
    Mark(4, b"ftyp", "MP4 or M4A (AAC)"),
    Mark(4, b"moov", "a QuickTime file"),
    Mark(0, b"ADIF", "AAC"),
    Mark(0, b"#!AMR", "AMR"),
    Mark(0, b"#!SILK", "SILK"),
    Mark(1, b"#!SILK", "SILK"),
    Mark(0, bytes.fromhex("3026b2758e66cf11"), "WMA"),  # pragma: allowlist secret
    Mark(0, b"FLV\x01", "a Flash video"),
    Mark(0, b"wvpk", "WavPack"),
    Mark(0, b"MAC ", "Monkey's Audio"),
    Mark(0, b"TTA1", "True Audio"),
    Mark(0, b"MPCK", "Musepack"),
    Mark(0, b"MP+", "Musepack"),
    Mark(0, b"DSD ", "DSD"),
    Mark(0, b"FRM8", "DSD"),
    Mark(0, b"Creative Voice File\x1a", "VOC"),
    Mark(0, b"\x0b\x77", "AC-3"),
    Mark(0, b"\x7f\xfe\x80\x01", "DTS"),
    Mark(0, b"\x00\x00\x01\xba", "an MPEG video"),
    Mark(0, b"\x00\x00\x01\xb3", "an MPEG video"),
    Mark(0, b"MThd", "MIDI, which has notes and no sound"),
    Mark(0, b"PK\x03\x04", "a ZIP archive"),
    Mark(0, b"\x1f\x8b", "a gzip archive"),
    Mark(0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    Mark(0, b"BZh", "a bzip2 archive"),
    Mark(0, b"\xfd7zXZ\x00", "an xz archive"),
    Mark(0, b"%PDF", "a PDF"),
    Mark(0, b"\x89PNG", "a PNG picture"),
    Mark(0, b"\xff\xd8\xff", "a JPEG picture"),
    Mark(0, b"GIF8", "a GIF picture"),
    Mark(0, b"\x7fELF", "a program"),
    Mark(0, b"MZ", "a program"),
)
_CONVERTIBLE: Final = frozenset(
    {
        "an AVI video",
        "Speex in Ogg",
        "a Theora video",
        "an Ogg video",
        "WebM or Matroska",
        "a QuickTime file",
        "MP4 or M4A (AAC)",
        "AAC",
        "AMR",
        "WMA",
        "a Flash video",
        "WavPack",
        "Monkey's Audio",
        "True Audio",
        "Musepack",
        "DSD",
        "VOC",
        "AC-3",
        "DTS",
        "an MPEG video",
        "an MPEG transport stream",
    }
)
_TO_WAV: Final = "ffmpeg -i FILE -ac 1 -ar 16000 OUTPUT.wav"
_RAW_TO_WAV: Final = "ffmpeg -f s16le -ar 16000 -ac 1 -i FILE OUTPUT.wav"
_SYNC: Final = 0xFFE0
_LAYER: Final = 0x06
"""Bits of the layer in an MPEG audio header; both are 0 in AAC."""
_TS_PACKET: Final = 188
_TEXT: Final = frozenset(range(0x20, 0x7F)) | {0x09, 0x0A, 0x0D}


def name_of(head: bytes) -> str | None:
    """Return the name of a format for use in a sentence; None where it is not recognised."""
    if mark := mark_of(head):
        return mark.name
    if _is_mpeg(head):
        return "MP3"
    if _is_adts(head):
        return "AAC"
    if head[:1] == b"G" and head[_TS_PACKET : _TS_PACKET + 1] == b"G":
        return "an MPEG transport stream"
    if is_text(head):
        return _text_of(head)
    return None


def container_of(head: bytes) -> Container:
    """Return the container that begins with these bytes.

    Raises:
        RecordingError: UNSUPPORTED, with what it seems to be and how to convert it.
    """
    if mark := mark_of(head):
        if mark.container is not None:
            return mark.container
    elif _is_mpeg(head):
        return Container.MPEG
    raise _refusal(head)


def unsupported(what: str, *, missing: bool = False) -> RecordingError:
    """Return the error for a format that ffmpeg can convert.

    Args:
        what: Name of the format.
        missing: Whether ffmpeg would decode it as it is, were it installed.
    """
    here = "; where ffmpeg is installed it is decoded as it is" if missing else ""
    return RecordingError(
        RecordingProblem.UNSUPPORTED,
        f"cannot be decoded; accepted: {ACCEPTED}; it seems to be {what}; "
        f"to convert it: {_TO_WAV}{here}",
    )


def _refusal(head: bytes) -> RecordingError:
    name = name_of(head)
    if name in _CONVERTIBLE:
        return unsupported(name)
    if not head:
        said = f"is empty; accepted: {ACCEPTED}"
    elif name is None:
        said = (
            f"cannot be decoded; accepted: {ACCEPTED}; it has no header that names a format; "
            f"if it is raw 16-bit samples at 16 kHz: {_RAW_TO_WAV}"
        )
    else:
        said = f"cannot be decoded; accepted: {ACCEPTED}; it seems to be {name}"
    return RecordingError(RecordingProblem.UNSUPPORTED, said)


def mark_of(head: bytes) -> Mark | None:
    """Return the mark that these first bytes have."""
    for mark in _MARKS:
        if head.startswith(mark.of, mark.at):
            return mark
    return None


def is_text(head: bytes) -> bool:
    """Return whether all of it is plain text."""
    return bool(head) and _TEXT.issuperset(head)


def _has_sync(head: bytes) -> bool:
    """Return whether a frame of MPEG audio may begin: eleven set bits."""
    return len(head) > 1 and int.from_bytes(head[:2], "big") & _SYNC == _SYNC


def _is_mpeg(head: bytes) -> bool:
    """Return whether it begins with a frame of MPEG audio, layer III, II or I."""
    return _has_sync(head) and head[1] & _LAYER != 0


def _is_adts(head: bytes) -> bool:
    return _has_sync(head) and head[1] & (_LAYER | 0x10) == 0x10  # noqa: PLR2004 - a bit


def _text_of(head: bytes) -> str:
    start = head.lstrip()[:15].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if start.startswith(b"<?xml"):
        return "XML"
    return "JSON" if start[:1] in {b"{", b"["} else "text"
