"""Headers as their specifications write them, byte by byte, for every kind of sample they may name.

Built here, not by the library that decodes: that writes a few of the kinds, and no odd sizes. It is
not proven here that the samples behind a header are decoded.
"""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.recordings.containers.aiff import read_aiff, read_au, read_caf
from app.recordings.containers.layout import Layout
from app.recordings.containers.riff import read_w64, read_wav
from app.recordings.containers.sphere import read_sphere
from app.recordings.errors import RecordingError
from tests.app.recordings.containers.making import chunk, extended, source, sphere

RATES = st.integers(1_000, 192_000)
CHANNELS = st.integers(1, 32)
FRAMES = st.integers(1, 5_000)


AIFF = {
    b"NONE": ("PCM_16", 2, 16),
    b"twos": ("PCM_16", 2, 16),
    b"sowt": ("PCM_16", 2, 16),
    b"in24": ("PCM_24", 3, 0),
    b"in32": ("PCM_32", 4, 0),
    b"raw ": ("PCM_U8", 1, 8),
    b"fl32": ("FLOAT", 4, 0),
    b"FL32": ("FLOAT", 4, 16),
    b"fl64": ("DOUBLE", 8, 0),
    b"FL64": ("DOUBLE", 8, 16),
    b"ulaw": ("ULAW", 1, 16),
    b"ULAW": ("ULAW", 1, 16),
    b"alaw": ("ALAW", 1, 16),
    b"ALAW": ("ALAW", 1, 16),
}
"""Samples, their bytes, and what stands as bits beside each name of a compression (QuickTime File
Format Specification, Sound Media)."""


@given(
    rate=RATES,
    channels=CHANNELS,
    frames=FRAMES,
    coding=st.sampled_from(sorted(AIFF)),
    described_first=st.booleans(),
)
def test_every_compression_that_an_aiff_may_name_is_known(
    rate: int, channels: int, frames: int, coding: bytes, described_first: bool
) -> None:
    subtype, width, bits = AIFF[coding]
    common = struct.pack(">HIH", channels, frames, bits) + extended(rate) + coding + b"\0\0"
    described, other = chunk(">", b"COMM", common), chunk(">", b"NAME", b"odd")
    # The sound may begin a few bytes into its chunk, and end before the chunk does.
    sound = chunk(
        ">", b"SSND", struct.pack(">II", 3, 0) + bytes(3 + (frames + 1) * channels * width)
    )
    before, after = (described + other, b"") if described_first else (other, described)
    layout = read_aiff(source(b"FORM\0\0\0\0AIFC" + before + sound + after))
    assert layout == Layout(
        name="AIFF",
        rate=rate,
        channels=channels,
        subtype=subtype,
        big_endian=coding != b"sowt",
        frame_bytes=width * channels,
        begin=12 + len(before) + 8 + 8 + 3,
        size=frames * width * channels,
        pads_to=2,
    )


@pytest.mark.parametrize(("bits", "width"), [(8, 1), (12, 2), (16, 2), (20, 3), (24, 3), (32, 4)])
def test_samples_of_an_aiff_take_whole_bytes(bits: int, width: int) -> None:
    common = struct.pack(">HIH", 2, 5, bits) + extended(44_100)
    sound = chunk(">", b"SSND", bytes(8 + 10 * width))
    layout = read_aiff(source(b"FORM\0\0\0\0AIFF" + chunk(">", b"COMM", common) + sound))
    assert (layout.frame_bytes, layout.size) == (2 * width, 10 * width)


CAF = {
    (b"lpcm", 0, 8): ("PCM_S8", 1),
    (b"lpcm", 0, 16): ("PCM_16", 2),
    (b"lpcm", 0, 24): ("PCM_24", 3),
    (b"lpcm", 0, 32): ("PCM_32", 4),
    (b"lpcm", 1, 32): ("FLOAT", 4),
    (b"lpcm", 1, 64): ("DOUBLE", 8),
    (b"ulaw", 0, 8): ("ULAW", 1),
    (b"ulaw", 0, 16): ("ULAW", 1),
    (b"alaw", 0, 8): ("ALAW", 1),
}
"""Format, whether of floats, and bits (Core Audio Format Specification, Audio Description)."""


