"""How far a session is, reported at intervals to clients that ask for it."""

from collections.abc import Callable
from time import monotonic

from app.gateway.dialects.events import Progress
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

    def beat(self) -> Progress:
        """Return how far the session is at this moment."""
        recognition = self._recognition
        received, recognised = recognition.audio_seconds, recognition.session.recognised
        at = self._clock()
        factor = None
        if self._last is not None and at > self._last[0]:
            factor = round((recognised - self._last[1]) / (at - self._last[0]), 3)
        self._last = (at, recognised)
        return Progress(
            received=received,
            recognised=recognised,
            realtime_factor=factor,
            resume=recognition.resume_point(recognition.session.cursor),
        )
