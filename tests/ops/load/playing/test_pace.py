"""Audio goes out when it is spoken, and what holds it up hides nothing. No real time passes."""

import pytest

from app.client import PcmAudio
from ops.load.playing.pace import Lateness, Speaker
from ops.percentile import percentile


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self, oversleeps: float = 0.0) -> None:
        self.now = 100.0
        self.oversleeps = oversleeps

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds + self.oversleeps


def speaker(clock: Clock, seconds: float = 1.0) -> Speaker:
    audio = PcmAudio(data=bytes(int(seconds * 16_000) * 2), sample_rate=16_000)
    return Speaker(audio=audio, chunk_s=0.1, lateness=Lateness(), clock=clock, sleep=clock.sleep)


async def test_a_message_goes_out_when_its_last_sample_is_spoken() -> None:
    clock = Clock()
    said = speaker(clock)
    sent: list[float] = []

    async def send(piece: bytes) -> None:
        assert len(piece) == 3200
        sent.append(round(clock.now - 100.0, 6))

    await said.speak(send)
    assert sent == [pytest.approx(0.1 * number) for number in range(1, 11)]
    assert said.sent_s == pytest.approx(1.0)


async def test_a_service_that_stalls_shifts_no_later_message_and_no_due_time() -> None:
    clock = Clock()
    said = speaker(clock)
    sent: list[float] = []

    async def send(_piece: bytes) -> None:
        sent.append(clock.now - 100.0)
        if len(sent) == 3:
            # Nothing is taken for half a second.
            clock.now += 0.5

    await said.speak(send)
    assert sent[3:] == [pytest.approx(t) for t in (0.8, 0.8, 0.8, 0.8, 0.8, 0.9, 1.0)]
    # What was said at 0.45 s went out at 0.8 s; it counts from 0.5 s all the same.
    assert said.due(0.45) == pytest.approx(100.5)
    # It was not the generator who was late.
    assert max(said.lateness.seconds) == pytest.approx(0.0)


async def test_a_generator_that_wakes_up_late_says_so() -> None:
    clock = Clock(oversleeps=0.07)
    said = speaker(clock)

    async def send(_piece: bytes) -> None:
        return None

    await said.speak(send)
    assert percentile(said.lateness.seconds, 99) == pytest.approx(0.07)


def test_the_last_moment_is_due_with_the_last_message() -> None:
    said = speaker(Clock(), seconds=0.25)
    assert said.due(0.2) is None
    said.begun = 100.0
    assert said.due(0.2) == pytest.approx(100.25)
    assert said.due(9.0) == pytest.approx(100.25)
