"""What a live stream begins with: recognised beyond doubt, or taken for samples."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from app.recordings import certain_name_of
from app.recordings.formats import HEAD_BYTES
from tests.support.recordings.making import speech_like


def made(container: str, subtype: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, speech_like(1.0, 16_000), 16_000, format=container, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(
    ("container", "subtype", "name"),
    [
        ("WAV", "PCM_16", "WAV"),
        ("FLAC", "PCM_16", "FLAC"),
        ("OGG", "OPUS", "OGG"),
        ("OGG", "VORBIS", "OGG"),
        ("MP3", "MPEG_LAYER_III", "MP3"),
        ("AIFF", "PCM_16", "AIFF"),
        ("CAF", "PCM_16", "CAF"),
    ],
)
def test_the_first_message_of_a_container_names_it(container: str, subtype: str, name: str) -> None:
    assert certain_name_of(made(container, subtype)[:3200]) == name


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01", "WebM or Matroska"),
        (b"\x00\x00\x00\x20ftypiso5\x00\x00\x02\x00", "MP4 or M4A (AAC)"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x23", "MP3"),
        (b"<!doctype html><title>502 Bad Gateway</title><p>The upstream is away.", "an HTML page"),
        (b"", None),
        (b"\xff\xfb", None),
        # Frames of MPEG audio have a second one behind them.
        (b"\xff\xfb\x90\x64" + bytes(800), None),
        (b"MZ" + bytes(100), None),
        (b"\x1f\x8b" + bytes(100), None),
    ],
)
def test_what_is_beyond_doubt_is_named_and_what_is_not_is_samples(
    head: bytes, name: str | None
) -> None:
    assert certain_name_of(head) == name


def test_a_frame_of_mpeg_audio_counts_where_the_next_one_follows() -> None:
    # MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 144 * 128000 / 44100 bytes.
    frame = b"\xff\xfb\x90\x64" + bytes(413)
    assert certain_name_of(frame + frame[:4]) == "MP3"
    # ADTS with a length of 100 bytes.
    aac = bytes([0xFF, 0xF1, 0x50, 0x80, 100 >> 3, (100 & 7) << 5 | 0x1F, 0xFC]) + bytes(93)
    assert certain_name_of(aac + aac[:4]) == "AAC"


@given(
    level=st.floats(0.0, 1.0),
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["<i2", "<f4"]),
    length=st.integers(0, 2000),
)
def test_samples_of_sound_are_never_taken_for_anything_else(
    level: float, seed: int, kind: str, length: int
) -> None:
    samples = np.random.default_rng(seed).standard_normal(length) * level
    scale = 32767 if kind == "<i2" else 1
    assert certain_name_of((np.clip(samples, -1, 1) * scale).astype(kind).tobytes()) is None


def test_a_long_message_is_judged_by_its_beginning_alone() -> None:
    page = b"<!doctype html>" + b"<p>bad gateway</p>" * 300
    assert len(page) > HEAD_BYTES
    assert certain_name_of(page + bytes(1000)) == certain_name_of(page) == "an HTML page"


@given(st.binary(max_size=4096))
def test_any_bytes_are_judged_without_an_error(head: bytes) -> None:
    certain_name_of(head)


def test_so_much_text_is_no_sound_and_less_may_be() -> None:
    assert certain_name_of(b"[" * 64) == "JSON"
    assert certain_name_of(b"[" * 63) is None


@pytest.mark.parametrize("changed", [(0, 0xFE), (1, 0xE1), (1, 0xF3), (1, 0xF5), (4, 0), (3, 0x81)])
def test_a_frame_of_aac_is_one_by_its_fixed_bits_and_its_length(changed: tuple[int, int]) -> None:
    frame = bytes([0xFF, 0xF1, 0x50, 0x80, 100 >> 3, (100 & 7) << 5 | 0x1F, 0xFC]) + bytes(93)
    assert certain_name_of(frame + frame[:2]) == "AAC"
    assert certain_name_of(frame + frame[:1]) is None
    other = bytearray(frame)
    other[changed[0]] = changed[1]
    assert certain_name_of(bytes(other) + frame[:4]) != "AAC"


def test_a_tag_before_an_mp3_is_one_of_a_known_version() -> None:
    assert certain_name_of(b"ID3\x0f") == "MP3"
    assert certain_name_of(b"ID3\x10") is None
