"""The whole path hears what the engine hears: no word more, no word less, however the audio is cut.

Real recordings go through the client, a gateway process and an emulator process, faster than real
time, and the finals are compared with those of the same engine fed directly. This proves that
nothing between the microphone and the recogniser loses, repeats or reorders audio; it says nothing
about Parakeet's own words.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.client import Deadlines, StartTranscription, transcribe
from app.emulator.recognition import Hypothesis
from tests.support.gateways import processes
from tests.support.recognisers.speech import FIXTURES, FixtureClip, clips
from tests.support.words import bare

pytestmark = pytest.mark.xdist_group("engine")

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


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(0.02, marks=pytest.mark.slow, id="20ms"),
        pytest.param(0.1, id="100ms"),
        pytest.param(1.0, marks=pytest.mark.slow, id="1s"),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_every_recording_is_heard_through_the_gateway_as_by_the_engine_itself(
    gateway_url: str, direct_finals: dict[str, list[Hypothesis]], frame: float
) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def through_the_gateway(clip: FixtureClip) -> list[list[str]]:
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
        return [bare(final.text) for final in outcome.finals]

    heard = await asyncio.gather(*(through_the_gateway(clip) for clip in clips()))
    expected = [[bare(final.text or "") for final in direct_finals[clip.id]] for clip in clips()]
    assert heard == expected
