"""Decodes a container that is sent live, while it arrives."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from app.gateway.audio.decoder import AudioDecoder
from app.recordings import OpenRecording, RecordingLimits, StreamedRecording

_BLOCK_S: Final = 0.1

Block = tuple[float, bytes]
"""Seconds of decoded sound, and its PCM16."""


def container_audio(rate: int, *, programs: bool) -> StreamedRecording[Block]:
    """Return the decoder of one session's container.

    Args:
        rate: Samples per second of what it hands out.
        programs: Whether ffmpeg may decode it.
    """
    return StreamedRecording(partial(_at_rate, rate=rate), RecordingLimits(programs=programs))


def _at_rate(recording: OpenRecording, *, rate: int) -> Iterator[Block]:
    decoder = AudioDecoder("pcm16", 1, recording.sample_rate, rate)
    for block in recording.blocks(_BLOCK_S):
        yield from decoder.feed(block)
    yield 0.0, decoder.finish()[0]
