"""Recognize with files as they are found: heard, or refused as the caller's; never UNKNOWN."""

from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.recordings import read_recording
from tests.support.recordings.making import encoded, promising, speech_like
from tests.support.recordings.ways import Stage, a_stage, offline_call

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 16_000
SOUND = speech_like(0.4, RATE)
KINDS = [
    ("WAV", "FLOAT"),
    ("WAV", "IMA_ADPCM"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    async with a_stage() as running:
        yield running


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
async def test_only_what_is_there_is_heard(stage: Stage, container: str, tmp_path: Path) -> None:
    data = promising(container, SOUND, RATE, 9.8)
    whole = encoded(SOUND, RATE, container, "PCM_16")
    assert await stage.heard(offline_call, data, tmp_path) == (RATE, read_recording(whole).data)


@cache
def whole(container: str, subtype: str) -> bytes:
    return encoded(SOUND, RATE, container, subtype)


@given(
    kind=st.sampled_from(KINDS),
    changes=st.lists(st.tuples(st.integers(4, 150), st.integers(0, 255)), max_size=6),
    left=st.floats(0.01, 1),
)
@hypothesis_settings(deadline=None, max_examples=60)
async def test_any_file_is_heard_or_refused_as_the_callers(
    stage: Stage, kind: tuple[str, str], changes: list[tuple[int, int]], left: float
) -> None:
    data = bytearray(whole(*kind))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        await offline_call(stage, bytes(data[: max(4, round(left * len(data)))]), Path())
    except grpc.aio.AioRpcError as error:
        code = error.code()
    else:
        code = grpc.StatusCode.OK
    assert code in {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
