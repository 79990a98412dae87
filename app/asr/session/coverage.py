"""What the finals of a session cover of its audio, and where another stream would go on.

Several calls' transcripts become one on the way: numbers and times go on. Pure: no clock, no task.
It stands between the calls of one session, and what it knows fits into a `Cursor`, from which
another one goes on.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from app.asr.errors import invalid
from app.asr.events import Cursor
from app.asr.session.overlap import Overlap, last_word
from app.asr.session.restart import (
    AHEAD_S,
    BACK_S,
    AudioWindow,
    restart_after,
    restart_at_cut,
    restart_at_used,
)

if TYPE_CHECKING:
    from app.asr.events import LastWord, Transcript, Word
    from app.asr.session.buffer import ReplayBuffer
    from app.asr.session.restart import RestartPoint

# An interim is about speech of this segment; no recogniser sits on speech for longer before it says
# the first one.
_LOOKBACK_S = 15.0

BEGINNING = Cursor(position=0.0, covered=0.0, segment_id=0)


def checked(cursor: Cursor) -> Cursor:
    """Return the cursor, where a stream can begin at it.

    Raises:
        AsrError: INVALID_ARGUMENT, naming the field.
    """
    for name, seconds in (("position", cursor.position), ("covered", cursor.covered)):
        if not 0 <= seconds < math.inf:
            raise invalid(f"resume_from.{name}", seconds, "seconds, 0 or more")
    again = cursor.again
    if again is not None and not 0 <= again.start < math.inf:
        raise invalid("resume_from.again.start", again.start, "seconds, 0 or more")
    if cursor.segment_id < 0:
        raise invalid("resume_from.segment_id", cursor.segment_id, "0 or more")
    return cursor


class TranscriptMerger:
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
        """Put a moment of the open stream on the caller's timeline."""
        return None if seconds is None else round(seconds + self._offset, 3)

    def transcript(self, heard: Transcript) -> Transcript | None:
        """Return the transcript as the caller gets it; None when nothing of it is new."""
        new = heard if self._is_first else self._merged(heard)
        if new is None:
            return None
        if new.segment_id != self._segment_id:
            new = replace(new, segment_id=self._segment_id)
        if new.is_final:
            self._segment_id += 1
            self._covered = max(self._covered, end_of(new) or 0.0)
        return new

    def _merged(self, heard: Transcript) -> Transcript | None:
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


