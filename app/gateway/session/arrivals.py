"""Arrival times of audio, from which the age of a result follows."""

from array import array
from bisect import bisect_left
from time import monotonic


class ArrivalClock:
    """Remembers when each position of the audio arrived.

    Args:
        origin: Position of the first audio to arrive, in seconds.
        marks: How many arrivals are remembered at least, twice as many at most; 4096 of 20 ms are
            80 s, and no speech goes on for longer without a final.
    """

    def __init__(self, origin: float = 0.0, marks: int = 4096) -> None:
        self._marks = marks
        self._origin = origin
        # Eight bytes a mark: a session that is long has thousands.
        self._positions = array("d")
        self._times = array("d")
        self._known_from = origin
        self.seconds = origin
        self.first_arrival: float | None = None

    def arrived(self, seconds: float, at: float | None = None) -> None:
        """Note that so many more seconds of audio arrived, at a time; None for now."""
        now = monotonic() if at is None else at
        if self.first_arrival is None:
            self.first_arrival = now
        self.seconds += seconds
        self._positions.append(self.seconds)
        self._times.append(now)
        if len(self._times) >= 2 * self._marks:
            self._known_from = self._positions[self._marks - 1]
            del self._positions[: self._marks], self._times[: self._marks]

    def age(self, position: float) -> float:
        """Return the seconds since the audio at a position arrived; 0 before any audio."""
        if not self._times:
            return 0.0
        return max(0.0, monotonic() - self._times[self._index(position)])

    def at(self, position: float) -> float | None:
        """Return when the audio at a position arrived, by the monotonic clock; None if unknown."""
        if not self._times or position < self._known_from:
            return None
        return self._times[self._index(position)]

    def is_real_time(self, slack: float = 1.0) -> bool:
        """Return whether the audio came no faster than it was spoken, so much of it at once."""
        if self.first_arrival is None:
            return False
        return self.seconds - self._origin <= self._times[-1] - self.first_arrival + slack

    def _index(self, position: float) -> int:
        return min(bisect_left(self._positions, position - 1e-6), len(self._times) - 1)
