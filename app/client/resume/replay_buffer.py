"""The audio of a session that is in no final yet: what another connection has to hear again.

A pure container: no clock, no task. Places are counted in bytes from the session's first one;
positions are seconds, as the contract has them.

Invariants, which the stateful test checks:

* the bytes from `start` to `end` are held as they came;
* a byte is let go only by `forget`, and `end` never goes back.
"""


class ReplayBuffer:
    """A stretch of a session's audio that grows at its end and shrinks at its start.

    Args:
        sample_rate: Samples per second.
        frame_bytes: Bytes of one sample of all channels.
        limit_s: Seconds of audio for which `room` is reckoned.
    """

    def __init__(self, *, sample_rate: int, frame_bytes: int, limit_s: float) -> None:
        self._rate = sample_rate
        self._frame = frame_bytes
        self.limit = max(frame_bytes, self.place(limit_s))
        """Bytes for which `room` is reckoned."""
        self._held = bytearray()
        self.start = 0
        """Place of the first byte held."""

    @property
    def end(self) -> int:
        """One past the last byte that came."""
        return self.start + len(self._held)

    @property
    def room(self) -> int:
        """Bytes that may be added before the limit is reached."""
        return max(0, self.limit - len(self._held))

    @property
    def bytes_per_s(self) -> int:
        """Bytes of one second."""
        return self._rate * self._frame

    @property
    def start_s(self) -> float:
        """Position of the first byte held."""
        return self.start / self.bytes_per_s

    @property
    def end_s(self) -> float:
        """Position of the end of what came."""
        return self.end / self.bytes_per_s

    def place(self, position: float) -> int:
        """Return where a position's sample begins; the nearest one, as positions are rounded."""
        return round(position * self._rate) * self._frame

    def append(self, audio: bytes) -> None:
        """Audio came, of any length; a sample may come in two parts."""
        self._held += audio

    def forget(self, place: int) -> None:
        """Let go of everything before a place; of nothing where that was let go already."""
        going = min(place, self.end) - self.start
        if going > 0:
            del self._held[:going]
            self.start += going

    def read(self, place: int, most: int) -> bytes:
        """Return at most so many bytes from a place on; none at the end.

        Raises:
            ValueError: That place is not held.
        """
        if not self.start <= place <= self.end:
            raise ValueError(f"byte {place} is not held; held are {self.start} to {self.end}")
        first = place - self.start
        return bytes(self._held[first : first + most])
