"""Where segments begin and end: a pure function of speech probabilities and loudness per frame.

Nothing here knows about clocks, chunks or decoding, so a stream has the same segments however it
was sent. The numbers were measured with Silero v6 on real speech and on noise (docs/adr/0202).
"""

import math
from collections import deque
from dataclasses import dataclass, replace

RATE = 16_000
FRAME = 512  # samples; what Silero takes at 16 kHz
_FRAMES_PER_SECOND = RATE / FRAME


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """When speech counts as begun and ended. Seconds, and probabilities in 0..1.

    Attributes:
        on_threshold: A frame at or above it is speech while the gate is shut.
        on_seconds: So much speech without a break opens the gate.
        off_threshold: A frame below it is silence while the gate is open.
        stop_seconds: So much silence without a break ends the segment.
        pre_roll: Audio kept from before the onset.
        tail: Audio kept from after the last speech.
        longest: A segment of this length is cut at the quietest frame of its second half.
    """

    on_threshold: float = 0.5
    on_seconds: float = 0.1
    off_threshold: float = 0.35
    stop_seconds: float = 0.6
    pre_roll: float = 0.4
    tail: float = 0.3
    longest: float = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A closed stretch of speech, in samples from the beginning of the stream.

    Attributes:
        start: First sample to decode.
        end: One past the last sample to decode.
        decided: One past the last sample that had to be heard to know the end.
        forced: Whether it was cut for its length rather than ended by silence.
    """

    start: int
    end: int
    decided: int
    forced: bool = False

    def within(self, samples: int) -> "Segment":
        """Return the same segment in a stream of this length, whose last frame was filled up."""
        return replace(self, end=min(self.end, samples), decided=min(self.decided, samples))


def _frames(seconds: float) -> int:
    return max(1, math.ceil(round(seconds * _FRAMES_PER_SECOND, 6)))


class Segmenter:
    """Follows one stream frame by frame.

    Args:
        rules: When speech begins and ends.
    """

    def __init__(self, rules: GateRules) -> None:
        self._rules = rules
        self._on_frames = _frames(rules.on_seconds)
        self._stop_frames = _frames(rules.stop_seconds)
        self._pre_roll = _frames(rules.pre_roll)
        self._tail = _frames(rules.tail)
        self._longest = _frames(rules.longest)
        self._frame = 0  # index of the next frame
        self._free_from = 0  # first frame that no closed segment holds
        self._run = 0  # speech frames without a break while the gate is shut
        self._start: int | None = None  # first frame of the open segment
        self._last_speech = 0  # latest speech frame of the open segment
        self._loudness: deque[float] = deque(maxlen=self._longest)

    @property
    def open_from(self) -> int | None:
        """First sample of the open segment; None while the gate is shut."""
        return None if self._start is None else self._start * FRAME

    @property
    def needed_from(self) -> int:
        """The oldest sample that a segment can still begin with."""
        if self._start is not None:
            return self._start * FRAME
        return max(self._free_from, self._frame - self._run - self._pre_roll) * FRAME

    def push(self, probability: float, loudness: float) -> Segment | None:
        """Process the next frame.

        Args:
            probability: That the frame holds speech, 0..1.
            loudness: Any measure that grows with the frame's energy.

        Returns:
            The segment that this frame closes, if it does.
        """
        self._loudness.append(loudness)
        self._frame += 1
        if self._start is None:
            self._listen(probability)
            return None
        if probability >= self._rules.off_threshold:
            self._last_speech = self._frame - 1
        if self._frame - 1 - self._last_speech >= self._stop_frames:
            return self._close(self._end_by_silence())
        if self._frame - self._start >= self._longest:
            return self._cut()
        return None

    def finish(self, samples: int) -> Segment | None:
        """Close the open segment at the end of the stream.

        Args:
            samples: Length of the stream; the last frame may reach beyond it, filled up.
        """
        if self._start is None:
            return None
        return self._close(self._end_by_silence()).within(samples)

    def _listen(self, probability: float) -> None:
        self._run = self._run + 1 if probability >= self._rules.on_threshold else 0
        if self._run < self._on_frames:
            return
        onset = self._frame - self._run
        self._start = max(self._free_from, onset - self._pre_roll)
        self._last_speech = self._frame - 1
        self._run = 0

    def _end_by_silence(self) -> int:
        return min(self._frame, self._last_speech + 1 + self._tail)

    def _close(self, end: int) -> Segment:
        start = self._start or 0
        self._start = None
        self._run = 0
        self._free_from = end
        return Segment(start=start * FRAME, end=end * FRAME, decided=self._frame * FRAME)

    def _cut(self) -> Segment:
        """Cut at the quietest frame of the second half; what follows is a segment of its own."""
        second_half = list(self._loudness)[-(self._longest // 2) :]
        quietest = min(range(len(second_half)), key=second_half.__getitem__)
        cut = self._frame - len(second_half) + quietest + 1
        segment = self._close(cut)
        if self._last_speech >= cut:
            self._start = cut
        return Segment(start=segment.start, end=segment.end, decided=segment.decided, forced=True)
