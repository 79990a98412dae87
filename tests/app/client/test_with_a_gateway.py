"""The client against a real gateway process and the embedded recogniser.

What it does when that gateway dies and there is another one is in `test_resume_for_real.py`.
Does not prove how fast anything is: of latencies only that they are there and in their order.
"""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.client import (
    BusyError,
    Connection,
    ConnectionLostError,
    GatewayError,
    StartTranscription,
    Transcription,
    UnauthorizedError,
    connect,
    read_audio,
    stream,
    transcribe,
)
from app.contract import CloseCode, ErrorCode
from tests.support.gateways.processes import Running, emulator, gateway
from tests.support.words import bare, spoken_text

FIXTURES = Path(__file__).parents[2] / "fixtures"
SPOKEN = FIXTURES / "mic48k_us_m.flac"
WORDS = bare(spoken_text(SPOKEN.name))
TOKEN = "made-up-token-of-a-test"

pytestmark = [pytest.mark.xdist_group("client"), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recogniser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_gateway(
    recogniser: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    async with gateway(recogniser, tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded_gateway(
    recogniser: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """Asks for a token and has room for one session."""
    settings = {"APP_AUTH_TOKENS": TOKEN, "WS_MAX_CONCURRENT_SESSIONS": "1"}
    async with gateway(recogniser, tmp_path_factory.mktemp("guarded"), **settings) as running:
        yield running


@pytest.mark.slow
async def test_a_recording_in_real_time_comes_back_in_words_with_times_and_latencies(
    open_gateway: Running,
) -> None:
    outcome = await transcribe(open_gateway.websocket_url, SPOKEN, speech_start_s=0.3)
    assert bare(outcome.text) == WORDS
    assert outcome.stopped.audio_seconds == pytest.approx(outcome.audio_s, abs=0.01)
    assert outcome.stopped.segments == len(outcome.finals)
    words = [word for final in outcome.finals for word in final.words]
    assert all(0 <= word.start <= word.end <= outcome.audio_s + 0.1 for word in words)
    assert outcome.first_interim_s is not None
    assert outcome.first_interim_after_speech_s is not None
    assert outcome.first_interim_after_speech_s < outcome.first_interim_s
    assert outcome.wall_s is not None
    assert outcome.wall_s > outcome.audio_s - 0.2


async def test_two_recordings_as_fast_as_accepted_on_one_connection(open_gateway: Running) -> None:
    audio = read_audio(SPOKEN)
    async with connect(open_gateway.websocket_url) as connection:
        for _ in range(2):
            outcome = await stream(connection, audio, realtime=False)
            assert bare(outcome.text) == WORDS
            assert outcome.final_lags_s == ()
            assert outcome.first_interim_after_speech_s is None
        assert await connection.ping() > 0
        counters = await connection.metrics()
        assert counters.connection.total_transcriptions >= 2
        assert not counters.connection.session_active


async def test_what_the_recogniser_refuses_is_said_and_another_session_can_follow(
    open_gateway: Running,
) -> None:
    unknown = StartTranscription(language="xx-XX")
    async with connect(open_gateway.websocket_url) as connection:
        with pytest.raises(GatewayError, match="no model for the language") as refused:
            await stream(connection, read_audio(SPOKEN), options=unknown)
        assert refused.value.code == ErrorCode.ASR_REJECTED
        assert not refused.value.retryable
        assert bare((await stream(connection, read_audio(SPOKEN), realtime=False)).text) == WORDS


async def test_a_missing_token_and_a_full_gateway_are_refused_before_the_upgrade(
    guarded_gateway: Running,
) -> None:
    url = guarded_gateway.websocket_url
    for token in (None, "another-made-up-token"):
        with pytest.raises(UnauthorizedError) as unknown:
            await Connection.open(url, token=token)
        assert unknown.value.status == 401
        assert unknown.value.code == ErrorCode.UNAUTHORIZED
    async with connect(url, token=TOKEN) as first:
        await first.start()
        with pytest.raises(BusyError) as busy:
            await Connection.open(url, token=TOKEN)
        assert busy.value.code == ErrorCode.TOO_MANY_SESSIONS
        assert busy.value.retryable
        assert busy.value.retry_after == 5.0
        await first.finish()


async def test_a_gateway_that_goes_away_gives_the_last_words_before_it_says_so(
    recogniser: Running, tmp_path: Path
) -> None:
    audio = read_audio(SPOKEN)
    async with (
        gateway(recogniser, tmp_path, APP_DRAIN_GRACE_S="0") as running,
        connect(running.websocket_url, resume=False) as connection,
    ):
        await connection.start(StartTranscription(sample_rate=audio.sample_rate))
        await connection.send(audio.data)
        events = connection.events()
        # The first event says that the audio is with the recogniser.
        heard = [await anext(events)]
        running.process.send_signal(signal.SIGTERM)
        heard.extend([event async for event in events])
        finals = [event.text for event in heard if isinstance(event, Transcription)]
        assert bare(" ".join(finals)) == WORDS
        with pytest.raises(GatewayError) as ended:
            await connection.finish()
        assert ended.value.code == ErrorCode.GOING_AWAY
        assert ended.value.close_code == CloseCode.GOING_AWAY
        assert ended.value.retryable


async def test_a_gateway_that_dies_is_a_lost_connection(
    recogniser: Running, tmp_path: Path
) -> None:
    async with (
        gateway(recogniser, tmp_path) as running,
        connect(running.websocket_url, resume=False) as link,
    ):
        await link.start()
        running.process.kill()
        with pytest.raises(ConnectionLostError) as lost:
            await anext(link.events())
        assert lost.value.close_code == 1006
