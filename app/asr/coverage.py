"""What the finals of a session cover of its audio, and where another stream would go on.

Pure: no clock, no task. It stands between the calls of one `LastingStream`, and what it knows fits
into a `Cursor`, from which another one goes on.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from app.asr.errors import invalid
from app.asr.events import Cursor
from app.asr.seam import AHEAD_S, BACK_S, quiet_start
from app.asr.splice import Splice, end_of

if TYPE_CHECKING:
    from app.asr.events import Transcript
    from app.asr.replay import ReplayBuffer

# An interim is about speech of this segment; no recogniser sits on speech for longer before it says
# the first one.
_LOOKBACK_S = 15.0

BEGINNING = Cursor(position=0.0, covered=0.0, segment_id=0)


def checked(cursor: Cursor) -> Cursor:
    """The cursor, where a stream can begin at it.

    Raises:
        AsrError: INVALID_ARGUMENT, naming the field.
    """
    for name, seconds in (("position", cursor.position), ("covered", cursor.covered)):
        if not 0 <= seconds < math.inf:
            raise invalid(f"resume_from.{name}", seconds, "seconds, 0 or more")
    if cursor.segment_id < 0:
        raise invalid("resume_from.segment_id", cursor.segment_id, "0 or more")
    return cursor


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
        self._splice = Splice(begin)
        self._is_told = True  # whether the last final said what it covers ...
        self._covered = round(begin.covered * rate)  # ... and the sample that is
        # What was said ends before this sample, as far as the times of words tell.
        self._said_to: int | None = self._covered
        self._seam = buffer.start
        self._await_speech_from(self._seam)

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
        return max(self._seam, self._buffer.start, passed_over)

    @property
    def cursor(self) -> Cursor | None:
        """Where another session goes on; None where that would lose words."""
        if not self.is_fit:
            return None
        return Cursor(
            position=self.next_start / self._rate,
            covered=self._splice.covered,
            segment_id=self._splice.segment_id,
        )

    @property
    def lost(self) -> tuple[float, float] | None:
        """What was taken and is in no final, from and to in seconds; None for nothing."""
        due, end = self._buffer.due, self._buffer.end
        return (due / self._rate, end / self._rate) if due < end else None

    def reopened(self, start: int) -> None:
        """Another stream speaks, whose audio begins with that sample."""
        self._splice.reopened(start / self._rate)

    def note(self, heard: Transcript, sent: int) -> Transcript | None:
        """What the stream said, as the caller gets it; None where nothing of it is new.

        Args:
            heard: on the stream's own timeline.
            sent: the first sample that stream was not sent yet.
        """
        processed = self._splice.moved(heard.audio_processed)
        transcript = self._splice.transcript(heard)
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
        """The stream was told that no audio follows, and said everything.

        All audio before `at` is covered then, whether or not a final says so. Another stream begins
        in the last pause before it, not quite at `at`, so that a word cut off by it is heard whole.

        Args:
            at: the first sample that the stream was not sent.
            standing: what it said and did not make final, as a final on its own timeline.
            since: seconds on its own timeline; what stands was said about audio before that.

        Returns:
            What stood, as the caller gets it; None where nothing did.
        """
        final = None if standing is None else self._splice.transcript(standing)
        if final is not None:
            self._said_to = self._end_of_words(final, at)
            told = self._splice.moved(since)
            if self._said_to is None and told is not None:
                self._said_to = min(at, round(told * self._rate))
        self._cut(at)
        return None if final is None else replace(final, cursor=self.cursor)

    def _cut(self, at: int) -> None:
        first = at
        if self._said_to is not None:
            first = max(self._said_to, at - self._samples(AHEAD_S))
        self._seam = self._quiet_from(first, at)
        self._said_to = at if self._said_to is None else self._said_to
        self._splice.heard_at_most(at / self._rate)
        self._splice.settled(self._said_to / self._rate)
        self._is_told = True
        self._covered = max(self._covered, self._said_to)
        self._buffer.cover(self._seam)
        self._await_speech_from(self._seam)

    def _cover(self, final: Transcript, sent: int) -> None:
        self._is_told = end_of(final) is not None
        self._said_to = self._end_of_words(final, sent)
        self._splice.heard_at_most(sent / self._rate)
        self._covered = self._samples(self._splice.covered)
        self._buffer.cover(self._covered, self._covered - self._samples(BACK_S))
        self._seam = self._find_seam(final, sent)
        self._await_speech_from(self._covered)

    def _find_seam(self, final: Transcript, sent: int) -> int:
        """The pause behind a final's last word, where the times of words say where that is."""
        due = self._buffer.due
        if not final.words or due > self._covered:
            return max(self._seam, due)
        last = min(sent, due + self._samples(AHEAD_S))
        if final.audio_processed is not None:
            last = min(last, max(due, self._samples(final.audio_processed)))
        return self._quiet_from(due - self._samples(BACK_S), last)

    def _quiet_from(self, first: int, last: int) -> int:
        """The first quiet sample between two, never before an earlier one or what is held."""
        first = max(first, self._seam, self._buffer.start)
        return first + quiet_start(self._buffer.held(first, last), self._rate)

    def _end_of_words(self, final: Transcript, sent: int) -> int | None:
        return min(sent, self._samples(final.words[-1].end)) if final.words else None

    def _samples(self, seconds: float) -> int:
        return round(seconds * self._rate)

    def _await_speech_from(self, sample: int) -> None:
        if not self._interims:
            self._buffer.opened(sample)
