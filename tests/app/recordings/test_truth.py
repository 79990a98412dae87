"""Nothing is handed on that was not in the recording, whatever its header says."""

import io
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.recordings import read_recording
from tests.support.recordings.making import PROMISING, encoded, promising, speech_like

ROOT = Path(__file__).resolve().parents[3]
BROKEN = ROOT / "tests" / "fuzz" / "found" / "recordings" / "622554600637.bin"
RATE = 16_000
SHORT = 0.001 * np.random.default_rng(2).standard_normal(round(0.4 * RATE))


@pytest.mark.parametrize("container", PROMISING)
def test_a_header_that_promises_more_adds_no_sample_and_is_mentioned(container: str) -> None:
    honest = read_recording(encoded(SHORT, RATE, container, _subtype(container)))
    lying = read_recording(promising(container, SHORT, RATE, 9.8))
    assert lying.duration == pytest.approx(0.4, abs=0.06)
    assert len(lying.data) == 2 * round(lying.duration * RATE)
    assert lying.data == honest.data
    assert honest.warnings == ()
    [warning] = lying.warnings
    assert re.match(r"It ends after 0\.4 s, 9\.[34] s before its header says;", warning)


def _subtype(container: str) -> str:
    return "MPEG_LAYER_III" if container == "MP3" else "PCM_16"


@pytest.mark.parametrize("container", PROMISING)
def test_what_lay_in_memory_before_is_not_in_a_recording(
    container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another person's sound lies in every byte that numpy hands out without writing to it."""

    def dirty(make: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def planted(*arguments: object, **keywords: object) -> np.ndarray:
            array = make(*arguments, **keywords)
            if array.dtype.kind == "f":
                array.fill(0.5)
            return array

        return planted

    data = promising(container, SHORT, RATE, 9.8)
    monkeypatch.setattr(np, "empty", dirty(np.empty))
    if container == "MP3":  # one who reads as far as the header says does hear it
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            assert any(np.any(block == 0.5) for block in file.blocks(1 << 20, dtype="float32"))
    heard = np.frombuffer(read_recording(data).data, "<i2")
    assert np.abs(heard).max() < 0.02 * 32768


def test_a_neighbours_sound_is_not_heard_after_it_was_read() -> None:
    """By chance, as it was found: the memory of one recording is the next one's."""
    neighbour = encoded(speech_like(10, RATE), RATE, "WAV", "FLOAT")
    data = promising("MP3", SHORT, RATE, 9.8)
    for _ in range(3):
        read_recording(neighbour)
        heard = read_recording(data)
        assert heard.duration < 0.5
        assert np.abs(np.frombuffer(heard.data, "<i2")).max() < 0.02 * 32768


READ = """
import sys
from hashlib import sha256
from pathlib import Path
from app.recordings import read_recording
print(sha256(read_recording(Path(sys.argv[1])).data).hexdigest())
"""


def test_what_a_native_decoder_forgets_to_write_is_zero_and_nothing_that_lay_there() -> None:
    """A broken MP3 that the fuzzer found, in memory that glibc fills with this and that."""
    if "glibc" not in platform.libc_ver():
        pytest.skip("another C library than glibc fills no memory")
    heard = set()
    for filled in ("0", "15", "85", "170"):
        done = subprocess.run(
            [sys.executable, "-c", READ, str(BROKEN)],
            env={**os.environ, "MALLOC_PERTURB_": filled},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        heard.add(done.stdout)
    assert len(heard) == 1


def stereo(left: np.ndarray, right: np.ndarray) -> bytes:
    frames = np.column_stack((left, right))
    return encoded(frames, RATE, "WAV", "PCM_16")


def test_channels_of_opposite_phase_are_silence_in_the_mix_and_that_is_said() -> None:
    sound = speech_like(1, RATE)
    read = read_recording(stereo(sound, -sound))
    assert np.abs(np.frombuffer(read.data, "<i2")).max() <= 1
    [warning] = read.warnings
    assert warning.startswith("Its channels cancel each other out in the mix")


@pytest.mark.parametrize("right", [0.0, 1.0, -0.5, "noise"])
def test_channels_that_do_not_cancel_out_are_nothing_to_mention(right: float | str) -> None:
    sound = speech_like(1, RATE)
    noise = 0.1 * np.random.default_rng(3).standard_normal(len(sound))
    other = noise if isinstance(right, str) else right * sound
    assert read_recording(stereo(sound, other)).warnings == ()
    assert read_recording(stereo(0 * sound, 0 * sound)).warnings == ()
