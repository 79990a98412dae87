"""Work for a client that may hang up: it ends with the client."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

Answer = TypeVar("Answer")


async def until_hang_up(receive: Receive, work: Coroutine[None, None, Answer]) -> Answer:
    """Do work for as long as its client is there.

    Args:
        receive: The request's ASGI channel, its body read to the end: what still comes there is the
            hang-up.
        work: Cancelled, and waited for, when the client is gone or the caller is cancelled.

    Raises:
        ClientDisconnect: The client hung up first.
    """
    working = asyncio.create_task(work, name="work for a client")
    watching = asyncio.create_task(_hang_up(receive), name="watch for a hang-up")
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)
    raise ClientDisconnect


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
