"""Where the samples of a recording are and what they are: the outcome of every header.

Headers are read here and not by libsndfile, because a recorder that was killed or wrote to a pipe
leaves wrong sizes behind, and because the chunks around the samples (cue sheets, pictures, ratings)
need no parser at all. The samples themselves are decoded by libsndfile.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ..errors import RecordingError, undecodable
from ..formats import unsupported
from ..sources import Source, skip

UNKNOWN_FROM: Final = 0x7F00_0000
"""Sizes that programs write which do not know theirs: 2^31 or 2^32 less a little (arecord, SoX,
ffmpeg, GStreamer)."""

_MOST_CHUNKS: Final = 1_000
_MOST_HEADER_BYTES: Final = 64 << 20
_MOST_NAME_BYTES: Final = 4

_INTEGER: Final = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}
SUBTYPES: Final = {
    "integer": _INTEGER,
    "unsigned": {**_INTEGER, 1: "PCM_U8"},
    "float": {4: "FLOAT", 8: "DOUBLE"},
    "mu-law": {1: "ULAW"},
    "A-law": {1: "ALAW"},
}
"""libsndfile's names by kind and bytes of a sample."""
WIDEST_SAMPLE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a header says about the samples, and where they are.

    Attributes:
        name: Of the container.
        rate: Hz.
        channels: How many.
        subtype: Of the samples, as libsndfile calls it.
        big_endian: Byte order.
        frame_bytes: Of one sample of every channel; of a block where they are packed.
        begin: Where they begin.
        size: How many bytes of samples the header promises; None where it does not know.
        pads_to: To a multiple of how many bytes the container fills up.
        wrapper: Makes the header that libsndfile needs before so many bytes of samples that are
            packed in blocks; None where they are plain.
    """

    name: str
    rate: int
    channels: int
    subtype: str
    big_endian: bool
    frame_bytes: int
    begin: int
    size: int | None
    pads_to: int = 1
    wrapper: Callable[[int], bytes] | None = None


class Chunk(NamedTuple):
    """A piece of a container.

    Attributes:
        name: What it holds.
        begin: Where its contents begin.
        size: Of them, as it says.
    """

    name: bytes
    begin: int
    size: int


def chunks(
    source: Source, at: int, head_bytes: int, parse: Callable[[bytes], tuple[bytes, int]], pad: int
) -> Iterator[Chunk]:
    """Walk over the chunks of a container, up to its end or as far as a header may reach.

    Args:
        source: The recording.
        at: Where the first one begins.
        head_bytes: Of a chunk's own header.
        parse: Name, and size of the contents, out of that.
        pad: To a multiple of how many bytes contents are filled up.
    """
    for _ in range(_MOST_CHUNKS):
        head = source.read_at(at, head_bytes)
        if len(head) < head_bytes:
            return
        name, size = parse(head)
        if size < 0:
            return
        yield Chunk(name, at + head_bytes, size)
        at = skip(source, at + head_bytes, size + -size % pad)
        if at > _MOST_HEADER_BYTES and source.flows:
            return


def subtype_of(container: str, kind: str, sample_bytes: int, bits: int) -> str:
    """Return what libsndfile calls such samples.

    Raises:
        RecordingError: UNSUPPORTED.
    """
    if known := SUBTYPES[kind].get(sample_bytes):
        return known
    raise unsupported(f"{container} with {bits}-bit {kind} samples")


def promised(
    source: Source,
    begin: int,
    size: int,
    *,
    behind: frozenset[bytes] = frozenset(),
    unknown_from: int = UNKNOWN_FROM,
) -> int | None:
    """Return how many bytes of samples a header promises; None where it does not know.

    Args:
        source: The recording.
        begin: Where the samples begin.
        size: The number in the header.
        behind: Names of chunks by which an empty recording is told from one whose recorder was
            killed before it wrote the number.
        unknown_from: Numbers from here on say that the header does not know.
    """
    if not 0 <= size < unknown_from:
        return None
    if size == 0:
        name = source.read_at(begin, _MOST_NAME_BYTES)
        return 0 if not name or name in behind else None
    return size


def leftovers(source: Source, layout: Layout) -> list[str]:
    """Return the warnings about samples that were read to their end, and what follows them."""
    if source.length is None:
        return []
    end = source.length if layout.size is None else layout.begin + layout.size
    present = max(0, min(end, source.length) - layout.begin)
    warnings = []
    if odd := present % layout.frame_bytes:
        warnings.append(f"Its last sample is not whole ({odd} of {layout.frame_bytes} bytes).")
    behind = end + -end % layout.pads_to
    if source.length > behind and not _is_name(source.read_at(behind, _MOST_NAME_BYTES)):
        warnings.append(
            f"The {source.length - behind} bytes behind the sound that its header tells of were "
            "left out."
        )
    return warnings


def _is_name(name: bytes) -> bool:
    """Return whether these may be the name of a chunk: four printable characters."""
    printable = name.isascii() and name.decode("ascii").isprintable()
    return printable and len(name) == _MOST_NAME_BYTES


def broken(container: str, what: str) -> RecordingError:
    """Return the error for a malformed header."""
    return undecodable(f"it is {container}, and {what}")
