"""Files that are followed while the program runs: read every second, and used anew when changed."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog

from app.threads import in_thread

POLL_S: Final = 1.0
"""Between two readings."""
MOST_BYTES: Final = 1024 * 1024
"""Of one file: far more than certificates and keys have, and nothing that a reading feels."""

Value = TypeVar("Value")

_log = structlog.get_logger(__name__)


class FollowedFiles(Generic[Value]):
    """Follows files that belong together, such as a certificate and its key.

    They are read by their paths each time, so it is all one whether somebody writes into a file,
    puts another in its place, or turns a link. What cannot be read or makes no sense changes
    nothing: what was taken last holds. That includes files of which only one is new yet, which do
    not fit each other for a moment. Each such problem is logged once.

    Args:
        name: What they hold, for the log.
        paths: Where they are.
        parse: Makes a value of their contents, in the order of the paths. Runs in a thread, once
            for each change. Raises ValueError where they make no sense; its text goes to the log,
            so it repeats nothing of them.
        act: Called with each new value, in the event loop; it must not wait.
        most_bytes: A longer file is a problem.
    """

    def __init__(
        self,
        name: str,
        paths: Sequence[Path],
        parse: Callable[[Sequence[bytes]], Value],
        act: Callable[[Value], None],
        *,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.name: Final = name
        self.problem: str | None = None
        """Why they are not followed; None while they are."""
        self._paths = tuple(paths)
        self._parse = parse
        self._act = act
        self._most_bytes = most_bytes
        self._taken: bytes | None = None
        self._refused: tuple[bytes, str] | None = None

    @property
    def has_value(self) -> bool:
        """Whether there was a value so far."""
        return self._taken is not None

    async def refresh(self) -> bool:
        """Read the files once.

        Returns:
            Whether there was a new value.
        """
        mark, value, problem = await in_thread(self._read)
        if problem is not None and problem != self.problem:
            _log.warning("file not followed", name=self.name, problem=problem)
        self.problem = problem
        self._refused = None if mark is None or problem is None else (mark, problem)
        if value is None:
            return False
        self._taken = mark
        self._act(value)
        return True

    async def run(self, changed: Callable[[], Awaitable[object]] | None = None) -> None:
        """Read the files every second, for ever.

        Args:
            changed: Awaited after each new value.
        """
        while True:
            await asyncio.sleep(POLL_S)
            if await self.refresh() and changed is not None:
                await changed()

    def _read(self) -> tuple[bytes | None, Value | None, str | None]:
        """Return a mark of what the files hold, what is made of it if it is new, and what is wrong.

        Runs in a thread.
        """
        contents = []
        for path in self._paths:
            try:
                contents.append(_content(path, self._most_bytes))
            except OSError as error:
                return None, None, f"{path} cannot be read ({error.strerror})"
            except ValueError as error:
                return None, None, f"{path} {error}"
        # A mark, not the contents: no key is held a second time.
        mark = b"".join(hashlib.sha256(content).digest() for content in contents)
        if mark == self._taken:
            return mark, None, None
        if self._refused is not None and self._refused[0] == mark:
            return mark, None, self._refused[1]
        try:
            return mark, self._parse(contents), None
        except ValueError as error:
            return mark, None, str(error)


def _content(path: Path, most_bytes: int) -> bytes:
    # Not blocking: a pipe without a writer would hold the thread for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"is longer than {most_bytes} bytes")
    return content
