"""Blocking work in threads."""

import asyncio
import threading

import pytest

from app.threads import in_thread


async def test_work_in_a_thread_is_waited_for_when_its_caller_is_cancelled() -> None:
    begun, finish, done = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        finish.wait(10)
        done.append(True)

    caller = asyncio.create_task(in_thread(work))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    finish.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert done


async def test_what_the_work_returns_or_raises_comes_out() -> None:
    def fail() -> None:
        raise KeyError("work")

    assert await in_thread(lambda: 5) == 5
    with pytest.raises(KeyError, match="work"):
        await in_thread(fail)
