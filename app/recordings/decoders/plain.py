"""Samples at a known place: plain ones, and those packed in blocks."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from ..containers.layout import Layout, leftovers
from ..samples import Frames
from ..sources import Source
from .libsndfile import NO_END, ForwardSoundFile, VirtualFile, open_libsndfile
from .opened import Opened

_MOST_PACKED_BYTES: Final = 1 << 30
"""Of packed samples, which a WAV's own header can tell of and libsndfile can count: at 4 bits a
sample a day of speech."""


def open_samples(source: Source, layout: Layout, closing: ExitStack) -> Opened:
    """Open a decoder of the samples of a layout; arguments as for `open_sound`.

    Raises:
        RecordingError: UNREADABLE.
    """
    present = None if source.flows or source.length is None else source.length - layout.begin
    if layout.wrapper is not None:
        return _open_packed(source, layout, layout.wrapper, closing)
    size = layout.size if layout.size is not None else present
    view = _window(source, layout.begin, NO_END if size is None else size)
    sound = open_libsndfile(
        view,
        layout.name,
        closing,
        decoder=ForwardSoundFile,
        format="RAW",
        subtype=layout.subtype,
        samplerate=layout.rate,
        channels=layout.channels,
        endian="BIG" if layout.big_endian else "LITTLE",
    )
    certain = None
    if size is not None and present is not None:
        certain = max(0, min(size, present)) // layout.frame_bytes
    return Opened(
        sound=sound,
        feed=view,
        name=f"{layout.name} ({sound.subtype_info})",
        declared_frames=None if layout.size is None else layout.size // layout.frame_bytes,
        certain_frames=certain,
        open_ended=layout.size is None and not source.flows,
        behind=lambda: leftovers(source, layout),
    )


def _open_packed(
    source: Source, layout: Layout, wrapper: Callable[[int], bytes], closing: ExitStack
) -> Opened:
    blocks = _MOST_PACKED_BYTES // layout.frame_bytes
    size = blocks * layout.frame_bytes
    view = _window(source, layout.begin, size, wrapper(size))
    sound = open_libsndfile(view, layout.name, closing, decoder=PackedSound)
    block_frames = sound.frames // blocks
    sound.take_whole_blocks(source, layout, block_frames)
    said = None if layout.size is None else layout.size // layout.frame_bytes
    return Opened(
        sound=sound,
        feed=view,
        name=f"{layout.name} ({sound.subtype_info})",
        declared_frames=None if said is None else said * block_frames,
        open_ended=layout.size is None and not source.flows,
    )


def _window(source: Source, begin: int, size: int, before: bytes = b"") -> VirtualFile:
    """Return a span of the source, after some bytes of ours."""

    def read_at(position: int, wanted: int) -> bytes:
        if position < len(before):
            return before[position : position + wanted]
        position -= len(before)
        return source.read_at(begin + position, max(0, min(wanted, size - position)))

    return VirtualFile(read_at, len(before) + size)


class PackedSound(ForwardSoundFile):
    """Samples that are packed in blocks, of which only whole ones are decoded.

    At the end of what is there libsndfile would unpack its last block once more, or memory.
    """

    _source: Source
    _layout: Layout
    _block_frames = 0
    _blocks = 0
    _left = 0

    def take_whole_blocks(self, source: Source, layout: Layout, block_frames: int) -> None:
        """Set where the blocks are, and the number of frames in one."""
        self._source, self._layout, self._block_frames = source, layout, block_frames

    def next_frames(self, most: int) -> Frames:
        """Return up to so many frames of one block; none where no whole block follows."""
        if not self._left:
            if not self._has_block():
                return super().next_frames(0)
            self._blocks += 1
            self._left = self._block_frames
        frames = super().next_frames(min(most, self._left))
        self._left -= len(frames)
        return frames

    def _has_block(self) -> bool:
        size = self._layout.frame_bytes
        at = self._blocks * size
        if self._layout.size is not None and at + size > self._layout.size:
            return False
        return len(self._source.read_at(self._layout.begin + at, size)) == size
