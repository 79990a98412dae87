"""Several streams' transcripts as one: numbers and times go on, and no word comes twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.asr.events import Cursor, Transcript, Word


class Splice:
    """Puts the transcripts of a stream and of those that went on after it on one timeline.

    Invariants, which the tests hold:

    * segment ids go up by one after each final, whatever stream said it;
    * in a stream that was reopened, no word of a final lies before the end of the finals before it;
    * the transcripts of a stream that begins with the session pass as they are.

    Args:
        begin: where the first stream begins.
    """

    def __init__(self, begin: Cursor) -> None:
        self._offset = begin.position
        self._segment_id = begin.segment_id
        self._covered = self._barrier = begin.covered

    @property
    def covered(self) -> float:
        """Where the finals so far end, in seconds of the caller's audio."""
        return self._covered

    @property
    def segment_id(self) -> int:
        """The next final's."""
        return self._segment_id

    def reopened(self, offset: float) -> None:
        """From here on a new stream speaks, whose audio begins at `offset` seconds."""
        self._offset = offset
        self._barrier = self._covered

    def heard_at_most(self, seconds: float) -> None:
        """No stream was sent more audio, whatever times it says."""
        self._covered = min(self._covered, seconds)

    def settled(self, seconds: float) -> None:
        """Everything before that was said, in seconds of the session's audio."""
        self._covered = max(self._covered, seconds)

    def moved(self, seconds: float | None) -> float | None:
        """A moment of the stream that speaks now on the caller's timeline."""
        return None if seconds is None else round(seconds + self._offset, 3)

    def transcript(self, heard: Transcript) -> Transcript | None:
        """The transcript as the caller gets it; None when nothing of it is new."""
        new = heard if self._offset == self._barrier == 0.0 else self._spliced(heard)
        if new is None:
            return None
        if new.segment_id != self._segment_id:
            new = replace(new, segment_id=self._segment_id)
        if new.is_final:
            self._segment_id += 1
            self._covered = max(self._covered, end_of(new) or 0.0)
        return new

    def _spliced(self, heard: Transcript) -> Transcript | None:
        words = tuple(self._shifted(word) for word in heard.words)
        new = tuple(word for word in words if (word.start + word.end) / 2 >= self._barrier)
        if words and not new:
            return None
        return replace(
            heard,
            # The text has the words' own spelling where some are left out.
            text=heard.text if len(new) == len(words) else " ".join(word.word for word in new),
            words=tuple(self._after_barrier(word) for word in new),
            audio_processed=self.moved(heard.audio_processed),
        )

    def _shifted(self, word: Word) -> Word:
        start, end = (round(seconds + self._offset, 6) for seconds in (word.start, word.end))
        return replace(word, start=start, end=end)

    def _after_barrier(self, word: Word) -> Word:
        return word if word.start >= self._barrier else replace(word, start=self._barrier)


def end_of(final: Transcript) -> float | None:
    """Where a final ends: its last word, else what the recogniser had used; None where unsaid."""
    return final.words[-1].end if final.words else final.audio_processed
