"""The audio of a session that is in no final yet, for replay on another connection.

Places are bytes from the session's first one; positions are seconds, as in the contract.
"""


class ReplayBuffer:
    """A span of a session's audio that grows at its end and shrinks at its start.

    Args:
        sample_rate: Samples per second.
        frame_bytes: Bytes of one sample of all channels.
        limit_s: Seconds of audio for which there is `room`.
    """

    def __init__(self, *, sample_rate: int, frame_bytes: int, limit_s: float) -> None:
        self._rate = sample_rate
        self._frame = frame_bytes
        self.limit = max(frame_bytes, self.place(limit_s))
        """The same in bytes."""
        self._held = bytearray()
        self.start = 0
        """Place of the first byte held."""

    @property
    def end(self) -> int:
        """Place after the last byte."""
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
        """Position of the end."""
        return self.end / self.bytes_per_s

    def place(self, position: float) -> int:
        """Return the place of the sample nearest to a position."""
        return round(position * self._rate) * self._frame

    def append(self, audio: bytes) -> None:
        """Append audio of any length; a sample may come in two parts."""
        self._held += audio

    def forget(self, place: int) -> None:
        """Discard everything before a place; nothing where that was done already."""
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
