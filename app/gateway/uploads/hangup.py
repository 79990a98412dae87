"""Cancels work whose client hangs up first."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

Answer = TypeVar("Answer")


async def until_hang_up(receive: Receive, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Do work, and cancel it when its client hangs up.

    Args:
        receive: The request's ASGI channel, its body read to the end: what still comes there is the
            hang-up.
        work: Cancelled, and waited for, when the client is gone or the caller is cancelled.

    Raises:
        ClientDisconnect: The client hung up first.
    """
    return await unless(_hang_up(receive), work, ClientDisconnect())


async def unless(
    end: Coroutine[Any, Any, object], work: Coroutine[Any, Any, Answer], reason: Exception
) -> Answer:
    """Do work, and cancel it when something else happens first.

    Args:
        end: Returns when the work is to end.
        work: Cancelled, and waited for, when that comes first or the caller is cancelled.
        reason: Raised when that comes first.
    """
    working = asyncio.create_task(work, name="work that may be ended")
    ending = asyncio.create_task(end, name="watch for the end of work")
    try:
        await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
    finally:
        working.cancel()
        ending.cancel()
        await asyncio.gather(working, ending, return_exceptions=True)
    raise reason


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
