"""The pages of one stream, picked out of an Ogg (RFC 3533), whatever stands between them."""

import io

import pytest

from app.recordings.containers.ogg import FlacOfOgg, OggPages
from app.recordings.errors import RecordingError
from app.recordings.sources import FileSource
from tests.app.recordings.containers.making import ogg_page

FIRST, LAST = 2, 4
HEADS = (b"\x01vorbis" + bytes(23), b"OpusHead" + bytes(11), b"\x7fFLAC\1\0\0\1fLaC")
HEAD = ogg_page(0, FIRST, HEADS[0])
BODY = [ogg_page(number, 0, bytes([number]) * 700) for number in (1, 2)]
END = ogg_page(3, LAST, b"end")
WHOLE = [HEAD, *BODY, END]


def pages(data: bytes) -> OggPages:
    return OggPages(FileSource(io.BytesIO(data), None))


def read(data: bytes) -> tuple[list[bytes], OggPages]:
    stream = pages(data)
    found = []
    while page := stream.read():
        found.append(page)
    return found, stream


@pytest.mark.parametrize("head", HEADS)
def test_a_stream_begins_with_the_head_of_a_codec_that_is_decoded(head: bytes) -> None:
    data = [ogg_page(0, FIRST, head), *BODY, END]
    found, stream = read(b"".join(data))
    assert found == data
    assert stream.holds_flac == head.startswith(b"\x7fFLAC")
    assert (stream.finished, stream.skipped, stream.behind()) == (True, 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ogg_page(0, FIRST, b"Speex   ") + BODY[0],
        # A codec's head on a page that does not begin its stream.
        ogg_page(0, 0, HEADS[0]),
        BODY[0] + HEAD,
    ],
)
def test_an_ogg_without_such_a_head_is_refused(data: bytes) -> None:
    with pytest.raises(RecordingError, match="Ogg without Vorbis, Opus or FLAC in it"):
        pages(data)


def test_the_pages_of_other_streams_are_left_out() -> None:
    other = ogg_page(0, FIRST, b"\x80theora", stream=8)
    more = ogg_page(1, LAST, b"picture", stream=8)
    found, stream = read(other + HEAD + BODY[0] + more + BODY[1] + END)
    assert found == WHOLE
    assert stream.finished


def test_rubbish_between_pages_is_left_out_and_counted() -> None:
    found, stream = read(HEAD + b"Ogg" + BODY[0] + bytes(40_000) + BODY[1] + END + bytes(9))
    assert found == WHOLE
    assert (stream.skipped, stream.behind()) == (40_003, 9)


@pytest.mark.parametrize("at", [0, 4, 5, 22, 26, 300, 726])
def test_a_page_with_one_wrong_byte_is_none(at: int) -> None:
    broken = bytearray(BODY[0])
    broken[at] ^= 1
    found, stream = read(HEAD + bytes(broken) + BODY[1] + END)
    assert found == [HEAD, BODY[1], END]
    assert stream.skipped == len(broken)


@pytest.mark.parametrize("left", [1, 20, 27, 28, len(END) - 1])
def test_a_page_that_is_cut_off_is_none_and_then_the_last_is_missing(left: int) -> None:
    found, stream = read(b"".join([HEAD, *BODY, END[:left]]))
    assert found == [HEAD, *BODY]
    assert not stream.finished
    assert stream.behind() == 0


def test_a_next_page_is_looked_for_in_a_mebibyte() -> None:
    assert read(HEAD + bytes((1 << 20) - 1) + BODY[0] + END)[0] == [HEAD, BODY[0], END]
    assert read(HEAD + bytes((1 << 20) + 20_000) + BODY[0] + END)[0] == [HEAD]


def test_a_flac_is_handed_out_from_its_mark_on_and_empty_pages_are_no_end() -> None:
    head = ogg_page(0, FIRST, b"\x7fFLAC\1\0\0\1fLaC")
    flac = FlacOfOgg(pages(head + ogg_page(1, 0, b"") + ogg_page(2, LAST, b"frames") + b"x"))
    assert [flac.read(), flac.read(), flac.read()] == [b"fLaC", b"frames", b""]
