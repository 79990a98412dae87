"""The moments of sending and receiving in a session, on one monotonic clock."""

from collections.abc import Callable, Iterator
from time import monotonic

from ..contract.dialect_a import Partial, Transcription
from .events import Event, Reconnected


class Timeline:
    """The moments of one session from which its latencies are computed.

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
        """Note that the next audio message was sent."""
        self._sent_at.append(self._clock())

    def received(self, event: Event) -> None:
        """Note an event; the first interim is the first with text."""
        now = self._clock()
        if isinstance(event, Transcription):
            self.finals.append((now, event))
        elif isinstance(event, Reconnected):
            self.reconnects.append(event)
        elif isinstance(event, Partial) and event.text.strip() and self.first_interim_at is None:
            self.first_interim_at = now

    def stop_requested(self) -> None:
        """Note that the end is being requested."""
        self.stop_at = self._clock()

    def stopped(self) -> None:
        """Note that the gateway has ended the session."""
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
        """Return when the message with the audio of a moment was sent; None when none was."""
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
    """Return the seconds between two moments; None where either is unknown."""
    return None if begun is None or ended is None else ended - begun
