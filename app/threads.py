"""Blocking work in a thread that is never left behind."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


async def in_thread(work: Callable[[], Answer]) -> Answer:
    """Do short blocking work in a thread; a caller that is cancelled waits for it all the same.

    What the work uses, such as an open file, may be given up as soon as this returns or raises.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait((working,))
        raise
