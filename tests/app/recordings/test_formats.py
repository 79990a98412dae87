"""Every container and sample format gives the same sound, from a file and from a pipe.

Files are written by the same library that reads them: nothing is proven about other encoders.
"""

import numpy as np
import pytest
from numpy.typing import NDArray

from app.recordings import Pcm16, open_recording, read_recording
from tests.support.recordings.making import LINEAR, LOSSY, encoded, piped, speech_like

RATE = 16_000
SOUND = speech_like(1.5, RATE)


def heard(pcm: Pcm16) -> NDArray[np.float64]:
    return np.frombuffer(pcm.data, "<i2").astype(np.float64) / 32768


@pytest.mark.parametrize(("container", "subtype"), LINEAR)
@pytest.mark.parametrize("way", ["file", "pipe"])
def test_a_lossless_recording_is_heard_sample_by_sample(
    container: str, subtype: str, way: str
) -> None:
    data = encoded(SOUND, RATE, container, subtype)
    if way == "file":
        pcm = read_recording(data)
    else:
        with piped(data) as pipe:
            pcm = read_recording(pipe)
    assert pcm.sample_rate == RATE
    assert pcm.duration == 1.5
    assert pcm.warnings == ()
    assert len(pcm.data) == 2 * len(SOUND)
    coarse = {"PCM_U8": 1 / 128, "ULAW": 1 / 60, "ALAW": 1 / 60}
    assert np.max(np.abs(heard(pcm) - SOUND)) <= coarse.get(subtype, 1.01 / 32768)


@pytest.mark.parametrize(("container", "subtype"), LOSSY)
@pytest.mark.parametrize("way", ["file", "pipe"])
def test_a_lossy_recording_sounds_the_same(container: str, subtype: str, way: str) -> None:
    data = encoded(SOUND, RATE, container, subtype)
    if way == "file":
        pcm = read_recording(data)
    else:
        with piped(data) as pipe:
            pcm = read_recording(pipe)
    assert pcm.warnings == ()
    sound = heard(pcm)[: len(SOUND)]
    assert pcm.duration == pytest.approx(1.5, abs=0.12)
    assert np.corrcoef(sound, SOUND[: len(sound)])[0, 1] > 0.98


def test_channels_are_averaged_and_a_block_is_no_longer_than_was_asked_for() -> None:
    left = np.arange(2000) / 32768
    data = encoded(np.column_stack([left, left * 3]), 8000, "WAV", "PCM_16")
    with open_recording(data) as recording:
        blocks = list(recording.blocks(0.1))
        assert (recording.sample_rate, recording.channels) == (8000, 2)
    assert [len(block) for block in blocks] == [1600, 1600, 800]
    samples = np.frombuffer(b"".join(blocks), "<i2")
    assert np.max(np.abs(samples - 2 * np.arange(2000))) <= 1