@given(
    rate=RATES,
    channels=CHANNELS,
    frames=FRAMES,
    kind=st.sampled_from(sorted(CAF)),
    little=st.booleans(),
)
def test_every_format_that_a_caf_may_name_is_known(
    rate: int, channels: int, frames: int, kind: tuple[bytes, int, int], little: bool
) -> None:
    (subtype, width), (coding, is_float, bits) = CAF[kind], kind
    size, head = frames * channels * width, struct.Struct(">4sq")
    described = struct.pack(
        ">d4sIIIII", rate + 0.25, coding, is_float | little << 1, 9, 9, channels, bits
    )
    before = head.pack(b"desc", len(described)) + described + head.pack(b"info", 3) + b"odd"
    data = b"caff\0\1\0\0" + before + head.pack(b"data", 4 + size) + bytes(4)
    assert read_caf(source(data)) == Layout(
        name="CAF",
        rate=rate,
        channels=channels,
        subtype=subtype,
        big_endian=not little,
        frame_bytes=width * channels,
        begin=len(data),
        size=size,
    )


AU = {
    1: ("ULAW", 1),
    2: ("PCM_S8", 1),
    3: ("PCM_16", 2),
    4: ("PCM_24", 3),
    5: ("PCM_32", 4),
    6: ("FLOAT", 4),
    7: ("DOUBLE", 8),
    27: ("ALAW", 1),
}
"""Encodings of Sun's `audio.h`."""


@given(
    rate=RATES,
    channels=CHANNELS,
    frames=FRAMES,
    coding=st.sampled_from(sorted(AU)),
    big=st.booleans(),
    more=st.sampled_from([b"", b"made by"]),
)
def test_every_encoding_that_an_au_may_name_is_known(
    *, rate: int, channels: int, frames: int, coding: int, big: bool, more: bytes
) -> None:
    subtype, width = AU[coding]
    order, size = (">" if big else "<"), frames * channels * width
    numbers = struct.pack(f"{order}IIIII", 24 + len(more), size, coding, rate, channels)
    assert read_au(source((b".snd" if big else b"dns.") + numbers + more)) == Layout(
        name="AU",
        rate=rate,
        channels=channels,
        subtype=subtype,
        big_endian=big,
        frame_bytes=width * channels,
        begin=24 + len(more),
        size=size,
    )


WAV = {
    (0x0001, 8): ("PCM_U8", 1),
    (0x0001, 16): ("PCM_16", 2),
    (0x0001, 24): ("PCM_24", 3),
    (0x0001, 32): ("PCM_32", 4),
    (0x0003, 32): ("FLOAT", 4),
    (0x0003, 64): ("DOUBLE", 8),
    (0x0006, 8): ("ALAW", 1),
    (0x0007, 8): ("ULAW", 1),
    (0x0050, 0): ("MPEG", 0),
    (0x0055, 0): ("MPEG", 0),
    (0x0002, 4): ("MS_ADPCM", 0),
    (0x0011, 4): ("IMA_ADPCM", 0),
    (0x0031, 0): ("GSM610", 0),
}
"""Tag and bits (RFC 2361); those without bytes of a sample come in frames or blocks."""
BLOCK = 65
"""Bytes of one of GSM 6.10 in a WAV; any number does for the others."""


@given(
    rate=RATES,
    channels=CHANNELS,
    frames=FRAMES,
    kind=st.sampled_from(sorted(WAV)),
    container=st.sampled_from([b"RIFF", b"RIFX", b"RF64"]),
    extensible=st.booleans(),
)
def test_every_tag_that_a_wav_may_name_is_known(
    *,
    rate: int,
    channels: int,
    frames: int,
    kind: tuple[int, int],
    container: bytes,
    extensible: bool,
) -> None:
    (tag, bits), (subtype, width) = kind, WAV[kind]
    order, block = (">" if container == b"RIFX" else "<"), width * channels or BLOCK
    numbers = (channels, rate, rate * block % 2**32, block, bits)
    described = struct.pack(f"{order}HHIIHH", 0xFFFE if extensible else tag, *numbers)
    if extensible:
        described += struct.pack(f"{order}HHIH", 22, bits, 0, tag) + bytes(14)
    size = block * frames
    data = container + bytes(4) + b"WAVE" + chunk(order, b"odd ", b"odd")
    if container == b"RF64":
        data += chunk(order, b"ds64", struct.pack("<QQQI", 0, size, frames, 0))
    data += chunk(order, b"fmt ", described)
    data += b"data" + struct.pack(f"{order}I", 0xFFFF_FFFF if container == b"RF64" else size)
    layout = read_wav(source(data))
    assert (layout.name, layout.rate, layout.channels) == ("WAV", rate, channels)
    assert (layout.subtype, layout.big_endian) == (subtype, order == ">")
    assert layout.frame_bytes == (1 if subtype == "MPEG" else block)
    assert (layout.begin, layout.size, layout.pads_to) == (len(data), size, 2)
    if width or subtype == "MPEG":
        assert layout.wrapper is None
    else:
        # What is decoded block by block gets a header again that says the same.
        assert layout.wrapper is not None
        again = read_wav(source(layout.wrapper(size)))
        assert again.begin == len(layout.wrapper(size))
        assert (again.rate, again.subtype, again.size) == (rate, subtype, size)


