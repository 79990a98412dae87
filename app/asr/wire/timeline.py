"""Two clocks of one stream: the audio the recogniser counts, and the audio the caller sent.

They differ by the silence that keeps an idle stream alive: it is audio to the recogniser and
nothing to the caller.
"""

from __future__ import annotations

from bisect import bisect_right


class Timeline:
    """Maps seconds of the recogniser's audio to seconds of the caller's.

    Args:
        sample_rate: Hz; positions are kept in whole samples so that nothing drifts.
    """

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._caller_samples = 0
        self._silent_samples = 0
        # One entry a pause, however often silence is sent in it: where it starts on the
        # recogniser's clock ...
        self._starts: list[int] = []
        # ... and how much silence lies before its end.
        self._totals: list[int] = []

    @property
    def caller_seconds(self) -> float:
        """Audio of the caller sent so far."""
        return self._caller_samples / self._rate

    @property
    def silent_seconds(self) -> float:
        """Silence of ours sent so far."""
        return self._silent_samples / self._rate

    def sent_seconds(self) -> float:
        """Return all audio the recogniser was sent so far."""
        return (self._caller_samples + self._silent_samples) / self._rate

    def add_audio(self, samples: int) -> None:
        """Count audio of the caller that was sent."""
        self._caller_samples += samples

    def add_silence(self, samples: int) -> None:
        """Count silence of ours that was sent."""
        start = self._caller_samples + self._silent_samples
        self._silent_samples += samples
        same_pause = bool(self._starts) and start == self._pause_end()
        if same_pause:
            self._totals[-1] = self._silent_samples
        else:
            self._starts.append(start)
            self._totals.append(self._silent_samples)

    def _pause_end(self) -> int:
        before = self._totals[-2] if len(self._totals) > 1 else 0
        return self._starts[-1] + self._totals[-1] - before

    def to_caller(self, seconds: float) -> float:
        """Return the caller's time of a moment on the recogniser's clock.

        A moment inside silence of ours is the moment at which the caller's audio paused.
        """
        index = bisect_right(self._starts, seconds * self._rate) - 1
        if index < 0:
            return seconds
        paused_at = self._starts[index] - (self._totals[index - 1] if index else 0)
        return round(max(paused_at, seconds * self._rate - self._totals[index]) / self._rate, 6)
