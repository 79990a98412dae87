"""Whatever kind a recording is of, and whichever way it goes, the recogniser hears the same.

The table compares samples, which a recogniser that keeps them was given; that they are words to a
real one is shown once, for the format whose words were lost.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from app.recordings import read_recording
from tests.support.recognisers.speech import FIXTURES, golden
from tests.support.recordings.making import encoded, promising, speech_like
from tests.support.recordings.ways import WAYS, Stage, Way, a_stage, offline_call, upload
from tests.support.words import bare

RATE = 16_000
RIVAS_OWN = {"WAV", "WAVEX", "FLAC", "OGG"}
"""The containers that Riva's own call takes; our gateway sends none."""
TABLE = [
    *(("WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("WAV", subtype) for subtype in ("ULAW", "ALAW", "MS_ADPCM")),
    *((container, "FLOAT") for container in ("WAVEX", "RF64", "AIFF", "AU", "CAF", "W64")),
    ("NIST", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]
SOUND = speech_like(0.6, RATE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with a_stage() as running:
        yield running


@pytest.mark.parametrize(
    ("container", "subtype", "way"),
    [
        (container, subtype, way)
        for container, subtype in TABLE
        for way in WAYS
        if way is not offline_call or container in RIVAS_OWN
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_each_format_reaches_the_recogniser_as_the_same_samples_by_each_way(
    stage: Stage, container: str, subtype: str, way: Way, tmp_path: Path
) -> None:
    data = encoded(SOUND, RATE, container, subtype)
    expected = read_recording(data)
    rate, pcm = await stage.heard(way, data, tmp_path)
    assert rate == RATE
    assert pcm == expected.data
    sound = np.frombuffer(pcm, "<i2")[: len(SOUND)] / 32768
    assert np.corrcoef(sound, SOUND[: len(sound)])[0, 1] > 0.95


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rate", [4_000, 96_000])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_rate_that_no_recogniser_takes_becomes_16_khz_by_each_way(
    stage: Stage, rate: int, way: Way, tmp_path: Path
) -> None:
    data = encoded(speech_like(0.5, rate), rate, "WAV", "FLOAT")
    heard_rate, pcm = await stage.heard(way, data, tmp_path)
    assert heard_rate == 16_000
    assert pcm == read_recording(data).data


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("container", ["WAV", "FLAC", "MP3"])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_header_that_promises_more_brings_nobody_elses_sound_by_any_way(
    stage: Stage, container: str, way: Way, tmp_path: Path
) -> None:
    neighbour = encoded(speech_like(3, RATE), RATE, "WAV", "FLOAT")
    await stage.heard(upload, neighbour, tmp_path)
    if way is offline_call and container not in RIVAS_OWN:
        way = upload
    quiet = 0.001 * np.random.default_rng(2).standard_normal(round(0.4 * RATE))
    _, pcm = await stage.heard(way, promising(container, quiet, RATE, 9.8), tmp_path)
    heard = np.frombuffer(pcm, "<i2")
    assert len(heard) / RATE == pytest.approx(0.4, abs=0.06)
    assert np.abs(heard).max() < 0.02 * 32768


@pytest.mark.xdist_group("engine")
@pytest.mark.slow
async def test_float_samples_are_the_same_words_by_each_way(tmp_path: Path) -> None:
    samples, rate = soundfile.read(FIXTURES / "fast_gb_m.flac", dtype="float64")
    expected = bare(" ".join(golden("fast_gb_m").finals))
    data = encoded(samples, rate, "WAV", "FLOAT")
    async with a_stage(real=True) as stage:
        for way in WAYS:
            assert bare(await way(stage, data, tmp_path)) == expected, way
