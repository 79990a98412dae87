"""MP4 with its index behind the sound, in the order of a stream; no decoder is asked.

That ffmpeg hears the sound of such a file is in decoders/test_ffmpeg.py.
"""

import io
import struct
from pathlib import Path
from typing import BinaryIO

from hypothesis import given
from hypothesis import strategies as st

from app.recordings.containers.mp4 import with_index_first
from app.recordings.sources import FileSource, PipeSource, Source

SOUND = bytes(range(200))


def box(kind: bytes, *parts: bytes, large: bool = False) -> bytes:
    content = b"".join(parts)
    if large:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


def index(places: list[int], kind: bytes = b"stco") -> bytes:
    size = "I" if kind == b"stco" else "Q"
    table = struct.pack(f">II{len(places)}{size}", 0, len(places), *places)
    stbl = box(b"stbl", box(b"stsd", bytes(8)), box(kind, table))
    return box(b"moov", box(b"mvhd", bytes(20)), box(b"trak", box(b"mdia", box(b"minf", stbl))))


def source_of(data: bytes) -> FileSource:
    return FileSource(io.BytesIO(data), None)


def all_of(source: Source, piece: int = 37) -> bytes:
    data = b""
    while came := source.read_at(len(data), piece):
        data += came
    return data


def places_in(data: bytes, kind: bytes) -> list[int]:
    at = data.index(kind) + 8
    (count,) = struct.unpack_from(">I", data, at)
    return list(struct.unpack_from(f">{count}{'I' if kind == b'stco' else 'Q'}", data, at + 4))


def test_places_lead_to_the_same_sound_once_the_index_is_first() -> None:
    begin = box(b"ftyp", b"M4A ") + box(b"free", b"12")
    for kind, large in ((b"stco", False), (b"co64", True)):
        at = len(begin) + (16 if large else 8)
        first = begin + box(b"mdat", SOUND, large=large)
        data = first + index([at, at + 50, at + 199], kind) + box(b"free", bytes(9))
        arranged = all_of(with_index_first(source_of(data)))
        assert len(arranged) == len(data)
        assert arranged.index(b"moov") < arranged.index(b"mdat")
        found = [arranged[place] for place in places_in(arranged, kind)]
        assert found == [SOUND[0], SOUND[50], SOUND[199]]


def test_a_place_behind_the_index_stays_where_it_is() -> None:
    first = box(b"ftyp", b"M4A ") + box(b"mdat", SOUND)
    behind = len(first) + len(index([0])) + 8
    data = first + index([behind]) + box(b"mdat", SOUND)
    arranged = all_of(with_index_first(source_of(data)))
    assert places_in(arranged, b"stco") == [behind]
    assert arranged[behind : behind + len(SOUND)] == SOUND


def test_what_needs_nothing_stays_as_it_is() -> None:
    streamed = source_of(box(b"ftyp", b"M4A ") + index([1]) + box(b"mdat", SOUND))
    assert with_index_first(streamed) is streamed
    without = source_of(box(b"ftyp", b"M4A ") + box(b"mdat", SOUND))
    assert with_index_first(without) is without
    # What is read once has no end to look at.
    pipe = PipeSource(io.BytesIO(box(b"ftyp") + box(b"mdat", SOUND) + index([1])), None)
    assert with_index_first(pipe) is pipe


def test_a_place_that_its_table_cannot_hold_once_moved_leaves_all_as_it_was(
    tmp_path: Path,
) -> None:
    size = 5 << 30
    begin, end = box(b"ftyp"), index([(1 << 32) - 5])
    path = tmp_path / "sparse"
    with path.open("w+b") as file:
        file.write(begin + struct.pack(">I4sQ", 1, b"mdat", size))
        file.truncate(len(begin) + size)
        file.seek(0, io.SEEK_END)
        file.write(end)
        source = FileSource(_rewound(file), None)
        assert with_index_first(source) is source


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


@given(
    cut=st.integers(0, 400),
    noise=st.binary(max_size=24),
    at=st.integers(0, 400),
    over=st.booleans(),
)
def test_a_damaged_one_loses_no_byte_and_takes_no_time(
    cut: int, noise: bytes, at: int, *, over: bool
) -> None:
    whole = box(b"ftyp", b"M4A ") + box(b"mdat", SOUND) + index([28, 60], b"co64")
    damaged = whole[:at] + noise + whole[at + (len(noise) if over else 0) :]
    damaged = damaged[:cut]
    arranged = all_of(with_index_first(source_of(damaged)))
    assert len(arranged) == len(damaged)
