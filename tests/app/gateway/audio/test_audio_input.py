"""What of a client's audio is counted: what the recogniser's session took, and nothing else."""

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from app.gateway.admission.clients import Visitor
from app.gateway.admission.succession import ClientTokens
from app.gateway.core import Gateway
from app.gateway.dialects.intents import SessionRequest
from app.gateway.resume_token import ResumeTokens
from app.gateway.session.audio_input import AudioInput
from app.gateway.session.deadlines import Deadlines
from app.gateway.session.recognition import Recognition
from app.gateway.settings.gateway import GatewaySettings
from tests.support.memory_recogniser import MemoryRecogniser, MemoryStream

if TYPE_CHECKING:
    from app.asr import RecognitionSession, RivaASRClient
    from app.gateway.session.client_writer import ClientWriter

PIECES_THAT_FIT = 3


class FullStream(MemoryStream):
    """Has room for some pieces, and holds whoever sends more until the end."""

    def __init__(self, of: MemoryStream) -> None:
        self.__dict__.update(of.__dict__)
        self.sent = 0
        self.holds = asyncio.Event()
        self._end_came = asyncio.Event()

    async def send(self, pcm: bytes) -> bool:
        self.sent += 1
        if self.sent > PIECES_THAT_FIT:
            self.holds.set()
            await self._end_came.wait()
        return await super().send(pcm)

    def end(self, last: bytes = b"") -> None:
        super().end(last)
        self._end_came.set()


async def test_audio_that_was_held_when_the_session_ended_is_not_counted() -> None:
    settings = GatewaySettings()
    gateway = Gateway.build(settings, cast("RivaASRClient", MemoryRecogniser()), "0")
    tokens = ClientTokens(ResumeTokens([], 120), Visitor(b""))
    recognition = Recognition(gateway, SessionRequest(sample_rate=16_000), tokens)
    full = FullStream(cast("MemoryStream", recognition.session))
    recognition.session = cast("RecognitionSession", full)
    taking = AudioInput(gateway, recognition, cast("ClientWriter", None), Deadlines(settings), None)
    async with asyncio.TaskGroup() as tasks:
        # One message of a second, which is taken in pieces of 0.1 s.
        reading = tasks.create_task(taking.take(bytes(32_000), tasks))
        await full.holds.wait()
        assert not reading.done()
        await taking.end()
    assert full.sent == PIECES_THAT_FIT + 1
    taken = pytest.approx(0.1 * PIECES_THAT_FIT)
    counted = gateway.metrics.registry.get_sample_value("perch_audio_received_seconds_total")
    assert recognition.session.recognised == taken
    assert recognition.audio_seconds == taken
    assert counted == taken


class HearingStream(MemoryStream):
    """Keeps what it was sent."""

    def __init__(self, of: MemoryStream) -> None:
        self.__dict__.update(of.__dict__)
        self.pieces: list[bytes] = []

    async def send(self, pcm: bytes) -> bool:
        self.pieces.append(pcm)
        return await super().send(pcm)


async def test_messages_may_end_inside_a_sample_and_every_whole_one_is_heard_in_order() -> None:
    settings = GatewaySettings()
    gateway = Gateway.build(settings, cast("RivaASRClient", MemoryRecogniser()), "0")
    tokens = ClientTokens(ResumeTokens([], 120), Visitor(b""))
    recognition = Recognition(gateway, SessionRequest(sample_rate=16_000), tokens)
    heard = HearingStream(cast("MemoryStream", recognition.session))
    recognition.session = cast("RecognitionSession", heard)
    taking = AudioInput(gateway, recognition, cast("ClientWriter", None), Deadlines(settings), None)
    # Whole, whole, half a sample over, whole but behind that half, its other half, whole, too long
    # to be sent in one, and half a sample that nothing follows.
    sizes = (640, 2, 641, 640, 3, 640, 8000, 641)
    audio = bytes(range(1, 252)) * 45
    at = 0
    async with asyncio.TaskGroup() as tasks:
        for size in sizes:
            await taking.take(audio[at : at + size], tasks)
            at += size
    whole = at - 1
    assert b"".join(heard.pieces) == audio[:whole]
    assert max(map(len, heard.pieces)) == 3200
    assert all(len(piece) % 2 == 0 for piece in heard.pieces)
    assert recognition.audio_seconds == pytest.approx(whole / 32_000)
    assert recognition.end_audio(1.0) == 1
