"""Frames of MPEG audio and the tags about them, by the tables of the standards.

ISO/IEC 11172-3, 2.4.2.3, and 13818-3, 2.4.2.3; ID3v2.4, 3.1; APEv2. That what is picked out sounds
right is shown in tests/app/recordings.
"""

import io
import struct

import pytest

from app.recordings.containers.mpeg import MpegFrames, frame_header, tag_bytes
from app.recordings.errors import RecordingError
from app.recordings.sources import FileSource

RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Hz by the two bits of the version: 1, 2 and 2.5."""
V1_L1 = "32 64 96 128 160 192 224 256 288 320 352 384 416 448"
V1_L2 = "32 48 56 64 80 96 112 128 160 192 224 256 320 384"
V1_L3 = "32 40 48 56 64 80 96 112 128 160 192 224 256 320"
V2_L1 = "32 48 56 64 80 96 112 128 144 160 176 192 224 256"
V2_L2 = "8 16 24 32 40 48 56 64 80 96 112 128 144 160"
KBITS = {(3, 3): V1_L1, (3, 2): V1_L2, (3, 1): V1_L3}
KBITS |= {(version, 3): V2_L1 for version in (0, 2)}
KBITS |= {(version, layer): V2_L2 for version in (0, 2) for layer in (1, 2)}
"""kbit/s in the order of their four bits, from 1 on, by version and layer (3 is layer I)."""


def word(
    *, version: int, layer: int, kbits: int, rate: int, padding: int = 0, mode: int = 0
) -> bytes:
    bits = 0x7FF << 21 | version << 19 | layer << 17 | 1 << 16
    return struct.pack(">I", bits | kbits << 12 | rate << 10 | padding << 9 | mode << 6)


@pytest.mark.parametrize(("version", "layer"), KBITS)
def test_a_header_says_how_long_its_frame_is_for_every_rate(version: int, layer: int) -> None:
    for at, kbits in enumerate(map(int, KBITS[version, layer].split()), start=1):
        for rate_at, rate in enumerate(RATES[version]):
            for padding in (0, 1):
                header = frame_header(
                    word(version=version, layer=layer, kbits=at, rate=rate_at, padding=padding)
                )
                assert header is not None
                if layer == 3:
                    samples, size = 384, (12_000 * kbits // rate + padding) * 4
                else:
                    samples = 576 if layer == 1 and version != 3 else 1152
                    size = samples * 125 * kbits // rate + padding
                assert (header.samples, header.size) == (samples, size)
                assert header.kind == (version, layer, rate, False)
                assert header.is_mp3 == (layer == 1)


@pytest.mark.parametrize(
    ("version", "mode", "side"),
    [(3, 0, 32), (3, 1, 32), (3, 3, 17), (2, 0, 17), (0, 3, 9), (2, 3, 9)],
)
def test_one_channel_has_less_side_information(version: int, mode: int, side: int) -> None:
    header = frame_header(word(version=version, layer=1, kbits=9, rate=0, mode=mode))
    assert header is not None
    assert (header.side_bytes, header.kind[3]) == (side, mode == 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        word(version=3, layer=1, kbits=9, rate=0)[:3],
        word(version=1, layer=1, kbits=9, rate=0),
        word(version=3, layer=0, kbits=9, rate=0),
        word(version=3, layer=1, kbits=0, rate=0),
        word(version=3, layer=1, kbits=15, rate=0),
        word(version=3, layer=1, kbits=9, rate=3),
        b"\xff\xdb\x90\x64",
        b"\xfe\xfb\x90\x64",
    ],
)
def test_what_has_a_reserved_value_is_no_header(data: bytes) -> None:
    assert frame_header(data) is None


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (b"TAG" + bytes(13), 128),
        (b"ID3\4\0\0\0\0\2\1" + bytes(6), 10 + 257),
        (b"ID3\4\0\0\1\2\3\4" + bytes(6), 10 + (1 << 21 | 2 << 14 | 3 << 7 | 4)),
        (b"ID3\4\0\x10\0\0\0\5" + bytes(6), 20 + 5),
        (b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(6), 0),
        (b"ID3\4\0\0\0\0\0\x80" + bytes(6), 0),
        (b"ID3\4\0\0\0\0\0", 0),
        (b"ID3\4\0\0\0\0\0\5", 15),
        (b"ID3\4\0\0" + bytes([31, 127, 127, 118]), 64 << 20),
        (b"ID3\4\0\0" + bytes([31, 127, 127, 119]), 0),
        (b"APETAGEX" + struct.pack("<II", 2000, 100), 132),
        (b"APETAGEX" + bytes(7), 0),
        (b"APETAGEX" + struct.pack("<II", 2000, 64 << 20), 0),
        (b"JUNK" + bytes(12), 0),
    ],
)
def test_a_tag_says_how_long_it_is(head: bytes, size: int) -> None:
    assert tag_bytes(head) == size


HEAD = word(version=3, layer=1, kbits=9, rate=0)
SIZE = 144 * 128_000 // 44_100
FRAME = HEAD + bytes(range(1, 201)) + bytes(SIZE - 204)


def frames(data: bytes) -> MpegFrames:
    return MpegFrames(FileSource(io.BytesIO(data), None))


def read(data: bytes) -> tuple[list[bytes], MpegFrames]:
    stream = frames(data)
    found = []
    while frame := stream.read():
        found.append(frame)
    return found, stream


def test_frames_are_found_between_tags_and_rubbish_which_is_counted() -> None:
    tag = b"ID3\4\0\0\0\0\0\5hello"
    data = tag + b"rubbish" + FRAME * 2 + bytes(100) + FRAME * 2 + b"TAG" + bytes(125)
    found, stream = read(data)
    assert found == [FRAME] * 4
    assert stream.skipped == 107
    assert stream.declared is None


def test_a_frame_that_is_cut_off_is_left_out() -> None:
    found, _ = read(FRAME * 2 + FRAME[:-1])
    assert found == [FRAME] * 2


def test_a_frame_of_another_kind_is_no_part_of_the_stream() -> None:
    other = word(version=3, layer=1, kbits=9, rate=1) + bytes(144 * 128_000 // 48_000 - 4)
    found, stream = read(FRAME * 2 + other * 2 + FRAME * 2)
    assert found == [FRAME] * 4
    assert stream.skipped == 2 * len(other)


def test_a_header_alone_between_others_bytes_is_no_frame() -> None:
    assert read(FRAME[:300] + bytes(200) + FRAME * 2)[0] == [FRAME] * 2
    with pytest.raises(RecordingError, match="it seems to be MP3, and there is no sound in it"):
        frames(b"\xff\xfb" + bytes(5000))


@pytest.mark.parametrize(
    ("before", "found"), [((1 << 20) - 1, True), ((1 << 20) + 20_000, False)], ids=["near", "far"]
)
def test_a_first_frame_is_looked_for_in_a_mebibyte(before: int, *, found: bool) -> None:
    data = bytes(before) + FRAME * 2
    if found:
        assert len(read(data)[0]) == 2
    else:
        with pytest.raises(RecordingError, match="no sound in it"):
            frames(data)


def table(mark: bytes, flags: int, *fields: bytes) -> bytes:
    return (HEAD + bytes(32) + mark + struct.pack(">I", flags) + b"".join(fields)).ljust(
        SIZE, b"\0"
    )


LAME = b"LAME3.100" + bytes(12) + (576 << 12 | 1000).to_bytes(3, "big")


@pytest.mark.parametrize(
    ("first", "declared"),
    [
        (table(b"Xing", 1, struct.pack(">I", 50)), 50 * 1152),
        (
            table(b"Info", 15, struct.pack(">II", 50, 9), bytes(100), bytes(4), LAME),
            50 * 1152 - 1576,
        ),
        (table(b"Info", 11, struct.pack(">II", 50, 9), bytes(4), LAME), 50 * 1152 - 1576),
        (table(b"Info", 1, struct.pack(">I", 1), LAME), 0),
        (table(b"Info", 2, struct.pack(">I", 50)), None),
        (table(b"Info", 1, struct.pack(">I", 0), LAME), None),
    ],
)
def test_the_number_of_frames_is_read_and_then_left_out(first: bytes, declared: int | None) -> None:
    [without, *others], stream = read(first + FRAME * 2)
    assert stream.declared == declared
    assert others == [FRAME] * 2
    assert len(without) == SIZE
    assert without[:40] == first[:40]
    # As many as can be, and no table to seek by: the decoder believes what stands there.
    assert without[40:48] == struct.pack(">II", 1, 0x0FFF_FFFF)
    assert (LAME in without) == (LAME in first)


def test_fraunhofers_table_is_left_out_whole() -> None:
    first = (HEAD + bytes(32) + b"VBRI" + bytes(10) + struct.pack(">I", 50)).ljust(SIZE, b"\0")
    found, stream = read(first + FRAME * 2)
    assert (found, stream.declared) == ([FRAME] * 2, 50 * 1152)
