"""The budget of further attempts by itself: who is let in, when, and what is given back.

That fifty streams which lost their recogniser keep to it is shown in `test_load`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.asr import AsrError
from app.asr.pool import retry_budget as budgets
from app.asr.pool.retry_budget import LEAST, RetryBudget, RetryPermit

if TYPE_CHECKING:
    from collections.abc import Awaitable


def budget(streams: int = 0, longest_s: float = 60.0) -> RetryBudget:
    return RetryBudget(lambda: streams, longest_s=longest_s)


def ask(
    permits: RetryBudget, within: float = 60.0, *, is_running: bool = False
) -> asyncio.Task[RetryPermit]:
    return asyncio.create_task(permits.acquire(within, is_running=is_running))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def ended(*tasks: asyncio.Task[RetryPermit]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_three_are_let_in_in_any_case_and_a_fifth_of_many() -> None:
    for streams, allowed in ((0, 3), (10, 3), (40, 9), (100, 21)):
        permits = budget(streams)
        asked = [ask(permits) for _ in range(30)]
        await settle()
        assert sum(task.done() for task in asked) >= allowed
        assert permits.health().in_flight <= max(LEAST, (streams + 30) // 5)
        await ended(*asked)


async def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    permits = budget()
    asked = [ask(permits) for _ in range(6)]
    await settle()
    assert [task.done() for task in asked] == [True] * 3 + [False] * 3
    asked[1].result().release()
    asked[1].result().release()  # once is once
    await settle()
    assert [task.done() for task in asked] == [True] * 4 + [False] * 2
    assert (permits.health().in_flight, permits.health().waiting) == (3, 2)
    await ended(*asked)


async def test_streams_that_run_come_before_calls_that_have_not_begun() -> None:
    permits = budget()
    held = [await permits.acquire(1.0) for _ in range(3)]
    new, running, second = (
        ask(permits),
        ask(permits, is_running=True),
        ask(permits, is_running=True),
    )
    await settle()
    for permit, expected in zip(held, ((0, 1, 0), (0, 1, 1), (1, 1, 1)), strict=True):
        permit.release()
        await settle()
        assert tuple(task.done() for task in (new, running, second)) == expected
    await ended(new, running, second)


async def test_who_waits_longer_than_it_may_is_told_so_and_is_gone() -> None:
    permits = budget()
    held = [await permits.acquire(1.0) for _ in range(3)]
    with pytest.raises(AsrError) as caught:
        await permits.acquire(0.01)
    assert (caught.value.code, caught.value.retryable) == ("UNAVAILABLE", True)
    assert permits.health().waiting == 0
    held[0].release()
    assert (await permits.acquire(0.0)) is not None


async def test_a_running_stream_that_stands_in_line_has_its_turn_after_its_limit_too() -> None:
    permits = budget()
    taken = [await permits.acquire(1.0) for _ in range(3)]
    late = ask(permits, 0.0, is_running=True)
    impatient = ask(permits, 0.0)
    with pytest.raises(AsrError, match="UNAVAILABLE"):
        await impatient
    taken[0].release()
    assert await late is not None


async def test_a_permit_given_to_somebody_who_just_left_goes_to_the_next() -> None:
    permits = budget()
    held = [await permits.acquire(1.0) for _ in range(3)]
    leaving, staying = ask(permits), ask(permits)
    await settle()
    held[0].release()
    leaving.cancel()
    await settle()
    assert leaving.cancelled()
    assert staying.done()
    assert permits.health().in_flight == 3


async def test_an_attempt_that_takes_long_counts_as_work_and_frees_its_permit() -> None:
    permits = budget(longest_s=0.01)
    for _ in range(3):
        await permits.acquire(1.0)
    assert (await permits.acquire(5.0)) is not None


async def test_a_stream_that_was_opened_keeps_its_permit_until_it_had_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budgets, "SETTLED_S", 0.01)
    permits = budget()
    for permit in [await permits.acquire(1.0) for _ in range(3)]:
        permit.opened()
    assert (permits.health().in_flight, permits.attempting) == (3, 0)
    await permits.acquire(5.0)
    assert permits.attempting == 1


async def test_a_budget_that_is_closed_sends_everybody_away() -> None:
    permits = budget()
    asked = [ask(permits) for _ in range(4)]
    await settle()
    permits.close()
    with pytest.raises(AsrError, match="CLIENT_CLOSED"):
        await asked[3]
    await ended(*asked)


STEPS = st.lists(st.tuples(st.sampled_from(["ask", "open", "release", "leave"]), st.integers(0, 9)))


@given(streams=st.integers(0, 40), steps=STEPS)
@settings(deadline=None, max_examples=60)
async def test_whatever_happens_the_bound_holds_and_nobody_waits_while_there_is_room(
    streams: int, steps: list[tuple[str, int]]
) -> None:
    permits = budget(streams)
    asked: list[asyncio.Task[RetryPermit]] = []
    for step, which in steps:
        let_in = [t.result() for t in asked if t.done() and not t.cancelled()]
        outside = [task for task in asked if not task.done()]
        before = permits.health().in_flight
        if step == "ask":
            asked.append(ask(permits, is_running=which % 2 == 0))
        elif step == "leave" and outside:
            outside[which % len(outside)].cancel()
        elif let_in and step == "open":
            let_in[which % len(let_in)].opened()
        elif let_in:
            let_in[which % len(let_in)].release()
        await settle()
        now = permits.health()
        assert now.in_flight <= max(before, now.most)
        assert now.waiting == sum(not task.done() for task in asked)
        assert now.waiting == 0 or now.in_flight >= now.most
        assert 0 <= permits.attempting <= now.in_flight
    for task in asked:
        task.cancel()
    results: list[RetryPermit | BaseException] = await _all(
        asyncio.gather(*asked, return_exceptions=True)
    )
    for result in results:
        if isinstance(result, RetryPermit):
            result.release()
    assert (permits.health().in_flight, permits.attempting, permits.health().waiting) == (0, 0, 0)


async def _all(
    gathered: Awaitable[list[RetryPermit | BaseException]],
) -> list[RetryPermit | BaseException]:
    return await gathered