class Coverage:
    """The audio and what was said about it.

    Args:
        buffer: the audio no final covers; it begins at `begin`.
        rate: Hz.
        begin: where the session goes on.
        interims: whether the recogniser was asked for them: its silence means nothing otherwise.
    """

    def __init__(self, buffer: ReplayBuffer, rate: int, begin: Cursor, *, interims: bool) -> None:
        self._buffer = buffer
        self._rate = rate
        self._interims = interims
        self._merger = TranscriptMerger(begin)
        self._is_told = True  # whether the last final said what it covers ...
        self._covered = round(begin.covered * rate)  # ... and the sample that is
        # What was said ends before this sample, as far as the times of words tell; and with what.
        self._said_to: int | None = self._covered
        self._last = begin.again
        self._last_from = None if begin.again is None else round(begin.again.start * rate)
        self._restart = buffer.start
        self._again = begin.again  # the last word, where it lies behind the restart
        self._await_speech_from(self._restart)

    @property
    def covered(self) -> int:
        """The sample the finals end at, as they say."""
        return self._covered

    @property
    def is_fit(self) -> bool:
        """Whether everything that no final covers is known and held."""
        return self._is_told and self._buffer.is_whole

    @property
    def next_start(self) -> int:
        """The sample another stream would begin with, where this is fit for one."""
        due = self._buffer.due
        passed_over = due if due > self._covered else 0
        return max(self._restart, self._buffer.start, passed_over)

    @property
    def cursor(self) -> Cursor | None:
        """Where another session goes on; None where that would lose words."""
        if not self.is_fit:
            return None
        return Cursor(
            position=self.next_start / self._rate,
            covered=self._merger.covered,
            segment_id=self._merger.segment_id,
            again=self._heard_again,
        )

    @property
    def _heard_again(self) -> LastWord | None:
        return self._again if self.next_start < self._covered else None

    @property
    def lost(self) -> tuple[float, float] | None:
        """What was taken and is in no final, from and to in seconds; None for nothing."""
        due, end = self._buffer.due, self._buffer.end
        return (due / self._rate, end / self._rate) if due < end else None

    def begins_to_speak(self, sample: int) -> bool:
        """Say whether somebody has just begun to speak there: a cut might cut a word in two."""
        return self._window(sample, sample).begins_to_speak

    def reopened(self, start: int) -> None:
        """Note that another stream speaks, whose audio begins with that sample."""
        self._merger.reopened(start / self._rate, self._heard_again)

    def note(self, heard: Transcript, sent: int) -> Transcript | None:
        """Return what the stream said, as the caller gets it; None where nothing of it is new.

        Args:
            heard: on the stream's own timeline.
            sent: the first sample that stream was not sent yet.
        """
        processed = self._merger.moved(heard.audio_processed)
        transcript = self._merger.transcript(heard)
        if not heard.is_final:
            told = 0.0 if processed is None else processed - _LOOKBACK_S
            self._buffer.opened(round(told * self._rate))
            return transcript
        if transcript is None:
            return None
        self._cover(transcript, sent)
        return replace(transcript, cursor=self.cursor)

    def end(
        self, at: int, standing: Transcript | None = None, since: float | None = None
    ) -> Transcript | None:
        """Note that the stream was told that no audio follows, and said everything.

        All audio before `at` is covered then, whether or not a final says so. Another stream begins
        in the last pause before it, not quite at `at`, so that a word cut off by it is heard whole.

        Args:
            at: the first sample that the stream was not sent.
            standing: what it said and did not make final, as a final on its own timeline.
            since: seconds on its own timeline; what stands was said about audio before that.

        Returns:
            What stood, as the caller gets it; None where nothing did.
        """
        final = None if standing is None else self._merger.transcript(standing)
        if final is not None:
            self._note_end(final, at)
            told = self._merger.moved(since)
            if self._said_to is None and told is not None:
                self._said_to = min(at, round(told * self._rate))
        self._cut(at)
        return None if final is None else replace(final, cursor=self.cursor)

    def _cut(self, at: int) -> None:
        self._merger.heard_at_most(at / self._rate)
        heard = self._window(at, at)
        self._join(restart_at_cut(heard, self._last_from, self._said_to))
        self._is_told = True
        self._buffer.cover(max(self._restart, self._covered), self._restart)
        self._await_speech_from(self._restart)

    def _cover(self, final: Transcript, sent: int) -> None:
        self._is_told = end_of(final) is not None
        self._note_end(final, sent)
        self._merger.heard_at_most(sent / self._rate)
        end = self._samples(self._merger.covered)
        if self._last_from is not None and self._said_to == end:
            used = final.audio_processed
            decided = None if used is None else self._samples(used)
            heard = self._window(end, sent)
            self._join(restart_after(heard, self._last_from, end, decided))
        else:
            self._covered, self._again = end, None
            self._restart = max(self._restart, restart_at_used(self._window(end, end)))
        self._buffer.cover(self._covered, self._restart)
        self._await_speech_from(self._covered)

    def _join(self, point: RestartPoint) -> None:
        """Take over where the next stream begins, and where what was said ends by that."""
        self._restart = max(point.start, self._restart)
        self._again = self._last if point.again else None
        self._covered = self._said_to = max(self._covered, point.covered)
        self._merger.heard_at_most(self._covered / self._rate)
        self._merger.settled(self._covered / self._rate)

    def _window(self, end: int, sent: int) -> AudioWindow:
        """Return the held audio around the end of what was said, from the last restart on."""
        first = max(end - self._samples(BACK_S), self._restart, self._buffer.start)
        last = min(sent, end + self._samples(AHEAD_S))
        return AudioWindow(self._buffer.held(first, last), first, self._rate)

    def _note_end(self, final: Transcript, sent: int) -> None:
        self._last = last_word(final.words)
        if not final.words:
            self._last_from = self._said_to = None
            return
        last = final.words[-1]
        self._last_from = self._samples(last.start)
        self._said_to = min(sent, self._samples(last.end))

    def _samples(self, seconds: float) -> int:
        return round(seconds * self._rate)

    def _await_speech_from(self, sample: int) -> None:
        if not self._interims:
            self._buffer.opened(sample)
