"""The bounded way of audio from the socket to the recogniser."""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from time import monotonic


class AudioQueue:
    """Holds at most so many seconds of audio between one producer and one consumer.

    The producer waits while it is full, and with it the socket: TCP then tells the client. The
    consumer takes everything that waits in one piece, up to a limit, so that small client messages
    cost one upstream message when the gateway is busy and no delay when it is not.

    Args:
        max_seconds: Bound on what waits here.
        bytes_per_second: Of the PCM16 that is queued.
        max_piece_bytes: Largest piece handed to the consumer, except that one queued piece is never
            cut.
    """

    def __init__(self, max_seconds: float, bytes_per_second: int, max_piece_bytes: int) -> None:
        self._max_bytes = int(max_seconds * bytes_per_second)
        self._bytes_per_second = bytes_per_second
        self._max_piece_bytes = max_piece_bytes
        self._pieces: deque[bytes] = deque()
        self._queued_bytes = 0
        self._handed_bytes = 0
        self._marks: deque[tuple[int, Callable[[], None]]] = deque()
        self._ended = False
        self._consumer: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    @property
    def seconds(self) -> float:
        """Seconds of audio waiting."""
        return self._queued_bytes / self._bytes_per_second

    @property
    def handed_seconds(self) -> float:
        """Seconds of audio the recogniser has taken."""
        return self._handed_bytes / self._bytes_per_second

    @property
    def full(self) -> bool:
        """Whether `put` would wait."""
        return self._queued_bytes >= self._max_bytes and not self._ended

    @property
    def ended(self) -> bool:
        """Whether what is put is dropped."""
        return self._ended

    async def put(self, piece: bytes) -> None:
        """Queue a piece, waiting for room. The caller sets the deadline.

        What is put after the end is dropped: the end may come while a producer waits.
        """
        while self.full:
            self._room.clear()
            await self._room.wait()
        self.put_now(piece)

    def put_now(self, piece: bytes) -> None:
        """Queue a piece without waiting: where there is room, or for the last few milliseconds."""
        if piece and not self._ended:
            self._pieces.append(piece)
            self._queued_bytes += len(piece)
            self._wake_consumer()

    def mark(self, reached: Callable[[], None]) -> None:
        """Call back as soon as the consumer has taken and used all that was put so far."""
        self._marks.append((self._handed_bytes + self._queued_bytes, reached))
        self._wake_consumer()

    def end(self) -> None:
        """Say that nothing follows; what is queued is still handed out."""
        self._ended = True
        self._wake_consumer()
        self._room.set()

    def _wake_consumer(self) -> None:
        if self._consumer is not None and not self._consumer.done():
            self._consumer.set_result(None)

    def __aiter__(self) -> "AudioQueue":
        return self

    async def __anext__(self) -> bytes:
        if self._marks:
            self._pass_marks()
        while not self._pieces:
            if self._ended:
                raise StopAsyncIteration
            # There is one consumer: a future does, where an event keeps a list of waiters.
            self._consumer = asyncio.get_running_loop().create_future()
            await self._consumer
            self._pass_marks()
        taken = [self._pieces.popleft()]
        size = len(taken[0])
        most = self._max_piece_bytes
        if self._marks:
            # The consumer comes back at the mark, not with a piece from behind it.
            most = min(most, self._marks[0][0] - self._handed_bytes)
        while self._pieces and size + len(self._pieces[0]) <= most:
            taken.append(self._pieces.popleft())
            size += len(taken[-1])
        self._queued_bytes -= size
        self._handed_bytes += size
        if self._queued_bytes < self._max_bytes:
            self._room.set()
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _pass_marks(self) -> None:
        while self._marks and self._marks[0][0] <= self._handed_bytes:
            self._marks.popleft()[1]()


class ArrivalClock:
    """Knows when a position of the audio arrived, to tell how old a result is.

    Args:
        origin: Position of the first audio to arrive, in seconds.
        marks: How many arrivals are remembered; older ones are forgotten.
    """

    def __init__(self, origin: float = 0.0, marks: int = 1024) -> None:
        self._positions: deque[float] = deque(maxlen=marks)
        self._times: deque[float] = deque(maxlen=marks)
        self.seconds = origin
        self.first_arrival: float | None = None

    def arrived(self, seconds: float) -> None:
        """Note that so many more seconds of audio arrived now."""
        now = monotonic()
        if self.first_arrival is None:
            self.first_arrival = now
        self.seconds += seconds
        self._positions.append(self.seconds)
        self._times.append(now)

    def age(self, position: float) -> float:
        """Return the seconds since the audio at a position (seconds) came; 0 before any audio."""
        if not self._times:
            return 0.0
        # What lies before the position will not be asked for again.
        index = min(bisect_left(self._positions, position - 1e-6), len(self._times) - 1)
        for _ in range(index):
            self._positions.popleft()
            self._times.popleft()
        return max(0.0, monotonic() - self._times[0])
