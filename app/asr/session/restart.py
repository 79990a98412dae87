"""Where a reopened stream begins: in the pause behind the last word that is final, or before it.

The times of words are the recogniser's guess. The audio itself knows better where a word ends, but
only where somebody pauses: the moment before a "d" is as quiet as a pause, only shorter. So a pause
is what stays quiet for `PAUSE_S`. Where the guess lies in one, the stream begins in it, and no word
is heard again. Everywhere else it begins before the last word. That one is heard again, whole,
which makes it easy to recognise and to leave out (`overlap`); a stream that began at the
guess might lose the next word, or hear a piece of the last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from app.pcm import samples_of

Powers: TypeAlias = npt.NDArray[np.float64]

# Longer than the stop inside a word ("Thurs-day": 60 ms; doubled consonants reach 180 ms), and
# below the silence that ends a segment (560 ms and more is advised).
PAUSE_S = 0.2
# A guess this close to a pause is at its edge: less than the shortest word lies between.
NEAR_S = 0.06
# A word was seen to go on for 0.3 s after the end that its recogniser guessed.
LATE_S = 0.5
# A word that began so shortly before a cut may not have been said.
BEGUN_S = 0.3
# So much of the speech before the guess is heard again at least, and at most.
LEAST_AGAIN_S, MOST_AGAIN_S = 0.3, 1.0
# The audio that is looked at begins so long before the guess, and ends so long behind it.
BACK_S, AHEAD_S = 1.5, 5.0
# Inside a pause a stream keeps so far from its edges: the ends of words are soft.
_EDGE_S = 0.1
# Where there is no pause, the quietest moment within so long before the place.
_MARGIN_S = 0.15
_FRAME_S = 0.02
# 6 dB above the quietest frame, or 30 dB below the loudest, is quiet.
_ABOVE_FLOOR, _BELOW_PEAK = 4.0, 1e-3
# Speech is 10 dB louder than its pauses, or its energy says nothing; below a mean amplitude of 10
# there is none.
_CONTRAST, _NO_SOUND = 10.0, 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Quiet audio: its first sample and one past its last."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPoint:
    """Where the next stream begins.

    Attributes:
        start: its first sample.
        covered: one past the last sample of what was said, as guess and audio say together.
        again: whether the last word that was said lies behind `start` and is heard again.
    """

    start: int
    covered: int
    again: bool


class AudioWindow:
    """The audio around the end of what was said.

    Args:
        pcm: PCM16 little-endian mono.
        first: the number of its first sample.
        rate: Hz.
    """

    def __init__(self, pcm: bytes, first: int, rate: int) -> None:
        samples = samples_of(pcm)
        self._frame = max(1, round(rate * _FRAME_S))
        self._samples = samples
        self._power = self._powers(samples)
        self.first, self.last = first, first + len(samples)
        self._rate = rate

    def samples(self, seconds: float) -> int:
        """So many samples are that long."""
        return round(seconds * self._rate)

    def pauses(self) -> list[Pause]:
        """Every pause in it, in order; none where speech and silence cannot be told apart."""
        quiet = self._quiet()
        edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False))
        least = self.samples(PAUSE_S)
        found = []
        for begin, end in edges.reshape(-1, 2).tolist():
            first = self.first + begin * self._frame
            # What is left over after the last whole frame goes with it.
            last = self.last if end == len(quiet) else self.first + end * self._frame
            if last - first >= least:
                found.append(Pause(first=first, last=last))
        return found

    def _quiet(self) -> npt.NDArray[np.bool_]:
        power = self._power
        if not len(power):
            return np.zeros(0, bool)
        peak = float(power.max())
        limit = max((float(power.min()) + 1.0) * _ABOVE_FLOOR, peak * _BELOW_PEAK)
        if peak <= _NO_SOUND:
            return np.ones(len(power), bool)
        if peak < limit * _CONTRAST:
            return np.zeros(len(power), bool)
        return power <= limit

    @property
    def begins_to_speak(self) -> bool:
        """Whether somebody has begun to speak after a pause, and not paused again."""
        pauses = self.pauses()
        return bool(pauses) and pauses[-1].last < self.last

    def quiet_first(self, first: int, last: int) -> int:
        """Return the start of the first frame between two samples that is about the quietest.

        `first` where no frame fits between.
        """
        first = max(first, self.first)
        power = self._powers(self._samples[first - self.first : max(0, last - self.first)])
        if not len(power):
            return first
        quiet = power <= (power.min() + 1.0) * _ABOVE_FLOOR
        return first + int(np.argmax(quiet)) * self._frame

    def _powers(self, samples: npt.NDArray[np.int16]) -> Powers:
        count = len(samples) // self._frame
        frames = samples[: count * self._frame].astype(np.float64).reshape(count, self._frame)
        power: Powers = np.square(frames).mean(axis=1)
        return power


def restart_after(
    heard: AudioWindow, start: int, end: int, decided: int | None = None
) -> RestartPoint:
    """Where a stream begins after a final.

    Args:
        heard: the audio around the final's end that the recogniser was sent.
        start: where its last word begins, as the recogniser guesses.
        end: and where it ends.
        decided: what the recogniser had used when it said the final; None where it did not say.
    """
    pauses = heard.pauses()
    pause = _touching(heard, pauses, start, end)
    if pause is not None:
        return _within(heard, pause, end)
    place = _before_word(heard, pauses, start, end)
    ended_by = None if decided is None else _that_ended_it(heard, pauses, end, decided)
    return RestartPoint(
        start=place, covered=end if ended_by is None else ended_by.first, again=True
    )


def restart_at_cut(heard: AudioWindow, start: int | None, end: int | None) -> RestartPoint:
    """Where a stream begins after one whose audio was cut, and which has said everything.

    Only a word that began before the cut may not have been said.

    Args:
        heard: the audio up to the cut.
        start: where the last word that was said begins, as the recogniser guesses; None where it
            gave no times of words.
        end: one past the last sample of what was said; None where that is not known.
    """
    cut, near = heard.last, heard.samples(NEAR_S)
    begun = cut - heard.samples(BEGUN_S)
    covered = cut if end is None else min(end, cut)
    pauses = heard.pauses()
    pause = pauses[-1] if pauses else None
    if pause is not None and pause.last >= (begun if end is None else end):
        # Its time may be off by so much that it is the word that began behind the pause.
        unsure = start is not None and start > pause.first + near
        found = _inside(heard, pause, pause.last)
        if end is not None and not unsure:
            covered = min(covered, found)
        return RestartPoint(start=found, covered=covered, again=unsure and found < covered)
    if start is None or end is None or end < begun - heard.samples(LATE_S):
        first = begun if end is None else max(begun, end)
        return RestartPoint(start=heard.quiet_first(first, cut), covered=covered, again=False)
    if end + near >= cut:
        # It was cut behind the word, or inside it: then its second half is a word of its own.
        return RestartPoint(start=heard.quiet_first(end, cut), covered=covered, again=False)
    place = _before_word(heard, pauses, start, end)
    return RestartPoint(start=place, covered=covered, again=True)


def restart_at_used(heard: AudioWindow) -> int:
    """Where a stream begins after a final without word times: in the pause it was said in.

    A word may have begun since. Where nobody paused, it begins where the recogniser was.

    Args:
        heard: the audio up to what the recogniser says it had used.
    """
    pauses = heard.pauses()
    if pauses and pauses[-1].last >= heard.last - heard.samples(BEGUN_S):
        return _inside(heard, pauses[-1], pauses[-1].last)
    return heard.last


def _touching(heard: AudioWindow, pauses: list[Pause], start: int, end: int) -> Pause | None:
    """Return the pause in which the word ends; if it begins there too, it may lie before it."""
    near = heard.samples(NEAR_S)
    found = (p for p in pauses if start - near <= p.first <= end + near and end <= p.last)
    return next(found, None)


def _that_ended_it(heard: AudioWindow, pauses: list[Pause], end: int, decided: int) -> Pause | None:
    """Return the silence that ended the segment for the recogniser, a little behind `end`."""
    reach = min(decided, heard.last) - heard.samples(_FRAME_S)
    latest = end + heard.samples(LATE_S)
    return next((p for p in pauses if end < p.first <= latest and reach <= p.last), None)


def _within(heard: AudioWindow, pause: Pause, end: int) -> RestartPoint:
    start = _inside(heard, pause, end)
    # Nothing that was said is heard again, so nothing that is heard was said, whatever its times.
    return RestartPoint(start=start, covered=min(max(end, pause.first), start), again=False)


def _inside(heard: AudioWindow, pause: Pause, sample: int) -> int:
    edge = heard.samples(_EDGE_S)
    return min(max(sample, pause.first + edge), pause.last - edge)


def _before_word(heard: AudioWindow, pauses: list[Pause], start: int, end: int) -> int:
    """In a pause before the last word or, where none is near, at the quietest moment."""
    place = min(start, end - heard.samples(LEAST_AGAIN_S))
    place = max(place, end - heard.samples(MOST_AGAIN_S), heard.first)
    earliest = place - heard.samples(LEAST_AGAIN_S)
    for pause in reversed(pauses):
        if pause.first < place and earliest <= (found := _inside(heard, pause, place)) <= place:
            return found
    return heard.quiet_first(place - heard.samples(_MARGIN_S), place)
