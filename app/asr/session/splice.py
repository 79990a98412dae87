"""Several streams' transcripts as one: numbers and times go on, and no word comes twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.asr.session.overlap import Overlap

if TYPE_CHECKING:
    from app.asr.events import Cursor, LastWord, Transcript, Word


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
        self._covered = begin.covered
        self._overlap = Overlap(begin.covered, begin.again)
        self._is_first = begin.position == begin.covered == 0.0

    @property
    def covered(self) -> float:
        """Where the finals so far end, in seconds of the caller's audio."""
        return self._covered

    @property
    def segment_id(self) -> int:
        """The next final's."""
        return self._segment_id

    def reopened(self, offset: float, again: LastWord | None = None) -> None:
        """From here on a new stream speaks.

        Args:
            offset: where its audio begins, in seconds.
            again: the last word that was said, where its audio begins before that.
        """
        self._offset = offset
        self._overlap = Overlap(self._covered, again)
        self._is_first = offset == self._covered == 0.0

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
        new = heard if self._is_first else self._spliced(heard)
        if new is None:
            return None
        if new.segment_id != self._segment_id:
            new = replace(new, segment_id=self._segment_id)
        if new.is_final:
            self._segment_id += 1
            self._covered = max(self._covered, end_of(new) or 0.0)
        return new

    def _spliced(self, heard: Transcript) -> Transcript | None:
        words = [self._shifted(word) for word in heard.words]
        new = self._overlap.new_words(words, is_final=heard.is_final)
        if not words:
            text = self._overlap.new_text(heard.text, is_final=heard.is_final)
        else:
            # The text has the words' own spelling where some are left out.
            whole = len(new) == len(words)
            text = heard.text if whole else " ".join(word.word for word in new)
        if heard.text and not text:
            return None
        return replace(
            heard, text=text, words=tuple(new), audio_processed=self.moved(heard.audio_processed)
        )

    def _shifted(self, word: Word) -> Word:
        start, end = (round(seconds + self._offset, 6) for seconds in (word.start, word.end))
        return replace(word, start=start, end=end)


def end_of(final: Transcript) -> float | None:
    """Where a final ends: its last word, else what the recogniser had used; None where unsaid."""
    return final.words[-1].end if final.words else final.audio_processed
