"""Sound from a pipe is decoded as it comes, in bounded memory, whatever the header leaves open."""

import os
import struct
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

import numpy as np
import pytest

from app.recordings import RecordingError, RecordingLimits, open_recording, read_recording
from tests.support.recordings.making import encoded, piped, speech_like

RATE = 16_000
SOUND = speech_like(6, RATE)
PATIENCE_S = 20.0
KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAV", "MS_ADPCM"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


class HeldPipe:
    """A pipe that gives its second half only when a reader got something out of the first."""

    def __init__(self, data: bytes) -> None:
        self.heard = threading.Event()
        self.was_heard_in_time = False
        read_end, self._write_end = os.pipe()
        self.reader: BinaryIO = open(read_end, "rb", buffering=0)  # noqa: PTH123, SIM115
        self._data = data
        self._writer = threading.Thread(target=self._write)
        self._writer.start()

    def _write(self) -> None:
        half = len(self._data) // 2
        with open(self._write_end, "wb", buffering=0) as file, suppress(BrokenPipeError):  # noqa: PTH123
            file.write(self._data[:half])
            self.was_heard_in_time = self.heard.wait(PATIENCE_S)
            file.write(self._data[half:])

    def close(self) -> None:
        self.heard.set()
        self.reader.close()
        self._writer.join()


@pytest.fixture
def held(request: pytest.FixtureRequest) -> Iterator[HeldPipe]:
    pipe = HeldPipe(encoded(SOUND, RATE, *request.param))
    yield pipe
    pipe.close()


@pytest.mark.parametrize("held", KINDS, indirect=True)
def test_sound_flows_before_the_pipe_has_ended(held: HeldPipe) -> None:
    with open_recording(held.reader) as recording:
        for _ in recording.blocks(0.1):
            held.heard.set()
    assert held.was_heard_in_time
    assert recording.duration == pytest.approx(6.0, abs=0.1)


def unknown_length(container: str) -> bytes:
    """What is written to a pipe by a program that does not know how long it will be."""
    data = bytearray(encoded(SOUND[:RATE], RATE, container, "PCM_16"))
    if container == "WAV":
        struct.pack_into("<I", data, 4, 0xFFFFFFFF)
        struct.pack_into("<I", data, data.index(b"data") + 4, 0xFFFFFFFF)
    elif container == "AU":
        struct.pack_into(">I", data, 8, 0xFFFFFFFF)
    elif container == "W64":
        struct.pack_into("<Q", data, data.index(b"data") + 16, 0)
    elif container == "AIFF":
        struct.pack_into(">I", data, data.index(b"COMM") + 10, 0)
        struct.pack_into(">I", data, data.index(b"SSND") + 4, 0)
    elif container == "CAF":
        struct.pack_into(">q", data, data.index(b"data") + 4, -1)
    else:
        data[21] &= 0xF0
        data[22:26] = bytes(4)
    return bytes(data)


@pytest.mark.parametrize("container", ["WAV", "W64", "AIFF", "AU", "CAF", "FLAC"])
def test_a_stream_whose_header_does_not_know_its_length_is_heard_to_its_end(
    container: str,
) -> None:
    with piped(unknown_length(container)) as pipe:
        heard = read_recording(pipe)
    assert heard.duration == 1.0
    assert heard.warnings == ()
    assert heard.data == read_recording(encoded(SOUND[:RATE], RATE, container, "PCM_16")).data


@pytest.mark.parametrize("container", ["WAV", "W64", "AIFF", "AU", "CAF", "FLAC"])
def test_the_same_in_a_file_is_mentioned(container: str) -> None:
    heard = read_recording(unknown_length(container))
    assert heard.duration == 1.0
    [warning] = heard.warnings
    assert warning.startswith("Its header does not say how long it is")
    assert "the 1.0 s that are there were read" in warning


@pytest.mark.parametrize(("container", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16")])
def test_a_long_recording_from_a_pipe_is_never_whole_in_memory(
    container: str, subtype: str
) -> None:
    """Here numpy and Python count; libsndfile's own memory does not."""
    long = encoded(np.zeros(48_000 * 90), 48_000, container, subtype)
    tracemalloc.start()
    try:
        with piped(long, chunk=1 << 16) as pipe, open_recording(pipe) as recording:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            for _ in recording.blocks():
                pass
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert recording.duration == 90
    assert peak - before < 4 << 20 < 2 * 48_000 * 90


def test_a_pipe_is_read_no_further_than_its_limits() -> None:
    data = encoded(SOUND, RATE, "WAV", "PCM_16")
    with piped(data) as pipe, pytest.raises(RecordingError, match="accepted: up to 100000"):
        read_recording(pipe, RecordingLimits(max_bytes=100_000))
    with piped(data) as pipe, pytest.raises(RecordingError, match="accepted: at most 2 s"):
        read_recording(pipe, RecordingLimits(max_seconds=2))


def test_a_pipe_into_which_nothing_was_written_is_empty() -> None:
    with piped(b"") as pipe, pytest.raises(RecordingError, match="is empty; accepted: WAV"):
        read_recording(pipe)
