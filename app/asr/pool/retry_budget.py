"""How many further attempts a client makes at the same time: a budget, as Envoy has it.

A recogniser that comes back is asked by everybody who lost a stream there. Of all streams a fifth
may be on a further attempt at once, and three always may (Envoy's `retry_budget`,
`config/cluster/v3/circuit_breaker.proto`: 20 % of what is active, 3 at least); the others wait
their turn, each within a limit of its own: streams that run before calls that have not begun, and
first come first served among them. So it takes five turns at most until everybody had one, however
many they are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from app.asr.errors import AsrError, client_closed, from_status
from app.asr.events import RetryHealth

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE = 0.2
LEAST = 3
# A stream that was opened again hears its old audio as fast as it is taken. The next one begins
# when the first results are there, or after so many seconds of which the recogniser makes nothing.
SETTLED_S = 1.0
# In so many seconds everybody had a turn. A stream in this line has no outage any more.
ROUND_S = SETTLED_S / SHARE


class RetryPermit:
    """The right to one attempt; given back once."""

    def __init__(self, budget: RetryBudget, longest_s: float) -> None:
        self._budget = budget
        self._is_attempting = True
        self._is_held = True
        # A file is recognised for minutes: after a while that is work and no attempt any more.
        self._timer = self._release_in(longest_s)

    def _release_in(self, seconds: float) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self.release)

    def opened(self) -> None:
        """The attempt led to a stream; its place is given back when it had time to catch up."""
        self._end_attempt()
        self._timer.cancel()
        if self._is_held:
            self._timer = self._release_in(SETTLED_S)

    def release(self) -> None:
        """Gives the place to the next one; further calls do nothing."""
        self._end_attempt()
        self._timer.cancel()
        if self._is_held:
            self._is_held = False
            self._budget.gave_back()

    def _end_attempt(self) -> None:
        if self._is_attempting:
            self._is_attempting = False
            self._budget.attempting -= 1


class RetryBudget:
    """The places of one client.

    Args:
        streams: counts the streams that are open.
        longest_s: seconds after which an attempt counts as work.
    """

    def __init__(self, streams: Callable[[], int], *, longest_s: float) -> None:
        self._streams = streams
        self._longest_s = longest_s
        self.attempting = 0  # places whose attempt led to no stream yet
        self._in_flight = 0
        self._running: deque[asyncio.Future[RetryPermit]] = deque()
        self._others: deque[asyncio.Future[RetryPermit]] = deque()

    @property
    def _waiting(self) -> int:
        return len(self._running) + len(self._others)

    @property
    def most(self) -> int:
        """Places now: a fifth of the streams that are open or wait to be."""
        active = self._streams() + self.attempting + self._waiting
        return max(LEAST, int(SHARE * active))

    def health(self) -> RetryHealth:
        """What there is to see."""
        return RetryHealth(in_flight=self._in_flight, waiting=self._waiting, most=self.most)

    async def place(self, within: float, *, is_running: bool = False) -> RetryPermit:
        """A place, as soon as it is this caller's turn.

        Args:
            within: seconds it waits for that.
            is_running: whether it is for a stream that runs already; those come first, and wait
                for a whole round longer.

        Raises:
            AsrError: UNAVAILABLE, it was not within so many seconds; CLIENT_CLOSED.
        """
        turn: asyncio.Future[RetryPermit] = asyncio.get_running_loop().create_future()
        queue = self._running if is_running else self._others
        queue.append(turn)
        self._hand_out()
        try:
            async with asyncio.timeout(within + ROUND_S if is_running else within):
                return await turn
        except TimeoutError:
            _leave(queue, turn)
            raise _no_turn(within) from None
        except asyncio.CancelledError:
            _leave(queue, turn)
            raise

    def _hand_out(self) -> None:
        while self._waiting and self._in_flight < self.most:
            turn = (self._running or self._others).popleft()
            if turn.done():
                continue
            self._in_flight += 1
            self.attempting += 1
            turn.set_result(RetryPermit(self, self._longest_s))

    def gave_back(self) -> None:
        """A place is free."""
        self._in_flight -= 1
        self._hand_out()

    def close(self) -> None:
        """Sends everybody who waits away."""
        for queue in (self._running, self._others):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_exception(client_closed())


def _leave(queue: deque[asyncio.Future[RetryPermit]], turn: asyncio.Future[RetryPermit]) -> None:
    if turn in queue:
        queue.remove(turn)
    elif turn.done() and not turn.cancelled() and turn.exception() is None:
        turn.result().release()


def _no_turn(within: float) -> AsrError:
    return from_status(
        "UNAVAILABLE", f"no turn for a further attempt within {within:g} s", doing="retry"
    )
