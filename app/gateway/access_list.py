"""Follows the access list's file while the gateway runs."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.credentials.access_list import MAX_BYTES, AccessList, AccessListError
from app.gateway.identity.access_list import CurrentAccessList
from app.gateway.telemetry.logs import get_logger

POLL_S: Final = 1.0
"""Between two reads of the file."""

_log = get_logger(__name__)


class AccessListFile:
    """Keeps the list that holds as a file has it.

    A file that is missing, cannot be read or holds no list changes nothing: the last good one
    holds. Each such problem is logged once.

    Args:
        path: The file.
        current: The list that holds.
        act: Called after each change; it must not wait.
    """

    def __init__(self, path: Path, current: CurrentAccessList, act: Callable[[], None]) -> None:
        self._path = path
        self._current = current
        self._act = act
        self._seen: bytes | None = None
        self._problem: str | None = None

    @property
    def is_followed(self) -> bool:
        """Whether the file could be read last."""
        return self._problem is None

    async def refresh(self) -> bool:
        """Read the file once.

        Returns:
            Whether it is another list than the last one.
        """
        content, document, problem = await asyncio.to_thread(_read, self._path, self._seen)
        if problem is not None and problem != self._problem:
            _log.error("access list not followed", problem=problem)
        self._problem = problem
        if document is None:
            return False
        self._seen = content
        self._current.replace(document)
        counts = self._current.counts()
        _log.info("access list read", keys=len(document.keys), good=counts.good)
        self._act()
        return True

    async def run(self) -> None:
        """Read the file every second, for ever."""
        while True:
            await asyncio.sleep(POLL_S)
            await self.refresh()


def _read(path: Path, seen: bytes | None) -> tuple[bytes | None, AccessList | None, str | None]:
    """Return a file's content, its list where it is another than `seen`, or what is wrong with it.

    Runs in a thread.
    """
    try:
        # Not blocking: a pipe without a writer would hold the thread for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            content = os.read(descriptor, MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        return None, None, f"it cannot be read ({error.strerror})"
    if content == seen:
        return content, None, None
    try:
        return content, AccessList.parse(content), None
    except AccessListError as error:
        return content, None, str(error)
