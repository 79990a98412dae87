"""The kill switch: switches recognition off, or to the fallback, while the gateway runs."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from app.gateway.settings.gateway import RecognitionMode
from app.gateway.telemetry.logs import get_logger

POLL_S: Final = 1.0
"""Between two reads of the file."""

_LONGEST_WORD: Final = 64

_log = get_logger(__name__)


class RecognitionSwitch:
    """Holds the mode, and follows a file if there is one.

    A file that is missing, cannot be read or has another word changes nothing: its last valid word
    holds, and before that what is configured. Each such problem is logged once.

    Args:
        configured: The mode until the file says another.
        file: Holds one word; None to follow none.
        can_fall_back: Whether there is a fallback to send recognition to.
        act: Called with each new mode; it must not wait.
    """

    def __init__(
        self,
        configured: RecognitionMode,
        file: Path | None,
        *,
        can_fall_back: bool,
        act: Callable[[RecognitionMode], None],
    ) -> None:
        self.mode = configured
        self._file = file
        self._can_fall_back = can_fall_back
        self._act = act
        self._problem: str | None = None

    async def refresh(self) -> bool:
        """Read the file once.

        Returns:
            Whether the mode changed.
        """
        if self._file is None:
            return False
        mode, problem = await asyncio.to_thread(_read, self._file)
        if mode is RecognitionMode.FALLBACK and not self._can_fall_back:
            mode, problem = None, "it says fallback, and RIVA_FALLBACK_ENDPOINTS is empty"
        self._note(problem)
        if mode is None or mode is self.mode:
            return False
        _log.warning("recognition switched", mode=mode.value, before=self.mode.value)
        self.mode = mode
        self._act(mode)
        return True

    async def run(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Read the file every second, for ever.

        Args:
            changed: Awaited after each change.
        """
        while self._file is not None:
            await asyncio.sleep(POLL_S)
            if await self.refresh():
                await changed()

    def _note(self, problem: str | None) -> None:
        if problem is not None and problem != self._problem:
            _log.warning("recognition file not followed", problem=problem, mode=self.mode.value)
        self._problem = problem


def _read(path: Path) -> tuple[RecognitionMode | None, str | None]:
    """Return a file's mode, or why it has none; runs in a thread."""
    try:
        # Not blocking: a pipe without a writer would hold the thread for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            content = os.read(descriptor, _LONGEST_WORD)
        finally:
            os.close(descriptor)
    except OSError as error:
        return None, f"it cannot be read ({error.strerror})"
    try:
        return RecognitionMode(content.decode("ascii", "replace").strip().lower()), None
    except ValueError:
        # Not repeated: a path to the wrong file may lead to a secret.
        return None, f"it holds none of {', '.join(RecognitionMode)}"
