"""How far a session is, told at intervals to clients that ask for it."""

from collections.abc import Callable
from time import monotonic

from app.contract.fields import Heartbeat
from app.gateway.dialects.codec import now
from app.gateway.session.recognition import Recognition


class Heartbeats:
    """Makes the heartbeats of one session.

    Args:
        recognition: The session.
        clock: Seconds that only go up.
    """

    def __init__(self, recognition: Recognition, clock: Callable[[], float] = monotonic) -> None:
        self._recognition = recognition
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def beat(self) -> Heartbeat:
        """Return the message for this moment."""
        recognition = self._recognition
        received, recognised = recognition.audio_seconds, recognition.heard_seconds
        at = self._clock()
        factor = None
        if self._last is not None and at > self._last[0]:
            factor = round((recognised - self._last[1]) / (at - self._last[0]), 3)
        self._last = (at, recognised)
        return Heartbeat(
            timestamp=now(),
            audio_received=round(received, 3),
            audio_recognised=round(recognised, 3),
            queued=round(max(0.0, received - recognised), 3),
            realtime_factor=factor,
            resume=recognition.resume_point(recognition.progress.cursor),
        )
