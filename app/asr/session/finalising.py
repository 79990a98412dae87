"""Which calls of `finalise` wait for their answer. Pure: samples in, samples out.

At most two positions are kept however often a caller asks: the one that the open call was cut at,
and the newest that a later call has to be cut at. Calls that come before theirs was begun are
answered together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.asr.session.intake import Tap


class Finalising:
    """One stream's unanswered calls."""

    def __init__(self) -> None:
        self._begun: int | None = None
        self._asked: int | None = None

    def ask(self, sample: int, tap: Tap | None) -> None:
        """Everything before a sample shall become final.

        Args:
            sample: one past the last that was taken.
            tap: the audio of the open call, which is cut there; None where none is open.
        """
        if tap is None or tap.is_ending:
            self._asked = sample
        else:
            self._begun = sample
            tap.end_at(sample)

    def open(self, tap: Tap) -> None:
        """A call opens; one that broke before it answered is begun anew."""
        if self._begun is None:
            self._begun, self._asked = self._asked, None
        if self._begun is not None:
            tap.end_at(self._begun)

    def answer(self, heard_to: int) -> int | None:
        """What a call that ended well and heard everything before a sample answers.

        To be asked again until it is None.
        """
        answered, self._begun = self._begun, None
        if answered is None and self._asked is not None and self._asked <= heard_to:
            answered, self._asked = self._asked, None
        return answered
