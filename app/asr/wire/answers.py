"""Bounds of a recogniser's answers: bytes, and parts that are counted in the bytes.

protobuf makes an object of every part of a message before anybody can count them, and holds the
event loop meanwhile: 4 MiB of empty words are two million objects and 0.3 s. So the parts are
counted in the bytes first, and the count yields to the event loop.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final

from app.asr.errors import answer_invalid, answer_too_large

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM_BYTES: Final = 4 * 1024 * 1024 - 1
"""Largest message of a stream; two thousand words take about 60 kB. One byte below gRPC's default,
so that a refusal by this side is known by its number: both sides use the same text."""

FILE_BYTES: Final = 16 * 1024 * 1024 - 1
"""Largest answer to a file: four hours of speech."""

MODELS_BYTES: Final = 1024 * 1024
"""Largest list of models: some hundreds of them."""

STREAM_PARTS: Final = 20_000
"""Results, alternatives and words of one message of a stream: an hour of speech and more."""

_FILE_PARTS_A_SECOND: Final = 50
UNCOUNTED_BYTES: Final = 16 * 1024
"""What a message of this size may hold is made in a millisecond."""

_STEP: Final = 500
"""Parts that are counted between two turns of the event loop; less than a millisecond."""

_MOST_VARINT_BYTES: Final = 10
_CHILDREN: Final = 1 << 3 | 2
"""Tag of the field `results` of a response, and of `alternatives` of a result."""

_DEPTH: Final = 2
_REFUSED: Final = re.compile(r"larger than max \(\d+ vs\. (\d{1,12})\)")


def file_parts(seconds: float) -> int:
    """Return how many results, alternatives and words may answer a file of that length."""
    return STREAM_PARTS + round(_FILE_PARTS_A_SECOND * seconds)


def is_answer_refused(text: str, *, most_bytes: int) -> bool:
    """Return whether gRPC's text for a message that is too large is about an answer.

    Args:
        text: of the status; both sides use the same words.
        most_bytes: what this side takes.
    """
    refused = _REFUSED.search(text)
    return refused is not None and int(refused[1]) == most_bytes


async def count_parts(raw: bytes, most: int) -> None:
    """Count the parts of a message, in small steps.

    Raises:
        AsrError: ANSWER_TOO_LARGE where there are more, ANSWER_INVALID where it is no message.
    """
    for number, _ in enumerate(_parts(raw, 0, len(raw), _DEPTH)):
        if number >= most:
            raise answer_too_large(f"a message of more than {most} parts ({len(raw)} bytes)")
        if number % _STEP == _STEP - 1:
            await asyncio.sleep(0)


def _parts(raw: bytes, at: int, end: int, depth: int) -> Iterator[None]:
    """Yield once for each field of a message, and of its fields that can hold many."""
    while at < end:
        tag, at = _varint(raw, at, end)
        first = at
        match tag & 7:
            case 0:
                _, at = _varint(raw, at, end)
            case 1:
                at += 8
            case 2:
                length, first = _varint(raw, at, end)
                at = first + length
            case 5:
                at += 4
            case _:
                raise answer_invalid(f"wire type {tag & 7}")
        if at > end:
            raise answer_invalid("it breaks off")
        yield None
        if depth and tag == _CHILDREN:
            yield from _parts(raw, first, at, depth - 1)


def _varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the number that begins there, and where it ends."""
    value = 0
    for place in range(_MOST_VARINT_BYTES):
        if at >= end:
            break
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, at
    raise answer_invalid("it breaks off")
