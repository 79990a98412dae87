"""The choice of a decoder by the container."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from ..containers.aiff import read_aiff, read_au, read_caf
from ..containers.layout import Layout
from ..containers.mp4 import with_index_first
from ..containers.mpeg import LONGEST_TAG_HEAD, MpegFrames, tag_bytes
from ..containers.ogg import FlacOfOgg, OggPages
from ..containers.riff import MPEG, read_w64, read_wav
from ..containers.sphere import read_sphere
from ..errors import RecordingError, RecordingProblem, undecodable
from ..formats import Container, unsupported
from ..sources import OffsetSource, PipeSource, Source, skip
from .ffmpeg import MP4, FfmpegSound
from .libsndfile import NO_END, ForwardSoundFile, Pump, VirtualFile, open_libsndfile
from .opened import Opened
from .plain import open_samples

_UNKNOWN_FRAMES: Final = 1 << 40
"""More than any recording has: libsndfile's way to say that a header does not know."""

_LAYOUTS: Final[dict[Container, Callable[[Source], Layout | None]]] = {
    Container.RIFF: read_wav,
    Container.W64: read_w64,
    Container.AIFF: read_aiff,
    Container.AU: read_au,
    Container.CAF: read_caf,
    Container.SPHERE: read_sphere,
}


def open_sound(source: Source, container: Container, closing: ExitStack) -> Opened:
    """Open the decoder of a container.

    Args:
        source: The recording.
        container: What it is.
        closing: Closes the decoder.

    Raises:
        RecordingError: UNREADABLE or UNSUPPORTED.
        OSError: The source cannot be read.
    """
    read_layout = _LAYOUTS.get(container)
    layout = None if read_layout is None else read_layout(source)
    if layout is not None:
        if layout.subtype == MPEG:
            return _open_mpeg(OffsetSource(source, layout.begin), closing)
        return open_samples(source, layout, closing)
    if container is Container.MPEG:
        return _open_mpeg(source, closing)
    if container is Container.FLAC:
        return _open_flac(source, closing)
    if container is Container.OGG:
        return _open_ogg(source, closing)
    return _open_alac(source, closing)


def open_by_ffmpeg(source: Source, demuxer: str, name: str, closing: ExitStack) -> Opened:
    """Open a container that only ffmpeg knows; arguments as for `open_sound`.

    Raises:
        RecordingError: The source cannot be read.
        OSError: The same, or the program cannot be started.
    """
    sound = FfmpegSound(with_index_first(source) if demuxer == MP4 else source, demuxer)
    closing.callback(sound.close)
    return Opened(sound=sound, feed=sound, name=f"{name} (by ffmpeg)", declared_frames=None)


def _open_mpeg(source: Source, closing: ExitStack) -> Opened:
    tag = tag_bytes(source.read_at(0, LONGEST_TAG_HEAD))
    if tag and source.read_at(skip(source, 0, tag), 4) == b"fLaC":
        return _open_flac(OffsetSource(source, tag), closing)
    frames = MpegFrames(source)
    stream = PipeSource(frames, None)

    def read_at(position: int, wanted: int) -> bytes:
        # The end of a stream without end is where mpg123 looks for a tag.
        return bytes(wanted) if position > NO_END // 2 else stream.read_at(position, wanted)

    view = VirtualFile(read_at, NO_END)
    try:
        sound = open_libsndfile(view, "MP3", closing, decoder=ForwardSoundFile)
    except RecordingError as error:
        # mpg123 has no better word for a few frames from which nothing comes yet.
        if error.problem is not RecordingProblem.UNREADABLE:
            raise
        raise undecodable("it seems to be MP3, and no sound comes out of it") from None
    return Opened(
        sound=sound,
        feed=view,
        name=f"MP3 ({sound.subtype_info})",
        declared_frames=frames.declared,
        behind=lambda: _left_out(frames.skipped),
    )


def _left_out(skipped: int) -> list[str]:
    if not skipped:
        return []
    return [f"{skipped} bytes in it are not sound of the same stream and were left out."]


