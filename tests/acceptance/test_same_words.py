"""The whole path hears what the engine hears: no word more, no word less, however the audio is cut.

Real recordings go through the client, a gateway process and an emulator process, faster than real
time, and the finals are compared with those of the same engine fed directly. This proves that
nothing between the microphone and the recogniser loses, repeats or reorders audio; it says nothing
about Parakeet's own words.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
import pytest_asyncio

from app.client import Deadlines, StartTranscription, transcribe
from app.emulator.recognition import Hypothesis
from tests.support.gateways import processes
from tests.support.recognisers.speech import FIXTURES, FixtureClip, clips, few_clips
from tests.support.words import bare

# On a busy machine decoding takes its time.
pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.timeout(300)]

FINALS_ONLY = StartTranscription(enable_partials=False)
# Sent faster than it is recognised, a recording's last words are far behind when its audio ends.
PATIENT = Deadlines(send=100, finish=100)
AT_ONCE = 4  # sessions: enough to mix them up if anything could


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    at = tmp_path_factory.mktemp("same-words")
    async with (
        processes.emulator(at) as recogniser,
        processes.gateway(recogniser, at, AUDIO_MAX_REALTIME_FACTOR="0") as gateway,
    ):
        yield gateway.websocket_url


async def heard_through(
    gateway_url: str, recordings: Iterable[FixtureClip], frame: float
) -> dict[str, list[list[str]]]:
    """Have recordings transcribed by the gateway, some at once; the finals of each."""
    places = asyncio.Semaphore(AT_ONCE)

    async def through_the_gateway(clip: FixtureClip) -> tuple[str, list[list[str]]]:
        async with places:
            outcome = await transcribe(
                gateway_url,
                Path(FIXTURES / clip.file),
                deadlines=PATIENT,
                options=FINALS_ONLY,
                realtime=False,
                chunk_s=frame,
            )
        assert [final.segment_id for final in outcome.finals] == list(range(len(outcome.finals)))
        return clip.id, [bare(final.text) for final in outcome.finals]

    return dict(await asyncio.gather(*(through_the_gateway(clip) for clip in recordings)))


def expected(heard: dict[str, list[Hypothesis]]) -> dict[str, list[list[str]]]:
    return {clip: [bare(final.text or "") for final in finals] for clip, finals in heard.items()}


@pytest.mark.asyncio(loop_scope="module")
async def test_each_kind_of_recording_is_heard_through_the_gateway_as_by_the_engine_itself(
    gateway_url: str, direct_finals: dict[str, list[Hypothesis]]
) -> None:
    assert await heard_through(gateway_url, few_clips(), 0.1) == expected(direct_finals)


@pytest.mark.slow
@pytest.mark.parametrize("frame", [0.02, 1.0], ids=["20ms", "1s"])
@pytest.mark.asyncio(loop_scope="module")
async def test_every_recording_is_heard_through_the_gateway_as_by_the_engine_itself(
    gateway_url: str, every_direct_final: dict[str, list[Hypothesis]], frame: float
) -> None:
    assert await heard_through(gateway_url, clips(), frame) == expected(every_direct_final)
