"""When what was sent and what came back, on one monotonic clock."""

from collections.abc import Callable, Iterator
from time import monotonic

from ..contract.dialect_a import Partial, Transcription
from .events import Event, Reconnected


class Timeline:
    """The moments of one session that latencies are reckoned from.

    Args:
        chunk_s: Length of the audio messages in seconds.
        clock: Monotonic seconds.
    """

    def __init__(self, *, chunk_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._chunk_s = chunk_s
        self._clock = clock
        self._sent_at: list[float] = []
        self.first_interim_at: float | None = None
        self.finals: list[tuple[float, Transcription]] = []
        self.reconnects: list[Reconnected] = []
        self.stop_at: float | None = None
        self.stopped_at: float | None = None

    def sent(self) -> None:
        """The next audio message went out."""
        self._sent_at.append(self._clock())

    def heard(self, event: Event) -> None:
        """An event came. An interim without text is no sign of anything heard."""
        now = self._clock()
        if isinstance(event, Transcription):
            self.finals.append((now, event))
        elif isinstance(event, Reconnected):
            self.reconnects.append(event)
        elif isinstance(event, Partial) and event.text.strip() and self.first_interim_at is None:
            self.first_interim_at = now

    def stopping(self) -> None:
        """The end is being asked for."""
        self.stop_at = self._clock()

    def stopped(self) -> None:
        """The gateway said that nothing more comes."""
        self.stopped_at = self._clock()

    @property
    def begun_at(self) -> float | None:
        """When the first audio went out, None when none did."""
        return self._sent_at[0] if self._sent_at else None

    @property
    def last_final_after_stop_at(self) -> float | None:
        """When the last final came, None unless it came after the end was asked for."""
        if not self.finals or self.stop_at is None:
            return None
        at = self.finals[-1][0]
        return at if at >= self.stop_at else None

    def sent_of(self, audio_s: float) -> float | None:
        """When the message went out that holds the audio of a moment, None when none does."""
        index = int(audio_s / self._chunk_s)
        return self._sent_at[index] if 0 <= index < len(self._sent_at) else None

    def final_lags(self) -> Iterator[float]:
        """Yield the seconds from the sending of a final's last word to its arrival.

        Only finals that name words and came before the stop say how long end-pointing takes.
        """
        for at, final in self.finals:
            if not final.words or (self.stop_at is not None and at >= self.stop_at):
                continue
            sent = self.sent_of(final.words[-1].end)
            if sent is not None:
                yield at - sent


def span(begun: float | None, ended: float | None) -> float | None:
    """Seconds between two moments, None where either was not seen."""
    return None if begun is None or ended is None else ended - begun
