"""Arrival times of audio, from which the age of a result follows."""

from bisect import bisect_left
from collections import deque
from time import monotonic


class ArrivalClock:
    """Remembers when each position of the audio arrived.

    Args:
        origin: Position of the first audio to arrive, in seconds.
        marks: How many arrivals are remembered; older ones are forgotten.
    """

    def __init__(self, origin: float = 0.0, marks: int = 1024) -> None:
        self._positions: deque[float] = deque(maxlen=marks)
        self._times: deque[float] = deque(maxlen=marks)
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

    def age(self, position: float) -> float:
        """Return the seconds since the audio at a position arrived; 0 before any audio."""
        if not self._times:
            return 0.0
        # Earlier positions are not asked for again.
        index = min(bisect_left(self._positions, position - 1e-6), len(self._times) - 1)
        for _ in range(index):
            self._positions.popleft()
            self._times.popleft()
        return max(0.0, monotonic() - self._times[0])
