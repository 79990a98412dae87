"""Identification of live streams where samples without a header are expected.

Samples may begin with any bytes, so two or three that look like a mark prove nothing here: what is
named is what speech would not be in years of calls.
"""

from typing import Final

from .containers.mpeg import frame_header
from .decoders import demuxer_of
from .errors import RecordingError
from .formats import HEAD_BYTES, container_of, is_text, mark_of, name_of

_SURE_BYTES: Final = 4
_SURE_TEXT_BYTES: Final = 64


def certain_name_of(head: bytes) -> str | None:
    """Return the certain format of a live stream, for a sentence; None where it may be samples.

    Args:
        head: Its first message, at least; as of a file, `HEAD_BYTES` of it are looked at.
    """
    head = head[:HEAD_BYTES]
    mark = mark_of(head)
    if mark is not None:
        is_tag = mark.of == b"ID3" and head[3:4] < b"\x10"
        return mark.name if len(mark.of) >= _SURE_BYTES or is_tag else None
    frame = frame_header(head)
    if frame is not None and frame.is_mp3 and _follows(head, frame.size):
        return "MP3"
    if _follows(head, _adts_frame_bytes(head)):
        return "AAC"
    if len(head) >= _SURE_TEXT_BYTES and is_text(head):
        return name_of(head)
    return None


def can_be_decoded(head: bytes, *, programs: bool = True) -> bool:
    """Return whether `open_recording` takes what begins so, on this machine.

    Args:
        head: Its beginning.
        programs: As of `RecordingLimits`.
    """
    head = head[:HEAD_BYTES]
    if programs and demuxer_of(name_of(head)) is not None:
        return True
    try:
        container_of(head)
    except RecordingError:
        return False
    return True


def _follows(head: bytes, size: int | None) -> bool:
    """Return whether a frame with the same fixed bits follows where this one ends."""
    if size is None or len(head) < size + 2:
        return False
    return head[size : size + 2] == head[:2]


def _adts_frame_bytes(head: bytes) -> int | None:
    # ISO/IEC 13818-7 section 6.2: sync, layer 0, then thirteen bits of length from bit 30 on.
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:  # noqa: PLR2004
        return None
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
