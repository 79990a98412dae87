"""Latencies as a speaker feels them: from speech to its words.

The end of speech is the end of a final's last word, by the recogniser's own word times, and speech
begins with the first word's start. When the audio at these positions arrived is known exactly. So a
pause that the recogniser waits for before it makes a final is in the latency, as it is for whoever
waits; and a microphone that stays open in silence is not. What the recogniser gives no word times
for has no latency, and neither has audio that came faster than it was spoken: a file's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from app.asr import Word
from app.gateway.session.arrivals import ArrivalClock


@dataclass(frozen=True, slots=True)
class SpeechLatency:
    """What one segment of speech waited for.

    Attributes:
        first_interim: Seconds from the arrival of the first word's start to the segment's first
            interim; None where it had none, or the start is not known.
        final: Seconds from the arrival of the last word's end to the final.
    """

    first_interim: float | None
    final: float | None


UNKNOWN = SpeechLatency(None, None)


class SpeechClock:
    """Times the results of one session.

    Args:
        arrivals: When its audio arrived.
    """

    def __init__(self, arrivals: ArrivalClock) -> None:
        self._arrivals = arrivals
        self._first_interim: float | None = None
        self._last_interim: float | None = None

    def interim(self) -> float | None:
        """Note an interim that was sent; return the seconds since the one before it, if any."""
        now, last = monotonic(), self._last_interim
        self._last_interim = now
        if last is not None:
            return now - last
        self._first_interim = now
        return None

    def final(self, words: Sequence[Word]) -> SpeechLatency:
        """Note a final that was sent; return what its segment waited for."""
        now, first = monotonic(), self._first_interim
        self._first_interim = self._last_interim = None
        if not words or not self._arrivals.is_real_time():
            return UNKNOWN
        began, ended = self._arrivals.at(words[0].start), self._arrivals.at(words[-1].end)
        return SpeechLatency(
            None if first is None or began is None else max(0.0, first - began),
            None if ended is None else max(0.0, now - ended),
        )
