"""What the recogniser said and did not make final."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.asr.events import Transcript


class PendingInterim:
    """The interims that neither a final nor a later interim has replaced yet.

    A response may carry several: they are consecutive parts, and replace those of the responses
    before it.
    """

    def __init__(self) -> None:
        self._parts: list[Transcript] = []
        self._is_new = True

    def next_response(self) -> None:
        """What is said from here on replaces what was said before."""
        self._is_new = True

    def said(self, interim: Transcript | None) -> None:
        """An interim, or that the recogniser takes back what stood."""
        if self._is_new:
            self._parts.clear()
            self._is_new = False
        if interim is not None:
            self._parts.append(interim)

    def settle(self) -> None:
        """A final came."""
        self._parts.clear()

    @property
    def text(self) -> str:
        """What stands; empty where nothing does."""
        parts = self._parts
        return parts[0].text if len(parts) == 1 else " ".join(part.text for part in parts)

    @property
    def audio_processed(self) -> float | None:
        """As the newest interim says it."""
        return self._parts[-1].audio_processed if self._parts else None

    def as_final(self) -> Transcript | None:
        """What stands, for want of anything better; None where nothing does."""
        if not self._parts:
            return None
        return replace(
            self._parts[-1],
            text=self.text,
            words=tuple(word for part in self._parts for word in part.words),
            is_final=True,
            confidence=None,
            stability=None,
            forced=True,
        )