@given(rate=RATES, channels=CHANNELS, frames=FRAMES, other=st.binary(max_size=9))
def test_the_chunks_of_a_w64_begin_at_multiples_of_8(
    rate: int, channels: int, frames: int, other: bytes
) -> None:
    head, size = struct.Struct("<4s12xQ"), 2 * channels * frames
    described = struct.pack("<HHIIHH", 1, channels, rate, 0, 2 * channels, 16)
    data = bytes(40)
    for name, body in ((b"odd ", other), (b"fmt ", described)):
        data += head.pack(name, head.size + len(body)) + body
        data += bytes(-len(data) % 8)
    data += head.pack(b"data", head.size + size)
    assert read_w64(source(data)) == Layout(
        name="W64",
        rate=rate,
        channels=channels,
        subtype="PCM_16",
        big_endian=False,
        frame_bytes=2 * channels,
        begin=len(data),
        size=size,
        pads_to=8,
    )


@pytest.mark.parametrize(
    ("bits", "block", "width"),
    [(20, 6, 3), (24, 8, 4), (24, 6, 3), (12, 4, 2), (16, 0, 2), (16, 7, 2)],
)
def test_a_sample_of_a_wav_is_as_wide_as_its_block_says_where_that_can_be(
    bits: int, block: int, width: int
) -> None:
    described = struct.pack("<HHIIHH", 1, 2, 16_000, 0, block, bits)
    data = b"RIFF\0\0\0\0WAVE" + chunk("<", b"fmt ", described) + chunk("<", b"data", bytes(24))
    assert read_wav(source(data)).frame_bytes == 2 * width


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0x0040, "G.721 ADPCM"),
        (0x0045, "G.726 ADPCM"),
        (0x0064, "G.726 ADPCM"),
        (0x00FF, "AAC"),
        (0x0161, "WMA"),
        (0x1600, "AAC"),
        (0x1610, "AAC"),
        (0x2048, "samples of kind 0x2048"),
    ],
)
def test_a_tag_that_is_not_decoded_is_named(tag: int, name: str) -> None:
    described = struct.pack("<HHIIHH", tag, 1, 16_000, 0, 1, 4)
    with pytest.raises(RecordingError, match=f"it seems to be WAV with {name} in it"):
        read_wav(source(b"RIFF\0\0\0\0WAVE" + chunk("<", b"fmt ", described) + b"data\4\0\0\0"))


SPHERE = {
    ("pcm", 1): "PCM_S8",
    ("pcm", 2): "PCM_16",
    ("pcm", 4): "PCM_32",
    ("ulaw", 1): "ULAW",
    ("mu-law", 1): "ULAW",
    ("alaw", 1): "ALAW",
    ("", 2): "PCM_16",
}
"""Coding, or none, and bytes of a sample (NIST's SPHERE, header fields of a speech file)."""


@given(
    rate=RATES,
    channels=CHANNELS,
    frames=FRAMES,
    kind=st.sampled_from(sorted(SPHERE)),
    order=st.sampled_from(["01", "10", ""]),
    size=st.sampled_from(["1024", "2048", "65536"]),
)
def test_every_coding_that_a_sphere_may_name_is_known(
    *, rate: int, channels: int, frames: int, kind: tuple[str, int], order: str, size: str
) -> None:
    coding, width = kind
    data = sphere(
        size,
        channel_count=str(channels),
        sample_rate=str(rate),
        sample_n_bytes=str(width),
        sample_count=str(frames),
        sample_byte_format=order,
        sample_coding=coding,
    )
    assert read_sphere(source(data)) == Layout(
        name="SPHERE",
        rate=rate,
        channels=channels,
        subtype=SPHERE[kind],
        big_endian=order == "10",
        frame_bytes=width * channels,
        begin=int(size),
        size=frames * width * channels,
    )
