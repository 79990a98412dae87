"""Where speech is, found by loudness, against what the fixtures' manifest says of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.client import PcmAudio, read_audio
from ops.qa.speech import speech_span

DEFAULT = Path(__file__).resolve().parents[2] / "fixtures"
KNOWN = {
    entry["file"]: entry["speech_spans"]
    for entry in json.loads((DEFAULT / "manifest.json").read_text(encoding="utf-8"))
    if entry.get("speech_spans")
}


@pytest.mark.parametrize("file", KNOWN)
def test_the_span_is_right_to_the_tenth_of_a_second_where_it_is_known(file: str) -> None:
    found = speech_span(read_audio(DEFAULT / file))
    assert found is not None
    assert found[0] == pytest.approx(KNOWN[file][0][0], abs=0.1)
    assert found[1] == pytest.approx(KNOWN[file][-1][1], abs=0.1)


def test_there_is_no_speech_in_silence() -> None:
    assert speech_span(PcmAudio(data=bytes(32_000), sample_rate=16_000)) is None
    assert speech_span(PcmAudio(data=b"", sample_rate=16_000)) is None


def test_a_tone_between_silences_is_found() -> None:
    tone = (8_000 * np.sin(np.arange(8_000) * 0.3)).astype("<i2").tobytes()
    audio = PcmAudio(data=bytes(16_000) + tone + bytes(16_000), sample_rate=16_000)
    assert speech_span(audio) == pytest.approx((0.5, 1.0), abs=0.02)
