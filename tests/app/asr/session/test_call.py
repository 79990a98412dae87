"""One stream over a hand-made transport: orders of events that a real server gives by chance only.

Proves the stream's own rules, and that it needs nothing of gRPC; not that gRPC behaves like this
transport.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from app.asr import AsrError
from app.asr.errors import from_status
from app.asr.session.call import RecognitionCall
from app.asr.session.rules import CallRules
from app.asr.wire.grpc_transport import GrpcStreamCall
from app.asr.wire.timeline import Timeline
from tests.app.asr.sound import Microphone, of, tone

if TYPE_CHECKING:
    from collections.abc import Callable

RULES: dict[str, Any] = {
    "sample_rate": 16000,
    "largest_chunk": 8192,
    "silence_interval": 30.0,
    "write_timeout": 5.0,
    "final_timeout": 5.0,
    "interim_interval": 0.0,
    "interims": True,
    "word_times": True,
}


class HandMadeCall:
    """A stream call whose writes wait for `taking` and whose reads wait for the end or `abort`."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = asyncio.Event()
        self.taking = asyncio.Event()
        self.over = asyncio.Event()
        self.aborted = False

    async def write(self, pcm: bytes) -> None:
        self.waiting.set()
        await self.taking.wait()
        self.written.append(pcm)

    async def half_close(self) -> None:
        self.over.set()

    async def read(self) -> None:
        await self.over.wait()
        if self.aborted:
            raise from_status("CANCELLED", "", doing="stream")

    def abort(self) -> None:
        self.aborted = True
        self.over.set()


async def hear(call: HandMadeCall, microphone: Microphone, **changes: float) -> list[str]:
    rules = CallRules(**{**RULES, **changes})
    stream = RecognitionCall(call, microphone.listen(), rules)
    async with stream.running() as transcripts:
        return [t.text async for t in transcripts]


async def test_silence_that_waited_for_a_write_of_audio_is_not_sent_after_it() -> None:
    call, microphone = HandMadeCall(), Microphone()
    microphone.speak(tone(0.1))
    listener = asyncio.create_task(hear(call, microphone, silence_interval=0.2))
    await call.waiting.wait()
    await asyncio.sleep(0.25)  # the keep-alive now waits for the write to end
    call.taking.set()
    microphone.stop()
    assert await asyncio.wait_for(listener, 20) == []
    assert call.written == [tone(0.1)]


async def test_a_write_that_is_not_taken_ends_the_stream_in_its_deadline() -> None:
    call, microphone = HandMadeCall(), Microphone()
    microphone.speak(tone(0.1))
    with pytest.raises(AsrError, match="DEADLINE_EXCEEDED") as caught:
        await hear(call, microphone, write_timeout=0.01)
    assert "send audio" in caught.value.detail
    assert call.aborted


async def test_the_wait_for_finals_starts_anew_with_each_result() -> None:
    class Dripping(HandMadeCall):
        left = 12

        async def read(self) -> Any:  # noqa: ANN401 - a generated message
            await self.over.wait()
            await asyncio.sleep(0.06)
            if self.aborted:
                raise from_status("CANCELLED", "", doing="stream")
            self.left -= 1
            return EMPTY if self.left else None

    call = Dripping()
    call.taking.set()
    rules = CallRules(**{**RULES, "final_timeout": 0.6})
    stream = RecognitionCall(call, of([tone(0.1)]), rules)
    async with stream.running() as transcripts:
        assert [t async for t in transcripts] == []
    assert call.left == 0


class _Empty:
    results = ()


EMPTY = _Empty()


class HandMadeGrpcCall:
    """What grpc.aio shows of a call, with statuses set in the order a test wants."""

    def __init__(self) -> None:
        self.statuses: list[tuple[grpc.StatusCode, str]] = []
        self.noticed: list[Callable[[HandMadeGrpcCall], None]] = []

    def add_done_callback(self, callback: Callable[[HandMadeGrpcCall], None]) -> None:
        self.noticed.append(callback)

    async def code(self) -> grpc.StatusCode:
        return self.statuses[-1][0]

    async def details(self) -> str:
        return self.statuses[-1][1]

    def end(self, code: grpc.StatusCode, text: str) -> None:
        self.statuses.append((code, text))
        for callback in self.noticed:
            callback(self)

    async def read(self) -> None:
        code, text = self.statuses[-1]
        raise grpc.aio.AioRpcError(code, details=text)


class HandMadeSlot:
    """A place on a connection that opens the one call of the test."""

    def __init__(self, call: HandMadeGrpcCall) -> None:
        self.channel = self
        self.released = 0
        self._call = call

    def stream(self, **_: object) -> HandMadeGrpcCall:
        return self._call

    def release(self) -> None:
        self.released += 1


FAILED_WRITE = (grpc.StatusCode.INTERNAL, "Internal error from Core")
REAL = (grpc.StatusCode.RESOURCE_EXHAUSTED, "no slot")


@pytest.mark.parametrize("order", [[REAL], [REAL, FAILED_WRITE], [FAILED_WRITE, REAL]])
async def test_the_servers_status_wins_over_what_a_failed_write_leaves(
    order: list[tuple[grpc.StatusCode, str]],
) -> None:
    call = HandMadeGrpcCall()
    slot = HandMadeSlot(call)
    stream = GrpcStreamCall(slot, ())  # type: ignore[arg-type]  # the part of a slot that is used
    for code, text in order:
        call.end(code, text)
    with pytest.raises(AsrError) as caught:
        await stream.read()
    assert caught.value.code == "RESOURCE_EXHAUSTED"
    assert slot.released >= 1


async def test_a_status_that_never_comes_leaves_the_failed_writes_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.asr.wire.grpc_transport._STATUS_WAIT_S", 0.01)
    call = HandMadeGrpcCall()
    stream = GrpcStreamCall(HandMadeSlot(call), ())  # type: ignore[arg-type]  # the part of a slot that is used
    call.end(*FAILED_WRITE)
    with pytest.raises(AsrError) as caught:
        await stream.read()
    assert (caught.value.code, caught.value.retryable) == ("INTERNAL", True)


def test_a_long_pause_costs_no_memory_however_often_silence_is_sent() -> None:
    timeline = Timeline(16000)
    timeline.add_audio(100)
    for _ in range(1000):
        timeline.add_silence(1600)
    assert len(timeline._starts) == 1
