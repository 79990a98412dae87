"""Headers that are broken off, out of order, or of something else: what is said of each."""

import struct
from collections.abc import Callable

import pytest

from app.recordings.containers.aiff import read_aiff, read_au, read_caf
from app.recordings.containers.riff import read_w64, read_wav
from app.recordings.containers.sphere import read_sphere
from app.recordings.errors import RecordingError, RecordingProblem
from app.recordings.sources import FileSource
from tests.app.recordings.containers.making import chunk, extended, source, sphere


def pcm_wav(**changed: object) -> bytes:
    numbers = {"tag": 1, "channels": 1, "rate": 16_000, "bytes": 32_000, "block": 2, "bits": 16}
    return struct.pack("<HHIIHH", *(numbers | changed).values())


RIFF, FORM, CAFF = b"RIFF\0\0\0\0WAVE", b"FORM\0\0\0\0AIFF", b"caff\0\1\0\0"
COMM = struct.pack(">HIH", 1, 5, 16) + extended(16_000)
DESC = struct.pack(">d4sIIIII", 16_000, b"lpcm", 0, 2, 1, 1, 16)
PCM = {"sample_rate": "16000", "channel_count": "1", "sample_n_bytes": "2"}


def caf(name: bytes, body: bytes) -> bytes:
    return struct.pack(">4sq", name, len(body)) + body


@pytest.mark.parametrize(
    ("read", "data", "sentence"),
    [
        (read_wav, b"RIFF\0\0\0\0RMID", "it is RIFF, and not WAVE"),
        (read_wav, RIFF, "it is WAV, and there are no samples in it"),
        (
            read_wav,
            RIFF + chunk("<", b"data", bytes(8)),
            "it is WAV, and its samples come before their description",
        ),
        (
            read_wav,
            RIFF + chunk("<", b"fmt ", pcm_wav()[:15]) + chunk("<", b"data", bytes(8)),
            "it is WAV, and its description of the samples breaks off",
        ),
        (
            read_wav,
            RIFF + chunk("<", b"fmt ", pcm_wav(tag=0xFFFE)) + chunk("<", b"data", bytes(8)),
            "it is WAV, and its description of the samples breaks off",
        ),
        (read_w64, bytes(40), "it is W64, and there are no samples in it"),
        (read_aiff, FORM + chunk(">", b"COMM", COMM), "it is AIFF, and there are no samples in it"),
        (
            read_aiff,
            FORM + chunk(">", b"SSND", bytes(18)),
            "it is AIFF, and its samples are not described before they come",
        ),
        (
            read_aiff,
            FORM + chunk(">", b"COMM", COMM[:17]) + chunk(">", b"SSND", bytes(18)),
            "it is AIFF, and its description of the samples breaks off",
        ),
        (
            read_aiff,
            FORM + chunk(">", b"COMM", COMM) + chunk(">", b"SSND", bytes(7))[:-1],
            "it is AIFF, and its description of the samples breaks off",
        ),
        (read_caf, CAFF + caf(b"desc", DESC), "it is CAF, and there are no samples in it"),
        (
            read_caf,
            CAFF + caf(b"data", bytes(8)) + caf(b"desc", DESC),
            "it is CAF, and its samples come before their description",
        ),
        (
            read_caf,
            CAFF + caf(b"desc", DESC[:31]) + caf(b"data", bytes(8)),
            "it is CAF, and its description of the samples breaks off",
        ),
        (read_au, b".snd" + bytes(19), "it is AU, and its header breaks off"),
        *(
            (
                read_sphere,
                sphere("1024", **{name: value for name, value in PCM.items() if name != without}),
                "it is SPHERE, and its header names no sample rate, channels or bytes of a sample",
            )
            for without in PCM
        ),
        *(
            (
                read_sphere,
                sphere(size, **PCM),
                "it is SPHERE, and its header does not say how long it is",
            )
            for size in ("65537", "many", "-1024")
        ),
    ],
)
def test_a_header_that_is_broken_is_refused_and_it_is_said_why(
    read: Callable[[FileSource], object], data: bytes, sentence: str
) -> None:
    with pytest.raises(RecordingError, match=f"{sentence}; record") as refused:
        read(source(data))
    assert refused.value.problem is RecordingProblem.UNREADABLE


