"""The interims that no final has replaced yet."""

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
        """Begin a response: its interims replace those before it."""
        self._is_new = True

    def add(self, interim: Transcript | None) -> None:
        """Add an interim; None says that the recogniser takes the earlier ones back."""
        if self._is_new:
            self._parts.clear()
            self._is_new = False
        if interim is not None:
            self._parts.append(interim)

    def clear(self) -> None:
        """Drop the interims: a final replaces them."""
        self._parts.clear()

    @property
    def text(self) -> str:
        """The text of the interims; empty where there is none."""
        parts = self._parts
        return parts[0].text if len(parts) == 1 else " ".join(part.text for part in parts)

    @property
    def audio_processed(self) -> float | None:
        """The newest interim's `audio_processed`."""
        return self._parts[-1].audio_processed if self._parts else None

    def as_final(self) -> Transcript | None:
        """Return the interims as one forced final; None where there is none."""
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
