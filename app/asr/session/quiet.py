"""For how long the recogniser has let stand what it said and did not make final.

Some recognisers give interims and never a final. A timer tells when one has stood for too long.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.asr.session.buffer import ReplayReader
    from app.asr.session.coverage import Coverage
    from app.asr.wire.pending import PendingInterim
    from app.asr.wire.timeline import Timeline


# Soon enough after the pause between two words began, which lasts 0.2 s or more.
_AGAIN_S = 0.1
# So long a cut waits for a pause; who speaks on is heard, and the interim changes.
_CUT_PATIENCE_S = 3.0

_log = structlog.get_logger(__name__)


class QuietGap:
    """Notices that interims stand unchanged while the recogniser hears on.

    The recogniser's own count decides where it gives one. Where it gives none, or says nothing any
    more, so much audio must have been sent since, or silence where the caller paused; and so much
    time must have passed, since audio that is sent all at once takes time to be heard.

    One timer serves the stream and is set anew only when it rings.

    Args:
        gap: seconds; 0 never.
        timeline: what was sent.
        is_read: whether somebody waits for the recogniser now: while the caller is busy with a
            transcript, later ones wait unread.
        on_quiet: called when they stood for so long; it may be called again, and is called again
            shortly when it returns True.
    """

    def __init__(
        self,
        gap: float,
        timeline: Timeline,
        is_read: Callable[[], bool],
        on_quiet: Callable[[], bool],
    ) -> None:
        self._gap = gap
        self._timeline = timeline
        self._is_read = is_read
        self._on_quiet = on_quiet
        self._loop = asyncio.get_running_loop()
        self._text = ""
        self._changed_at: float | None = None  # audio the recogniser had heard, as it said
        self._heard_to: float | None = None
        self._since = 0.0
        self._sent = self._silent = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def changed_at(self) -> float | None:
        """Seconds of the caller's audio heard when what stands was said; None where unsaid."""
        return self._changed_at

    def heard(self, standing: PendingInterim) -> None:
        """Take the interims after a response: one that changed stands from now on."""
        text, processed = standing.text, standing.audio_processed
        if text != self._text:
            self._text, self._changed_at, self._heard_to = text, processed, processed
            self._restart()
        elif text and processed is not None and processed > (self._heard_to or 0.0):
            self._heard_to = processed
            self._restart()
            if 0 < self._gap <= processed - (self._changed_at or 0.0):
                self._tell()

    def _restart(self) -> None:
        self._since = self._loop.time()
        self._sent, self._silent = self._timeline.caller_seconds, self._timeline.silent_seconds
        if self._heard_to is not None:
            # What was sent beyond is heard in silence, or not yet: the time tells.
            self._sent = min(self._sent, self._heard_to)
        if self._gap > 0 and self._text and self._timer is None:
            self._timer = self._loop.call_at(self._since + self._gap, self._ring)

    def close(self) -> None:
        """Nothing follows."""
        self._gap = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if not self._text:
            return
        if not self._is_read():
            self._restart()
            return
        now = self._loop.time()
        sent = self._timeline.caller_seconds - self._sent
        paused = self._timeline.silent_seconds > self._silent
        if now < self._since + self._gap or not (paused or sent >= self._gap):
            again = max(self._since + self._gap, now + self._gap / 4)
            self._timer = self._loop.call_at(again, self._ring)
        else:
            self._tell()

    def _tell(self) -> None:
        if self._on_quiet():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(_AGAIN_S, self._ring)


class QuietCut:
    """Ends a call whose recogniser lets an interim stand.

    Somebody may just begin to speak again: the cut waits for the pause behind the word, unless
    there is none for too long.

    Args:
        reader: the call's audio, which is cut.
        coverage: knows the audio.
    """

    def __init__(self, reader: ReplayReader, coverage: Coverage) -> None:
        self._reader = reader
        self._coverage = coverage
        self._now = asyncio.get_running_loop().time
        self._since: float | None = None

    def __call__(self) -> bool:
        """Cut the call; True where it is too early and shall be asked again."""
        if self._reader.is_ending:
            return False
        if self._coverage.begins_to_speak(self._reader.position):
            now = self._now()
            if self._since is None:
                self._since = now
            if now - self._since < _CUT_PATIENCE_S:
                return True
        self._since = None
        _log.warning(
            "asr_quiet_gap", detail="the recogniser lets an interim stand; it is made final"
        )
        self._reader.end_here()
        return False
