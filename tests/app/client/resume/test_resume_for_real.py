"""The client when real gateways die under real speech: killed, drained, and with a full house.

Behind one address, as behind a load balancer, gateways come and go. Does not prove anything about
fifty sessions at once or a whole machine that is gone: tests/chaos does.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import soxr

from app.client import (
    Connection,
    Event,
    GatewayError,
    Outcome,
    PcmAudio,
    Queued,
    Reconnected,
    ResumableConnection,
    SessionStopped,
    StartTranscription,
    Transcription,
    connect,
    read_audio,
    transcribe,
)
from app.client.pacing import chunks, paced
from app.contract import ErrorCode
from tests.support.faults.proxy import FaultProxy
from tests.support.gateways.processes import Running, emulator, gateway
from tests.support.words import bare, lost_or_doubled

FIXTURES = Path(__file__).parents[3] / "fixtures"
KEYS = {"APP_RESUME_KEYS": "made-up-key-of-tests-0123456789abcdef"}

pytestmark = [pytest.mark.xdist_group("client"), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recogniser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(
    recogniser: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """The gateway that is always there."""
    async with gateway(recogniser, tmp_path_factory.mktemp("home"), **KEYS) as running:
        yield running


@pytest.fixture(scope="module")
def speech() -> PcmAudio:
    """Two sentences, a pause between and after them."""
    parts = [read_audio(FIXTURES / name) for name in ("fast_gb_m.flac", "fast_us_f.flac")]
    pause = bytes(2 * parts[0].sample_rate)
    return PcmAudio(
        data=b"".join(part.data + pause for part in parts), sample_rate=parts[0].sample_rate
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(home: Running, speech: PcmAudio) -> Outcome:
    return await transcribe(home.websocket_url, speech, realtime=False, resume=False)


def address(door: FaultProxy) -> str:
    return f"ws://127.0.0.1:{door.port}/ws"


async def spoken(
    link: ResumableConnection,
    audio: PcmAudio,
    seen: list[Event],
    given: asyncio.Event | None = None,
) -> SessionStopped:
    """A session at twice the speed of speech: what breaks breaks in the middle all the same.

    Args:
        given: Set once a second of the audio was given to the connection.
    """
    await link.start(StartTranscription(sample_rate=audio.sample_rate))

    async def listen() -> None:
        async for event in link.events():
            seen.append(event)  # noqa: PERF401 - others look at it meanwhile

    async with asyncio.TaskGroup() as group:
        group.create_task(listen())
        sent = 0
        async for piece in paced(chunks(audio, 0.1), 2 * audio.sample_rate):
            await link.send(piece)
            sent += len(piece)
            if given is not None and sent >= 2 * audio.sample_rate:
                given.set()
        return await link.finish()


async def heard(seen: list[Event], kind: type[Event]) -> None:
    """Wait until an event of a kind came; there is a deadline on every test."""
    while not any(isinstance(event, kind) for event in seen):  # noqa: ASYNC110 - a list tells nobody
        await asyncio.sleep(0.02)


def the_same_words(seen: list[Event], whole: list[Event]) -> None:
    said, expected = (
        bare(" ".join(event.text for event in events if isinstance(event, Transcription)))
        for events in (seen, whole)
    )
    assert lost_or_doubled(said, expected, cuts=1) is None


def the_same(seen: list[Event], stopped: SessionStopped, undisturbed: Outcome) -> None:
    finals = [event for event in seen if isinstance(event, Transcription)]
    said, expected_words = bare(" ".join(final.text for final in finals)), bare(undisturbed.text)
    assert lost_or_doubled(said, expected_words, cuts=1) is None
    assert [final.segment_id for final in finals] == list(range(stopped.segments))
    assert stopped.audio_seconds == pytest.approx(undisturbed.audio_s, abs=0.05)
    words = [word for final in finals for word in final.words]
    expected = [word for final in undisturbed.finals for word in final.words]
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert words[-1].start == pytest.approx(expected[-1].start, abs=0.5)


@pytest.mark.parametrize(
    "after",
    [Transcription, pytest.param(None, marks=pytest.mark.slow)],
    ids=["a final", "a second of speech"],
)
async def test_a_gateway_killed_in_the_middle_costs_no_word_at_another_one(
    recogniser: Running,
    home: Running,
    speech: PcmAudio,
    undisturbed: Outcome,
    tmp_path: Path,
    *,
    after: type[Event] | None,
) -> None:
    async with (
        gateway(recogniser, tmp_path, **KEYS) as first,
        FaultProxy("127.0.0.1", first.port) as door,
        connect(address(door)) as link,
    ):
        seen: list[Event] = []
        given = asyncio.Event()
        speaking = asyncio.create_task(spoken(link, speech, seen, given))
        if after is None:
            # Before any final: the token of the start, or of a heartbeat, must do.
            await given.wait()
        else:
            await heard(seen, after)
        door.server_port = home.port
        first.process.kill()
        the_same(seen, await speaking, undisturbed)
    (healed,) = link.reconnects
    assert 0 < healed.replayed_s < speech.seconds
    assert "1006" in healed.reason


@pytest.mark.slow
async def test_a_gateway_that_drains_is_left_without_a_word_lost(
    recogniser: Running, home: Running, speech: PcmAudio, undisturbed: Outcome, tmp_path: Path
) -> None:
    async with (
        gateway(recogniser, tmp_path, **KEYS) as first,
        FaultProxy("127.0.0.1", first.port) as door,
        connect(address(door)) as link,
    ):
        seen: list[Event] = []
        speaking = asyncio.create_task(spoken(link, speech, seen))
        await heard(seen, Transcription)
        door.server_port = home.port
        first.process.send_signal(signal.SIGTERM)
        the_same(seen, await speaking, undisturbed)
        async with asyncio.timeout(20):
            assert await first.process.wait() == 0, "nobody kept it from going"
    assert len(link.reconnects) == 1


@pytest.mark.slow
async def test_a_gateway_of_another_environment_refuses_and_the_lost_span_is_told(
    recogniser: Running, speech: PcmAudio, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    async with (
        gateway(recogniser, tmp_path / "one", **KEYS) as first,
        gateway(recogniser, tmp_path / "other", APP_RESUME_KEYS="x" * 32) as stranger,
        FaultProxy("127.0.0.1", first.port) as door,
        connect(address(door)) as link,
    ):
        seen: list[Event] = []
        speaking = asyncio.create_task(spoken(link, speech, seen))
        await heard(seen, Transcription)
        door.server_port = stranger.port
        first.process.kill()
        with pytest.raises(ExceptionGroup) as failed:
            await speaking
    refused = failed.value.exceptions[0]
    assert isinstance(refused, GatewayError)
    assert refused.code == ErrorCode.RESUME_REJECTED
    lost = refused.lost
    assert lost is not None
    (final, *_) = (event for event in seen if isinstance(event, Transcription))
    assert lost.start == pytest.approx(final.words[-1].end, abs=1.0)
    assert lost.start < lost.end <= speech.seconds


async def test_finalize_makes_what_was_said_final_and_the_session_goes_on(
    home: Running, speech: PcmAudio, undisturbed: Outcome
) -> None:
    pause = bytes(2 * speech.sample_rate)
    said = speech.data[: 2 * round(6.2 * speech.sample_rate)]
    async with connect(home.websocket_url) as link:
        await link.start(StartTranscription(sample_rate=speech.sample_rate))
        await link.send(said)
        answer = await link.finalize()
        assert answer.position == pytest.approx(len(said) / 2 / speech.sample_rate, abs=0.5)
        assert link.backlog_s is None or link.backlog_s < 6.3
        await link.send(speech.data[len(said) :] + pause)
        await link.finish()
        finals = [event async for event in link.events() if isinstance(event, Transcription)]
    assert bare(" ".join(final.text for final in finals)) == bare(undisturbed.text)


@pytest.mark.slow
async def test_who_waits_for_a_place_is_told_which_and_has_it_when_it_is_free(
    recogniser: Running, speech: PcmAudio, undisturbed: Outcome, tmp_path: Path
) -> None:
    async with (
        gateway(recogniser, tmp_path, WS_MAX_CONCURRENT_SESSIONS="1") as small,
        connect(small.websocket_url) as first,
    ):
        await first.start()
        seen: list[Event] = []
        waiting = asyncio.create_task(
            transcribe(small.websocket_url, speech, realtime=False, wait=60, on_event=seen.append)
        )
        await heard(seen, Queued)
        await first.finish()
        outcome = await waiting
    the_same(seen, outcome.stopped, undisturbed)


@pytest.mark.slow
async def test_two_breaks_under_a_finish_cost_no_word_of_resampled_audio_in_odd_pieces(
    recogniser: Running, speech: PcmAudio, tmp_path: Path
) -> None:
    """Float samples of two channels at 48 kHz, cut anywhere; the recogniser has 16 kHz."""
    mono = soxr.resample(np.frombuffer(speech.data, "<i2") / 32_768, speech.sample_rate, 48_000)
    audio = np.repeat(mono.astype("<f4"), 2).tobytes()
    options = StartTranscription(sample_rate=48_000, encoding="float32", channels=2)

    async def say(link: Connection | ResumableConnection, seen: list[Event]) -> SessionStopped:
        await link.start(options)

        async def listen() -> None:
            async for event in link.events():
                seen.append(event)  # noqa: PERF401 - others look at it meanwhile

        async with asyncio.TaskGroup() as group:
            group.create_task(listen())
            for start in range(0, len(audio), 19_997):
                await link.send(audio[start : start + 19_997])
            return await link.finish()

    settings = {"AUDIO_RIVA_SAMPLE_RATE": "16000", **KEYS}
    async with gateway(recogniser, tmp_path, **settings) as home:
        whole: list[Event] = []
        async with connect(home.websocket_url, resume=False) as plain:
            ended = await say(plain, whole)
        seen: list[Event] = []
        async with (
            FaultProxy("127.0.0.1", home.port) as door,
            connect(address(door)) as link,
        ):
            speaking = asyncio.create_task(say(link, seen))
            for kind in (Transcription, Reconnected):
                await heard(seen, kind)
                await door.disable()
                await door.enable()
            stopped = await speaking
    the_same_words(seen, whole)
    assert len(link.reconnects) == 2
    assert stopped.audio_seconds == pytest.approx(ended.audio_seconds, abs=1e-3)
