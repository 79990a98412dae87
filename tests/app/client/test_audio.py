"""Reading recordings, on files written by the same library that reads them.

Does not prove anything about files that other encoders wrote.
"""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.client.audio import PcmAudio, read_audio
from app.client.errors import AudioFileError


def tone(rate: int, seconds: float = 0.25) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    time = np.arange(int(rate * seconds)) / rate
    return (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_lossless_files_arrive_sample_by_sample_at_their_own_rate(
    tmp_path: Path, rate: int, suffix: str
) -> None:
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(rate), rate)
    audio = read_audio(path)
    assert audio.sample_rate == rate
    assert audio.data == tone(rate).astype("<i2").tobytes()
    assert audio.seconds == pytest.approx(0.25, abs=1 / rate)


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    left = np.array([100, -100, 32767, 3], dtype=np.int16)
    right = np.array([300, -300, 32767, 4], dtype=np.int16)
    soundfile.write(path, np.stack([left, right], axis=1), 16000)
    assert np.frombuffer(read_audio(path).data, "<i2").tolist() == [200, -200, 32767, 4]


def test_a_rate_the_contract_does_not_take_becomes_16_khz(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(96000), 96000)
    audio = read_audio(path)
    assert audio.sample_rate == 16000
    assert audio.seconds == pytest.approx(0.25, abs=0.001)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(audio.data, "<i2")))
    assert int(spectrum.argmax()) * 16000 / len(audio.data) * 2 == pytest.approx(440, abs=4)


def test_what_is_no_audio_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a sound")
    with pytest.raises(ValueError, match=r"notes\.txt cannot be decoded; accepted: WAV"):
        read_audio(path)


def test_a_file_that_cannot_be_sent_is_a_clients_error_and_of_its_usual_kind(
    tmp_path: Path,
) -> None:
    """Whoever catches ClientError has caught all that a recording can fail by."""
    (tmp_path / "notes.txt").write_text("not a sound")
    cases: list[tuple[str, type[Exception], int | None]] = [
        ("notes.txt", ValueError, None),
        ("absent.wav", FileNotFoundError, errno.ENOENT),
        ("", OSError, errno.EISDIR),
    ]
    for name, kind, number in cases:
        path = tmp_path / name
        with pytest.raises(kind) as caught:
            read_audio(path)
        error = caught.value
        assert isinstance(error, AudioFileError)
        assert str(error).startswith(str(path))
        assert not error.retryable
        if number is not None:
            assert isinstance(error, OSError)
            assert (error.errno, error.filename) == (number, str(path))
            assert str(error) == f"{path}: {os.strerror(number)}"


@pytest.mark.parametrize(
    ("data", "rate", "complaint"),
    [
        (b"\0", 16000, "data has 1 bytes; accepted: an even number"),
        (b"\0\0", 4000, "sample_rate is 4000; accepted: 8000 to 48000"),
        (b"\0\0", 96000, "sample_rate is 96000"),
    ],
)
def test_samples_that_cannot_be_sent_are_refused(data: bytes, rate: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        PcmAudio(data=data, sample_rate=rate)
