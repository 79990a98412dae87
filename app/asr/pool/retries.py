"""Further tries of a call that met a passing error."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, TypeVar

import structlog

from app.asr.errors import AsrError, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.asr.pool.retry_budget import RetryBudget

Answer = TypeVar("Answer")

# A caller waits for this call: beyond it an error is of more use than another try.
LONGEST_WAIT_S = 10.0
# Some have used their deadline up already, and a second one would double the caller's wait; a
# client that is closed stays so.
_NOT_AGAIN = frozenset(
    {ErrorCode.DEADLINE_EXCEEDED, ErrorCode.STREAM_LIMIT, ErrorCode.CLIENT_CLOSED}
)

_log = structlog.get_logger(__name__)


async def with_retries(
    attempt: Callable[[], Awaitable[Answer]],
    *,
    retries: int,
    first_wait_s: float,
    budget: RetryBudget,
) -> Answer:
    """Calls `attempt` until it succeeds, fails for good, or the tries are used up.

    The waits are drawn evenly between zero and a bound that doubles each time ("full jitter"), so
    that clients that failed together do not come back together.

    Args:
        attempt: one try; only an `AsrError` that is retryable leads to another one, no deadline
            that has passed, and nothing once the client is closed.
        retries: further tries after the first.
        first_wait_s: upper bound of the first wait in seconds.
        budget: where each further try waits for its turn, for as long as it may wait at all.
    """
    try:
        return await attempt()
    except AsrError as error:
        failure = error
    for tried in range(retries):
        if not failure.retryable or failure.code in _NOT_AGAIN:
            break
        await _pause(failure, tried, first_wait_s)
        place = await budget.place(LONGEST_WAIT_S)
        try:
            return await attempt()
        except AsrError as error:
            failure = error
        finally:
            place.release()
    raise failure


async def _pause(failure: AsrError, tried: int, first_wait_s: float) -> None:
    bound = min(LONGEST_WAIT_S, first_wait_s * 2**tried)
    wait = random.uniform(0.0, bound)  # noqa: S311 - spreads load, protects nothing
    _log.warning(
        "asr_retry", code=failure.code, detail=failure.detail, tried=tried + 1, wait_s=wait
    )
    await asyncio.sleep(wait)
