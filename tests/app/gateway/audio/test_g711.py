"""G.711, against libsndfile, which has it from the reference implementation."""

import io

import numpy as np
import pytest
import soundfile

from app.gateway.audio import g711
from app.gateway.audio.decoder import AudioDecoder

EVERY_CODE = bytes(range(256))


@pytest.mark.parametrize(("law", "subtype"), [("mulaw", "ULAW"), ("alaw", "ALAW")])
def test_every_code_is_the_sample_that_libsndfile_makes_of_it(law: str, subtype: str) -> None:
    expected, _ = soundfile.read(
        io.BytesIO(EVERY_CODE),
        channels=1,
        samplerate=8000,
        format="RAW",
        subtype=subtype,
        dtype="int16",
    )
    assert np.array_equal(g711.samples_of(EVERY_CODE, law), expected)


@pytest.mark.parametrize("law", g711.LAWS)
def test_a_second_is_so_many_bytes_and_two_channels_are_averaged(law: str) -> None:
    one = AudioDecoder(law, 1, 8000, 8000)
    [(seconds, pcm)] = list(one.feed(bytes(800)))
    assert seconds == 0.1
    assert pcm == g711.samples_of(bytes(800), law).astype("<i2").tobytes()
    two = AudioDecoder(law, 2, 8000, 8000)
    # Of either law the two codes are one magnitude, with either sign.
    [(seconds, pcm)] = list(two.feed(bytes([0x12, 0x92]) * 800))
    assert seconds == 0.1
    assert pcm == bytes(1600)
