"""A session, pushed: any cut, any break, any request for finals; no word lost and none twice.

The recogniser is in memory and hears the numbers in the samples; that gRPC brings events in these
orders is not shown here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.asr import AsrError, Cursor, Finalised, Interrupted, Transcript
from app.asr.session.reopening import ReopenRules
from app.asr.wire.allowance import LETTERS
from tests.app.asr.session.memory import RATE, MemoryRecogniser
from tests.app.asr.talker import WORD_S, Talker, Turns, names, said, speech
from tests.support.recognisers.fake_riva import final, word

if TYPE_CHECKING:
    from app.asr import RecognitionSession, StreamEvent
    from tests.support.recognisers.fake_riva import Stream

WORDS = 12
AUDIO = speech(WORDS)

BRIEF = ReopenRules(outage_limit=0.05, first_wait=0.001)

Step = tuple[str, int]


@dataclass
class Heard:
    """What a consumer had of one session.

    Attributes:
        events: those it was given.
        asked: positions at which finals were asked for.
        cursors: where the session could be gone on with, at each event.
    """

    events: list[StreamEvent] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    cursors: list[Cursor | None] = field(default_factory=list)

    @property
    def finals(self) -> list[Transcript]:
        return [each for each in self.events if isinstance(each, Transcript) and each.is_final]


async def push(
    recogniser: MemoryRecogniser, session: RecognitionSession, audio: bytes, steps: list[Step]
) -> list[float]:
    """Send all of the audio, and do on the way what the steps say."""
    asked, at = [], 0
    for what, number in steps:
        match what:
            case "send":
                await session.send(audio[at : at + number])
                at = min(len(audio), at + number)
            case "finalise":
                for _ in range(number):
                    session.finalise()
                    asked.append(at // 2 / RATE)
            case "wait":
                for _ in range(number):
                    await asyncio.sleep(0)
            case "move":
                recogniser.leases[-1].move()
            case _:
                recogniser.refusals = number
    await session.send(audio[at:])
    session.end()
    return asked


async def run(
    recogniser: MemoryRecogniser, steps: list[Step], begin: Cursor | None = None, stop: int = -1
) -> tuple[Heard, RecognitionSession]:
    """One session to its end, or until the consumer leaves with so many events in hand."""
    heard = Heard()
    session = recogniser.session() if begin is None else recogniser.session(begin)
    audio = AUDIO if begin is None else AUDIO[round(begin.position * RATE) * 2 :]
    async with asyncio.timeout(20), session:
        pushing = asyncio.create_task(push(recogniser, session, audio, steps))
        try:
            async for event in session:
                heard.events.append(event)
                heard.cursors.append(session.cursor)
                if len(heard.events) == stop:
                    break
            else:
                heard.asked = await pushing
        finally:
            pushing.cancel()
            await asyncio.wait([pushing])
    assert recogniser.open == 0
    return heard, session


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 30_000)),
        st.tuples(st.just("finalise"), st.integers(1, 3)),
        st.tuples(st.just("wait"), st.integers(1, 60)),
        st.tuples(st.just("move"), st.just(0)),
        st.tuples(st.just("refuse"), st.integers(1, 2)),
    ),
    max_size=12,
)
TALKERS = st.lists(
    st.builds(
        Talker,
        words_a_final=st.sampled_from([None, 1, 3]),
        ends=st.booleans(),
        dies_after=st.one_of(st.none(), st.integers(1, 4)),
        dies_at_end=st.booleans(),
    ),
    max_size=3,
)


def recogniser_of(talkers: list[Talker], words_a_final: int | None) -> MemoryRecogniser:
    return MemoryRecogniser(Turns([*talkers, Talker(words_a_final=words_a_final)]))


@given(steps=STEPS, talkers=TALKERS, words_a_final=st.sampled_from([None, 1, 3]))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_every_word_comes_once_and_every_request_is_answered_once(
    steps: list[Step], talkers: list[Talker], words_a_final: int | None
) -> None:
    heard, session = asyncio.run(run(recogniser_of(talkers, words_a_final), steps))
    assert said(heard.finals) == names(0, WORDS)
    assert [each.segment_id for each in heard.finals] == list(range(len(heard.finals)))
    # What was only made final from an interim has no times.
    for timed in (timed for each in heard.finals for timed in each.words):
        number = int(timed.word.removeprefix("w"))
        assert timed.start == pytest.approx(number * WORD_S, abs=0.002)
    answers = [event for event in heard.events if isinstance(event, Finalised)]
    positions = [answer.position for answer in answers for _ in range(answer.calls)]
    assert positions == sorted(positions)
    assert len(positions) == len(heard.asked)
    # Each is answered in its turn, by an answer about all audio that was sent before it.
    assert all(answer >= asked for answer, asked in zip(positions, heard.asked, strict=True))
    so_far: list[Transcript] = []
    for event in heard.events:
        if isinstance(event, Transcript):
            so_far.append(event)
        elif isinstance(event, Finalised):
            whole = int(event.position / WORD_S + 1e-6)
            assert said(so_far)[:whole] == names(0, whole)
    assert (session.received, session.recognised, session.lost) == (3.0, 3.0, None)


@given(
    steps=STEPS,
    talkers=TALKERS,
    stops=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    words_a_final=st.sampled_from([1, 2, 4]),
)
@settings(max_examples=40, deadline=None)
def test_from_the_cursor_every_word_comes_once_that_was_not_in_a_final_that_was_used(
    steps: list[Step], talkers: list[Talker], stops: list[int], words_a_final: int
) -> None:
    async def all_of_it() -> list[Transcript]:
        got: list[Transcript] = []
        cursor: Cursor | None = None
        for stop in [*stops, -1]:
            recogniser = recogniser_of(talkers if stop != -1 else [], words_a_final)
            heard, session = await run(recogniser, steps, cursor, stop)
            # The one in hand was not passed on when the consumer left.
            used = heard.events[:-1] if len(heard.events) == stop else heard.events
            got += [each for each in used if isinstance(each, Transcript) and each.is_final]
            if len(heard.events) != stop:
                break
            cursor = session.cursor
            assert cursor is not None
            assert session.segment_id == cursor.segment_id == len(got)
        return got

    got = asyncio.run(all_of_it())
    assert said(got) == names(0, WORDS)
    assert [each.segment_id for each in got] == list(range(len(got)))


@given(steps=STEPS, talkers=TALKERS)
@settings(max_examples=20, deadline=None)
def test_the_cursor_never_goes_back(steps: list[Step], talkers: list[Talker]) -> None:
    heard, _ = asyncio.run(run(recogniser_of(talkers, 1), steps))
    positions = [cursor.position for cursor in heard.cursors if cursor is not None]
    assert positions == sorted(positions)


async def test_a_cursor_counts_once_the_next_event_is_asked_for() -> None:
    async with MemoryRecogniser(Talker()).session() as session:
        await session.send(speech(2))
        first = await anext(session)
        assert isinstance(first, Transcript)
        assert first.cursor is not None
        assert (session.cursor, session.segment_id) == (
            Cursor(position=0, covered=0, segment_id=0),
            0,
        )
        assert session.lost == (0.0, 0.5)
        await anext(session)
        assert (session.cursor, session.segment_id) == (first.cursor, 1)
        assert session.lost == (0.25, 0.5)


@pytest.mark.parametrize("way", ["unread", "read", "broken off", "cancelled", "failed", "refused"])
async def test_no_call_stays_open_however_a_session_ends(way: str) -> None:
    dying = Talker(dies_after=1, dies_at_end=True)
    recogniser = MemoryRecogniser(dying if way == "failed" else Talker())
    recogniser.refusals = way == "refused"
    session = recogniser.session(reopen=BRIEF)

    async def use() -> None:
        async with session:
            await session.send(speech(2))
            if way == "unread":
                return
            await anext(session)
            if way == "broken off":
                return
            if way != "cancelled":
                session.end()
            async for _ in session:
                pass

    using = asyncio.create_task(use())
    if way == "cancelled":
        for _ in range(30):
            await asyncio.sleep(0)
        using.cancel()
    await asyncio.wait([using])
    assert recogniser.open == 0
    assert session.has_ended
    # Whoever still sends is not held, and told that nothing is taken.
    assert not await session.send(AUDIO)
    assert {task.get_name() for task in asyncio.all_tasks()} & {
        "asr-send",
        "asr-keep-alive",
    } == set()


@pytest.mark.parametrize(("why", "calls"), [("route", 2), ("address", 1), ("age", 1)])
async def test_after_the_audio_has_ended_a_final_moves_a_call_to_another_route_alone(
    why: str, calls: int
) -> None:
    recogniser = MemoryRecogniser(Talker())
    session = recogniser.session(max_call_s=1e-9 if why == "age" else 0.0)
    async with asyncio.timeout(20), session:
        recogniser.leases[0].is_to_move = why != "age"
        recogniser.leases[0].is_off_route = why == "route"
        session.end(speech(4))
        heard = [event async for event in session if isinstance(event, Transcript)]
    assert (said(heard), len(recogniser.leases)) == (names(0, 4), calls)


async def test_a_later_call_may_say_as_much_as_all_audio_of_the_session_allows() -> None:
    longest = "x" * (LETTERS.within(2.9) - len("spoken"))

    async def first(call: Stream) -> None:
        while len(call.audio) < RATE * 2 * 2:
            await call.receive()
        await call.say(final("spoken", word("spoken", 0, 1000), audio_processed=2.0))
        await asyncio.Event().wait()

    async def second(call: Stream) -> None:
        while await call.receive() is not None:
            pass
        await call.say(final(longest))

    recogniser = MemoryRecogniser(Turns([first, second]))
    session = recogniser.session(unsent_s=3.0)
    async with asyncio.timeout(20), session:
        # A second of speech and one of silence, in which the second call begins.
        await session.send(speech(4) + bytes(RATE * 2))
        await anext(session)
        recogniser.leases[0].move()
        session.end(bytes(RATE * 2))
        finals = [event async for event in session if isinstance(event, Transcript)]
    assert [final.text for final in finals] == [longest]


async def test_a_caller_waits_for_room_and_no_longer_than_it_was_told() -> None:
    class Deaf(Talker):
        async def __call__(self, _: object) -> None:
            await asyncio.Event().wait()

    session = MemoryRecogniser(Deaf()).session(unsent_s=0.1, send_timeout=0.05)
    async with session:
        reading = asyncio.ensure_future(anext(session))
        with pytest.raises(TimeoutError):
            await send_for_ever(session)
        # One piece is in the call's hands, one in gRPC's; the next one fills the buffer.
        assert session.received <= 0.5
        assert session.unsent <= 0.2
        reading.cancel()
        await asyncio.wait([reading])


async def send_for_ever(session: RecognitionSession) -> None:
    while True:
        assert await session.send(bytes(3200))


async def test_an_end_frees_a_caller_that_waits_and_what_it_holds_is_not_counted() -> None:
    session = MemoryRecogniser(Talker()).session(unsent_s=0.1)
    assert await session.send(speech(1))
    sending = asyncio.create_task(session.send(speech(1)))
    await asyncio.sleep(0)
    session.end()
    assert not await sending
    assert session.received == WORD_S
    async with session:
        events = [event async for event in session]
    assert said([event for event in events if isinstance(event, Transcript)]) == names(0, 1)


async def test_what_the_audio_ends_with_comes_behind_what_was_said() -> None:
    session = MemoryRecogniser(Talker()).session()
    events = []

    async def hear() -> None:
        async for event in session:
            events.append(event)  # noqa: PERF401 - kept although it ends in an error

    async with session:
        await session.send(speech(1))
        session.end(failure=OSError("the microphone is gone"))
        with pytest.raises(OSError, match="microphone"):
            await hear()
    assert session.has_ended


async def test_an_error_says_what_is_in_no_final() -> None:
    recogniser = MemoryRecogniser(Talker(dies_after=2))
    session = recogniser.session(unsent_s=3.0, reopen=BRIEF)

    async def hear() -> None:
        async for event in session:
            if isinstance(event, Interrupted):
                recogniser.refusals = 10**6

    async with session:
        await session.send(speech(4))
        with pytest.raises(AsrError) as caught:
            await hear()
    assert caught.value.lost == (0.5, 1.0)
    assert session.lost == (0.5, 1.0)