@pytest.mark.parametrize(
    ("read", "data", "what"),
    [
        (
            read_aiff,
            FORM + chunk(">", b"COMM", COMM + b"ima4") + chunk(">", b"SSND", bytes(18)),
            "AIFF with ima4 samples in it",
        ),
        (
            read_aiff,
            FORM + chunk(">", b"COMM", COMM + b"\x00\xff\x01\x02") + chunk(">", b"SSND", bytes(18)),
            "AIFF with 00ff0102 samples in it",
        ),
        (
            read_caf,
            CAFF + caf(b"desc", DESC.replace(b"lpcm", b"aac ")) + caf(b"data", bytes(8)),
            "CAF with aac samples in it",
        ),
        (
            read_au,
            b".snd" + struct.pack(">IIIII", 24, 8, 23, 8_000, 1),
            "AU with samples of kind 23 in it",
        ),
        (
            read_sphere,
            sphere("1024", **PCM, sample_coding="pcm,embedded-shorten-v2.00"),
            "SPHERE with pcm,embedded-shorten-v2.00 samples in it",
        ),
        (
            read_sphere,
            sphere("1024", **PCM | {"sample_n_bytes": "8"}),
            "SPHERE with 64-bit integer",
        ),
        (
            read_wav,
            RIFF + chunk("<", b"fmt ", pcm_wav(tag=3)) + chunk("<", b"data", bytes(8)),
            "WAV with 16-bit float samples",
        ),
    ],
)
def test_samples_of_a_kind_that_is_not_decoded_are_refused_by_name(
    read: Callable[[FileSource], object], data: bytes, what: str
) -> None:
    with pytest.raises(RecordingError, match=f"it seems to be {what}") as refused:
        read(source(data))
    assert refused.value.problem is RecordingProblem.UNSUPPORTED


def test_apple_lossless_in_a_caf_is_left_to_the_library() -> None:
    described = caf(b"desc", DESC.replace(b"lpcm", b"alac"))
    assert read_caf(source(CAFF + described + caf(b"data", bytes(8)))) is None


@pytest.mark.parametrize("rate", [0.0, float("nan"), float("inf"), 999.0, 192_001.0])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    described = caf(b"desc", struct.pack(">d", rate) + DESC[8:])
    with pytest.raises(RecordingError, match="accepted: 1 to 32 channels and 1000 to 192000 Hz"):
        read_caf(source(CAFF + described + caf(b"data", bytes(8))))


@pytest.mark.parametrize(("exponent", "mantissa"), [(0x3FFE, 1 << 63), (0x403F, 1 << 63), (0, 0)])
def test_a_rate_of_an_aiff_that_is_no_whole_number_is_none(exponent: int, mantissa: int) -> None:
    common = COMM[:8] + struct.pack(">HQ", exponent, mantissa)
    data = FORM + chunk(">", b"COMM", common) + chunk(">", b"SSND", bytes(18))
    with pytest.raises(RecordingError, match="has 1 channels at 0 Hz"):
        read_aiff(source(data))


@pytest.mark.parametrize("size", [0x7F00_0000, 0xFFFF_FFFF])
def test_a_size_that_only_programs_write_which_know_none_is_none(size: int) -> None:
    numbers = (24, size, 3, 16_000, 1)
    assert read_au(source(b".snd" + struct.pack(">IIIII", *numbers))).size is None
    data = b".snd" + struct.pack(">IIIII", 24, 0x7EFF_FFFF, *numbers[2:])
    assert read_au(source(data)).size == 0x7EFF_FFFF


@pytest.mark.parametrize(("behind", "size"), [(b"", 0), (b"LIST", 0), (b"\1\2\3\4", None)])
def test_a_wav_of_no_samples_is_empty_unless_something_else_follows(
    behind: bytes, size: int | None
) -> None:
    data = RIFF + chunk("<", b"fmt ", pcm_wav()) + b"data\0\0\0\0" + behind
    assert read_wav(source(data)).size == size
