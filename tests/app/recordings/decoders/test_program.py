"""How ffmpeg is run, with a program in its place that hands back what it was given.

That ffmpeg itself takes these arguments is shown in test_ffmpeg.py, where it is installed.
"""

import io
import os
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from app.recordings import (
    RecordingError,
    RecordingLimits,
    can_be_decoded,
    open_recording,
)
from app.recordings.decoders.ffmpeg import FfmpegSound, demuxer_of
from app.recordings.sources import FileSource

HEADS = {
    "matroska": ("WebM or Matroska", b"\x1a\x45\xdf\xa3"),
    "mov": ("MP4 or M4A (AAC)", b"\0\0\0\x14ftypM4A "),
    "aac": ("AAC", b"\xff\xf1"),
    "ogg": ("Speex in Ogg", b"OggS" + bytes(24) + b"Speex   "),
    "amr": ("AMR", b"#!AMR"),
    "asf": ("WMA", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
}
"""What the program calls a format, our name of it, and how it begins."""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that notes how it was called, then copies its input."""
    path = tmp_path / "ffmpeg"
    path.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{tmp_path}/arguments\n"
        f"pwd >{tmp_path}/folder\nenv >{tmp_path}/environment\nexec cat\n"
    )
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SECRET", "value")
    return tmp_path


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("demuxer", HEADS)
def test_what_only_the_program_knows_is_decoded_where_it_is_there(demuxer: str) -> None:
    name, head = HEADS[demuxer]
    assert demuxer_of(name) == demuxer
    assert can_be_decoded(head)
    assert not can_be_decoded(head, programs=False)
    with pytest.raises(RecordingError, match="cannot be decoded; accepted: WAV"):
        open_recording(head, RecordingLimits(programs=False))
    assert demuxer_of("a PDF") is demuxer_of(None) is None


@pytest.mark.parametrize("demuxer", HEADS)
def test_and_is_not_where_it_is_missing(
    demuxer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    name, head = HEADS[demuxer]
    assert demuxer_of(name) is None
    assert not can_be_decoded(head)
    with pytest.raises(RecordingError, match="where ffmpeg is installed it is decoded as it is"):
        open_recording(head)


def test_the_program_hears_of_nothing_but_its_pipes_and_hands_out_samples(program: Path) -> None:
    samples = np.linspace(-1, 1, 40_000, dtype="<f4")
    sound = FfmpegSound(FileSource(io.BytesIO(samples.tobytes() + b"odd"), None), "matroska")
    try:
        heard = []
        while len(frames := sound.next_frames(16_000)):
            assert frames.shape[1] == sound.channels == 1
            assert len(frames) <= 16_000
            heard.append(frames[:, 0])
    finally:
        sound.close()
    assert np.array_equal(np.concatenate(heard), samples)
    assert (sound.reason, sound.failure, sound.ended) == (None, None, True)
    assert " ".join((program / "arguments").read_text().split()) == (
        "-nostdin -hide_banner -loglevel quiet -probesize 4096 -analyzeduration 0 "
        "-protocol_whitelist pipe -threads 1 -f matroska -i pipe:0 "
        "-map 0:a:0 -ac 1 -ar 16000 -f f32le -flush_packets 1 pipe:1"
    )
    assert (program / "folder").read_text() == "/\n"
    environment = dict(
        line.split("=", 1) for line in (program / "environment").read_text().splitlines()
    )
    assert environment["PATH"] == os.defpath
    assert "SECRET" not in environment


@pytest.mark.usefixtures("program")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds another process")
def test_the_program_has_bounds_on_memory_and_time() -> None:
    sound = FfmpegSound(FileSource(io.BytesIO(b"1234" * 50_000), None), "aac")
    try:
        assert len(sound.next_frames(1)) == 1
        # Not all was taken yet: it still runs.
        ffmpeg = psutil.Process(sound._program.pid)
        assert ffmpeg.rlimit(psutil.RLIMIT_AS) == (1 << 30, 1 << 30)
        assert ffmpeg.rlimit(psutil.RLIMIT_CPU) == (1800, 1800)
    finally:
        sound.close()
    assert not ffmpeg.is_running()


@pytest.mark.usefixtures("program")
def test_a_program_that_hears_nothing_is_told_from_silence() -> None:
    sound = FfmpegSound(FileSource(io.BytesIO(b""), None), "aac")
    assert len(sound.next_frames(100)) == 0
    sound.close()
    assert sound.reason is not None
    assert sound.reason.startswith("ffmpeg finds no sound in it that can be decoded")
