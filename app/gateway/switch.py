"""The kill switch: switches recognition off, or to the fallback, while the gateway runs."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from app.followed_files import FollowedFiles
from app.gateway.settings.gateway import RecognitionMode
from app.gateway.telemetry.logs import get_logger

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

    Attributes:
        mode: In force now.
        file: Follows the file; None where there is none.
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
        self._can_fall_back = can_fall_back
        self._act = act
        self.file = (
            None
            if file is None
            else FollowedFiles(
                "APP_RECOGNITION_FILE",
                [file],
                self._parse,
                self._take,
                most_bytes=_LONGEST_WORD,
            )
        )

    async def refresh(self) -> bool:
        """Read the file once.

        Returns:
            Whether the mode changed.
        """
        before = self.mode
        if self.file is not None:
            await self.file.refresh()
        return self.mode is not before

    async def run(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Read the file every second, for ever.

        Args:
            changed: Awaited after each new word.
        """
        if self.file is not None:
            await self.file.run(changed)

    def _parse(self, contents: Sequence[bytes]) -> RecognitionMode:
        try:
            mode = RecognitionMode(contents[0].decode("ascii", "replace").strip().lower())
        except ValueError:
            # Not repeated: a path to the wrong file may lead to a secret.
            raise ValueError(f"it holds none of {', '.join(RecognitionMode)}") from None
        if mode is RecognitionMode.FALLBACK and not self._can_fall_back:
            raise ValueError("it says fallback, and RIVA_FALLBACK_ENDPOINTS is empty")
        return mode

    def _take(self, mode: RecognitionMode) -> None:
        if mode is not self.mode:
            _log.warning("recognition switched", mode=mode.value, before=self.mode.value)
            self.mode = mode
            self._act(mode)
