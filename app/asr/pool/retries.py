"""Further attempts of a call that met a passing error."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import structlog

from app.asr.errors import AsrError, ErrorCode
from app.backoff import jittered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.asr.pool.retry_budget import RetryBudget

Answer = TypeVar("Answer")

# A caller waits for this call: beyond it an error is of more use than another attempt.
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
    """Call `attempt` until it succeeds, fails for good, or the attempts are used up.

    Args:
        attempt: only an `AsrError` that is retryable leads to another one, no deadline that has
            passed, and nothing once the client is closed.
        retries: further attempts after the first.
        first_wait_s: upper bound of the first random wait in seconds; it doubles each time.
        budget: grants each further attempt its permit, as long as one may wait at all.
    """
    try:
        return await attempt()
    except AsrError as error:
        failure = error
    for tried in range(retries):
        if not failure.retryable or failure.code in _NOT_AGAIN:
            break
        wait = jittered(tried, first_s=first_wait_s, longest_s=LONGEST_WAIT_S)
        _log.warning(
            "asr_retry", code=failure.code, detail=failure.detail, tried=tried + 1, wait_s=wait
        )
        await asyncio.sleep(wait)
        permit = await budget.acquire(LONGEST_WAIT_S)
        try:
            return await attempt()
        except AsrError as error:
            failure = error
        finally:
            permit.release()
    raise failure
