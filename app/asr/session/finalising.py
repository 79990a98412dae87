"""Which calls of `finalise` wait for their answer. Pure: samples in, answers out.

At most two positions are kept however often a caller asks: the one that the open call was cut at,
and the newest that a later call has to be cut at. Calls that come before theirs was begun are
answered together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.asr.session.buffer import ReplayReader


@dataclass(slots=True)
class Cut:
    """A position before which everything is to become final, and how often that was asked."""

    sample: int
    calls: int = 0


class Finalising:
    """One session's unanswered calls."""

    def __init__(self) -> None:
        self._begun: Cut | None = None
        self._asked: Cut | None = None
        self._is_new = True  # no call has opened: the first one can still be cut anywhere

    def ask(self, sample: int, reader: ReplayReader | None) -> None:
        """Want everything before a sample final.

        Args:
            sample: one past the last that was taken.
            reader: the audio of the open call, which is cut there; None where none is open.
        """
        if self._begun is not None and self._begun.sample == sample:
            self._begun.calls += 1
        elif self._begun is None and self._is_new:
            self._begun = Cut(sample, 1)
        elif reader is None or reader.is_ending:
            calls = 0 if self._asked is None else self._asked.calls
            self._asked = Cut(sample, calls + 1)
        else:
            self._begun = Cut(sample, 1)
            reader.end_at(sample)

    def open(self, reader: ReplayReader) -> None:
        """Note that a call opens; one that broke before it answered is begun anew."""
        self._is_new = False
        if self._begun is None:
            self._begun, self._asked = self._asked, None
        if self._begun is not None:
            reader.end_at(self._begun.sample)

    def answer(self, heard_to: int) -> Cut | None:
        """Return what a call that ended well and heard everything before a sample answers.

        To be asked again until it is None.
        """
        answered, self._begun = self._begun, None
        if answered is None and self._asked is not None and self._asked.sample <= heard_to:
            answered, self._asked = self._asked, None
        return answered
