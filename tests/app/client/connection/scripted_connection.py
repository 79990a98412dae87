"""A connection to a scripted gateway, as the tests of one connection make it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from app.client import (
    Connection,
    Deadlines,
    Partial,
    Transcription,
)
from app.client import connect as connect_anyhow
from app.client.events import Event


def connect(
    url: str, *, deadlines: Deadlines | None = None
) -> AbstractAsyncContextManager[Connection]:
    return connect_anyhow(url, deadlines=deadlines, resume=False)


async def texts(events: AsyncIterator[Event]) -> list[str]:
    return [event.text async for event in events if isinstance(event, Partial | Transcription)]