_FLAC_TOTAL_AT: Final = 21
"""Byte with the first four of the 36 bits that number the samples (RFC 9639, 8.2)."""
_FLAC_TOTAL_END: Final = 26
_FLAC_READ_BYTES: Final = 1024
"""Read at once from a pipe: 60 ms of speech. libFLAC asks for eight times as many."""
_FLAC_BEGINS: Final = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
"""The mark, and the head of the description that must follow it (RFC 9639, 8.1)."""
_FLAC_MARK_BYTES: Final = 8


def _open_flac(source: Source, closing: ExitStack) -> Opened:
    """Open a FLAC without the number of samples in its header, at which libsndfile would stop."""
    before = bytearray(source.read_at(0, _FLAC_TOTAL_END))
    declared = 0
    if len(before) == _FLAC_TOTAL_END:
        declared = int.from_bytes(before[_FLAC_TOTAL_AT:], "big") & ((1 << 36) - 1)
        before[_FLAC_TOTAL_AT] &= 0xF0
        before[_FLAC_TOTAL_AT + 1 :] = bytes(_FLAC_TOTAL_END - _FLAC_TOTAL_AT - 1)

    latest, end = b"", NO_END

    def read_at(position: int, wanted: int) -> bytes:
        nonlocal latest, end
        if position < len(before):
            return bytes(before[position : position + wanted])
        if position >= end:
            return b""
        came = source.read_at(position, min(wanted, _FLAC_READ_BYTES) if source.flows else wanted)
        # libFLAC looks for one more frame at the end, and would take it out of another FLAC.
        if another := _FLAC_BEGINS.search(latest + came):
            end = position + another.start() - len(latest)
            return came[: max(0, end - position)]
        latest = came[1 - _FLAC_MARK_BYTES :]
        return came

    def behind() -> list[str]:
        said = "Another FLAC begins behind its end and was left out; decode them one by one."
        return [said] if end < NO_END else []

    view = VirtualFile(read_at, NO_END)
    sound = open_libsndfile(view, "FLAC", closing, decoder=ForwardSoundFile)
    return Opened(
        sound=sound,
        feed=view,
        name=f"FLAC ({sound.subtype_info})",
        declared_frames=declared or None,
        open_ended=not declared and not source.flows,
        behind=behind,
    )


def _open_ogg(source: Source, closing: ExitStack) -> Opened:
    """Open an Ogg through a pipe: elsewhere libsndfile would seek its last page first."""
    pages = OggPages(source)
    if pages.holds_flac:
        return _open_flac(PipeSource(FlacOfOgg(pages), None), closing)
    pump = Pump(pages)
    closing.callback(pump.close)
    sound = open_libsndfile(
        pump, "OGG", closing, decoder=ForwardSoundFile, file=pump.reading_end, closefd=False
    )
    return Opened(
        sound=sound,
        feed=pump,
        name=f"OGG ({sound.subtype_info})",
        declared_frames=None,
        behind=lambda: _end_of(pages),
    )


_MENTIONED_BYTES: Final = 1024
"""Behind the end of an Ogg; tags are shorter."""


def _end_of(pages: OggPages) -> list[str]:
    if not pages.finished:
        return [
            "It breaks off: the page that would be its last is missing; what is there was read."
        ]
    if (more := pages.behind()) >= _MENTIONED_BYTES:
        return [f"The {more} bytes behind the end of its first stream were left out."]
    return []


def _open_alac(source: Source, closing: ExitStack) -> Opened:
    """Open ALAC in CAF, whose table of packets libsndfile follows."""
    view = VirtualFile(source.read_at, NO_END)
    try:
        sound = open_libsndfile(view, "CAF", closing, decoder=ForwardSoundFile)
    except RecordingError as error:
        if error.problem is not RecordingProblem.UNREADABLE:
            raise
        raise unsupported("CAF with ALAC of a kind that libsndfile does not read") from None
    frames: int = sound.frames
    return Opened(
        sound=sound,
        feed=view,
        name=f"CAF ({sound.subtype_info})",
        declared_frames=frames if frames < _UNKNOWN_FRAMES else None,
        open_ended=frames >= _UNKNOWN_FRAMES and not source.flows,
    )
