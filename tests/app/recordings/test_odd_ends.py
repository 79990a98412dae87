"""What crashed recorders, full disks and careless tools leave: as much as is there is heard."""

import struct

import numpy as np
import pytest

from app.recordings import read_recording
from tests.app.recordings.containers.making import ogg_page
from tests.support.recordings.making import encoded, speech_like

RATE = 16_000
SOUND = speech_like(3, RATE)
MP3 = encoded(SOUND, RATE, "MP3", "MPEG_LAYER_III")
FLAC = encoded(SOUND, RATE, "FLAC", "PCM_16")
WAV = encoded(SOUND, RATE, "WAV", "PCM_16")
ID3 = b"ID3\4\0\0\0\0\2\0" + bytes(256)


def with_sizes(riff: int, data: int) -> bytes:
    wav = bytearray(WAV)
    struct.pack_into("<I", wav, 4, riff)
    struct.pack_into("<I", wav, 40, data)
    return bytes(wav)


@pytest.mark.parametrize(
    ("riff", "data"),
    [(0, 0), (36, 0), (8, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000), (0, 0x80000000)],
)
def test_a_wav_whose_recorder_was_killed_is_heard_and_that_is_said(riff: int, data: int) -> None:
    read = read_recording(with_sizes(riff, data))
    assert read.data == read_recording(WAV).data
    [warning] = read.warnings
    assert warning.startswith("Its header does not say how long it is")


def test_an_empty_wav_is_empty_and_not_a_killed_recorders() -> None:
    for tail in (b"", b"LIST\x04\0\0\0INFO"):
        read = read_recording(with_sizes(36, 0)[:44] + tail)
        assert (read.data, read.duration, read.warnings) == (b"", 0.0, ())


@pytest.mark.parametrize(
    ("container", "subtype", "missing"),
    [
        ("WAV", "PCM_16", "It ends after 1.8 s, 1.2 s before its header says"),
        ("WAV", "MS_ADPCM", "It ends after 1.8 s, 1.3 s before its header says"),
        ("AIFF", "PCM_16", "It ends after 1.8 s, 1.2 s before its header says"),
        ("FLAC", "PCM_16", "It ends after 1.8 s, 1.2 s before its header says"),
        ("MP3", "MPEG_LAYER_III", "It ends after 1.7 s, 1.3 s before its header says"),
        ("OGG", "VORBIS", "It breaks off: the page that would be its last is missing"),
        ("OGG", "OPUS", "It breaks off: the page that would be its last is missing"),
    ],
)
def test_a_recording_that_was_broken_off_is_heard_up_to_there(
    container: str, subtype: str, missing: str
) -> None:
    data = encoded(SOUND, RATE, container, subtype)
    read = read_recording(data[: round(0.6 * len(data))])
    assert read_recording(data).data.startswith(read.data)
    assert 0.9 <= read.duration <= 1.9
    [warning] = read.warnings
    assert warning.startswith(missing)


@pytest.mark.parametrize("tail", [b"LIST\x04\0\0\0INFO", b"id3 \x02\0\0\0ab"])
def test_a_chunk_behind_the_sound_is_no_sound_and_nothing_to_mention(tail: bytes) -> None:
    read = read_recording(WAV + tail)
    assert read.data == read_recording(WAV).data
    assert read.warnings == ()


def test_rubbish_behind_the_sound_is_left_out_and_mentioned() -> None:
    read = read_recording(WAV + bytes(range(100)))
    assert read.data == read_recording(WAV).data
    assert read.warnings == (
        "The 100 bytes behind the sound that its header tells of were left out.",
    )
    assert read_recording(FLAC + b"rubbish" * 100).data == read_recording(FLAC).data


def test_a_sample_that_is_not_whole_is_left_out_and_mentioned() -> None:
    read = read_recording(with_sizes(0, 0) + b"\x7f")
    assert read.data == read_recording(WAV).data
    assert read.warnings[1:] == ("Its last sample is not whole (1 of 2 bytes).",)


def test_24_bits_may_stand_in_four_bytes() -> None:
    samples = (SOUND * 2**23).astype("<i4") << 8
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 1, RATE, 4 * RATE, 4, 24,
        b"data", samples.nbytes,
    )  # fmt: skip
    heard = np.frombuffer(read_recording(header + samples.tobytes()).data, "<i2") / 32768
    assert np.max(np.abs(heard - SOUND)) <= 1 / 32768


def test_an_mp3_is_heard_to_its_end_whatever_its_first_frame_says() -> None:
    """Joined files, and a table of contents that tells of the first alone."""
    once, twice = read_recording(MP3), read_recording(MP3 + MP3)
    assert twice.duration == pytest.approx(2 * once.duration, abs=0.15)
    assert twice.data.startswith(once.data)


@pytest.mark.parametrize("pad", range(0, 8192, 1021))
def test_of_two_flacs_in_a_row_the_first_is_heard_and_that_is_said(pad: int) -> None:
    first = encoded(SOUND[: 2 * RATE + pad], RATE, "FLAC", "PCM_16")
    read = read_recording(first + FLAC)
    assert read.data == read_recording(first).data
    assert read.warnings == (
        "Another FLAC begins behind its end and was left out; decode them one by one.",
    )


@pytest.mark.parametrize("tag", [ID3, ID3 + ID3])
def test_tags_around_an_mp3_are_no_sound(tag: bytes) -> None:
    tagged = read_recording(tag + MP3 + b"TAG" + bytes(125))
    assert (tagged.data, tagged.warnings) == (read_recording(MP3).data, ())


def test_a_flac_behind_a_tag_is_a_flac() -> None:
    assert read_recording(ID3 + FLAC).data == read_recording(FLAC).data


def test_a_hole_in_an_mp3_or_ogg_costs_no_more_than_the_hole() -> None:
    for container, subtype in (("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS")):
        data = encoded(SOUND, RATE, container, subtype)
        at = len(data) // 2
        read = read_recording(data[:at] + bytes(500) + data[at + 500 :])
        assert read.duration > 1.5
        tail = np.frombuffer(read.data, "<i2")[-RATE // 4 :].astype(float)
        whole = np.frombuffer(read_recording(data).data, "<i2")[-RATE // 4 :].astype(float)
        assert np.corrcoef(tail, whole)[0, 1] > 0.9


def test_an_mp3_in_a_wav_is_an_mp3() -> None:
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 0x55, 1, RATE, 4000, 1, 0,
        b"data", len(MP3),
    )  # fmt: skip
    assert read_recording(head + MP3).data == read_recording(MP3).data


def test_a_flac_in_an_ogg_is_a_flac() -> None:
    short = encoded(SOUND[:4000], RATE, "FLAC", "PCM_16")
    head, rest = short[:42], short[42:]
    pages = [ogg_page(0, 2, b"\x7fFLAC\1\0\0\1" + head)]
    pieces = [rest[at : at + 2000] for at in range(0, len(rest), 2000)]
    pages += [ogg_page(1 + n, 4 if n + 1 == len(pieces) else 0, p) for n, p in enumerate(pieces)]
    assert read_recording(b"".join(pages)).data == read_recording(short).data
