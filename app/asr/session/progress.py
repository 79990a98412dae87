"""How far a session's consumer is: what is in finals that it has used, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from app.asr.events import Cursor

    class HasCursor(Protocol):
        """Knows how far the recogniser is."""

        @property
        def cursor(self) -> Cursor | None:
            """Where another session goes on; None where that would lose words."""


_SHORTEST_SPAN_S = 0.001
"""A span below this is the rounding of positions."""


class Progress:
    """Follows the finals of one session to their consumer.

    The recogniser's own cursor moves when a final is made, and the consumer may be cut off before
    it has passed it on. So a cursor counts only once every final before it was used.

    Args:
        begin: where the session begins.
        coverage: how far the recogniser is.

    Attributes:
        segment_id: of the segment that is being spoken, by the finals that were used.
    """

    def __init__(self, begin: Cursor, coverage: HasCursor) -> None:
        self.segment_id = begin.segment_id
        self._coverage = coverage
        self._cursor: Cursor | None = begin
        self._lost_from: float | None = None
        self._is_complete = False

    @property
    def cursor(self) -> Cursor | None:
        """Where the session goes on after a break now, None where that would lose or double words.

        Between finals it moves over silence.
        """
        newest = self._coverage.cursor
        if newest is not None and newest.segment_id == self.segment_id:
            self._cursor = newest
        return self._cursor

    def final_used(self, cursor: Cursor | None) -> None:
        """Note that the consumer is done with a final that has this cursor."""
        self.segment_id += 1
        self._cursor = cursor

    def failed(self, lost: tuple[float, float] | None) -> None:
        """Note what the recogniser leaves undone, from and to in seconds."""
        if lost is not None:
            self._lost_from = lost[0]

    def completed(self) -> None:
        """Note that the recogniser said everything: the finals cover all that was taken."""
        self._is_complete = True

    def lost(self, taken: float) -> tuple[float, float] | None:
        """Return the audio that is in no final, from and to in seconds, if the session ends now.

        Args:
            taken: seconds of the session's audio that came.

        Returns:
            None where there is none, and where nobody knows from where.
        """
        if self._is_complete:
            return None
        start = self._lost_from
        if start is None:
            cursor = self.cursor
            if cursor is None:
                return None
            start = max(cursor.position, cursor.covered)
        return (start, taken) if taken - start >= _SHORTEST_SPAN_S else None
