"""How far a client was told of its session: what is in finals that were sent, and what is not."""

from app.asr import Cursor, StreamControl, Transcript
from app.contract.fields import AudioSpan

_SHORTEST_SPAN_S = 0.001
"""A stretch below this is the rounding of positions."""


class Progress:
    """Follows the finals of one session on their way out.

    The recogniser's own cursor moves when a final is made, and the client may be cut off before it
    is sent. So a cursor counts only once every final before it was sent.

    Args:
        begin: Where the session begins on this connection.
        control: Knows how far the recogniser is.
    """

    def __init__(self, begin: Cursor, control: StreamControl) -> None:
        self.begin = begin
        self.segment_id = begin.segment_id
        self._control = control
        self._cursor: Cursor | None = begin
        self._lost_from: float | None = None
        self._is_complete = False

    @property
    def cursor(self) -> Cursor | None:
        """Where the session goes on after a break now, None where that would lose or double words.

        Between finals it moves over silence.
        """
        newest = self._control.cursor
        if newest is not None and newest.segment_id == self.segment_id:
            self._cursor = newest
        return self._cursor

    def final_sent(self, final: Transcript) -> None:
        """Note a final that went out."""
        self.segment_id += 1
        self._cursor = final.cursor

    def failed(self, lost: tuple[float, float] | None) -> None:
        """Note what the recogniser says it leaves undone, from and to in seconds."""
        if lost is not None:
            self._lost_from = lost[0]

    def completed(self) -> None:
        """Note that the recogniser said everything: the finals cover all that was taken."""
        self._is_complete = True

    def lost(self, taken: float) -> AudioSpan | None:
        """Return the audio that is in no final, where the session ends now.

        Args:
            taken: Seconds of the session's audio that came.

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
        if taken - start < _SHORTEST_SPAN_S:
            return None
        return AudioSpan(start=round(start, 3), end=round(taken, 3))
