"""How many further attempts a client makes at the same time: a retry budget, as Envoy has it.

Every stream that a recogniser lost comes back to it at once. Of all streams a fifth may be on a
further attempt at the same time, and three always may (Envoy's `retry_budget`,
`config/cluster/v3/circuit_breaker.proto`: 20 % of what is active, 3 at least). The others wait for
a permit, each within a limit of its own: streams that run before calls that have not begun, and
first come first served among them. So everybody has had a permit after five rounds at most, however
many they are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from app.asr.errors import client_closed, from_status
from app.asr.events import RetryHealth

if TYPE_CHECKING:
    from collections.abc import Callable

SHARE = 0.2
LEAST = 3
# A reopened stream catches up on its old audio as fast as it is taken. The next one begins when the
# first results are there, or after so many seconds without any.
SETTLED_S = 1.0
# Within so many seconds every waiting stream has had a permit: none is in an outage any more.
ROUND_S = SETTLED_S / SHARE


class RetryPermit:
    """The right to one further attempt; released once."""

    def __init__(self, budget: RetryBudget, longest_s: float) -> None:
        self._budget = budget
        self._is_attempting = True
        self._is_held = True
        # A file is recognised for minutes: after a while that is work and no attempt any more.
        self._timer = self._release_in(longest_s)

    def _release_in(self, seconds: float) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self.release)

    def opened(self) -> None:
        """Note that the attempt led to a stream; release once that had time to catch up."""
        self._end_attempt()
        self._timer.cancel()
        if self._is_held:
            self._timer = self._release_in(SETTLED_S)

    def release(self) -> None:
        """Free the permit for the next attempt; further calls do nothing."""
        self._end_attempt()
        self._timer.cancel()
        if self._is_held:
            self._is_held = False
            self._budget.released()

    def _end_attempt(self) -> None:
        if self._is_attempting:
            self._is_attempting = False
            self._budget.attempting -= 1


class RetryBudget:
    """The permits of one client.

    Args:
        streams: returns how many streams are open.
        longest_s: seconds after which an attempt counts as work.
    """

    def __init__(self, streams: Callable[[], int], *, longest_s: float) -> None:
        self._streams = streams
        self._longest_s = longest_s
        self.attempting = 0  # permits whose attempt led to no stream yet
        self._in_flight = 0
        self._running: deque[asyncio.Future[RetryPermit]] = deque()
        self._others: deque[asyncio.Future[RetryPermit]] = deque()

    @property
    def _waiting(self) -> int:
        return len(self._running) + len(self._others)

    @property
    def most(self) -> int:
        """Permits there are now: a fifth of the streams that are open or wait to be."""
        active = self._streams() + self.attempting + self._waiting
        return max(LEAST, int(SHARE * active))

    def health(self) -> RetryHealth:
        """Return what is in use and who waits."""
        return RetryHealth(in_flight=self._in_flight, waiting=self._waiting, most=self.most)

    async def acquire(self, within: float, *, is_running: bool = False) -> RetryPermit:
        """Return a permit, as soon as it is this caller's turn.

        Args:
            within: seconds to wait for it.
            is_running: whether it is for a stream that runs already; those come first, and wait
                for a whole round longer.

        Raises:
            AsrError: UNAVAILABLE, none was free within so many seconds; CLIENT_CLOSED.
        """
        turn: asyncio.Future[RetryPermit] = asyncio.get_running_loop().create_future()
        queue = self._running if is_running else self._others
        queue.append(turn)
        self._grant()
        try:
            async with asyncio.timeout(within + ROUND_S if is_running else within):
                return await turn
        except TimeoutError:
            _leave(queue, turn)
            raise from_status(
                "UNAVAILABLE", f"no turn for a further attempt within {within:g} s", doing="retry"
            ) from None
        except asyncio.CancelledError:
            _leave(queue, turn)
            raise

    def _grant(self) -> None:
        while self._waiting and self._in_flight < self.most:
            turn = (self._running or self._others).popleft()
            if turn.done():
                continue
            self._in_flight += 1
            self.attempting += 1
            turn.set_result(RetryPermit(self, self._longest_s))

    def released(self) -> None:
        """Grant the permit that was released to the next in line."""
        self._in_flight -= 1
        self._grant()

    def close(self) -> None:
        """Refuse everybody who waits."""
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
