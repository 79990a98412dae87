"""A session without a recogniser: when another call is tried, and what is told of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from app.asr.errors import AsrError, ErrorCode
from app.asr.events import Interrupted, Resumed
from app.asr.session.reopening import Reopening

if TYPE_CHECKING:
    from app.asr.session.reopening import ReopenRules

_log = structlog.get_logger(__name__)


class Outage:
    """Follows the calls of one session as they open and break.

    Args:
        rules: whether and when another call is opened.

    Attributes:
        broke: why the last call broke; None where it ended well or was left on purpose.
    """

    def __init__(self, rules: ReopenRules) -> None:
        self._reopening = Reopening(rules)
        self._now = asyncio.get_running_loop().time
        self._reason: AsrError | None = None
        self._lost_at: float | None = None
        self.broke: AsrError | None = None

    @property
    def left(self) -> float:
        """Seconds for which the session may still be without a recogniser."""
        return self._reopening.left(self._now())

    def opened(self) -> None:
        """Note that a call is open."""
        self.broke = None
        self._reopening.opened(self._now())

    def progressed(self) -> None:
        """Note that the open call said something new: whatever was wrong is over."""
        self._reopening.progressed()

    def wait(self, *, elsewhere: bool) -> float:
        """Return the seconds until another call is tried.

        Args:
            elsewhere: whether there is another endpoint than the one that broke.

        Raises:
            AsrError: what the last call broke with, where none is tried.
        """
        self._reason = self.broke
        if self.broke is None:
            self._reopening.rotated(self._now())
            return 0.0
        wait = self._reopening.broke(self.broke, self._now(), elsewhere=elsewhere)
        if wait is None:
            raise self.broke
        _log.warning("asr_stream_broke", code=self.broke.code, detail=self.broke.detail)
        return wait

    def wait_after_refusal(self, error: AsrError) -> float:
        """Return the seconds until the next try, after one that failed.

        Raises:
            AsrError: there is none.
        """
        self._reason = error
        wait = self._reopening.refused(error, self._now())
        if wait is not None:
            return wait
        if error.code == ErrorCode.CLIENT_CLOSED and self.broke is not None:
            raise self.broke
        raise error

    def begin(self, position: float) -> Interrupted | None:
        """Return what is told once when the recogniser is lost; None where it was told, or is not.

        Args:
            position: seconds of the session's audio that had come.
        """
        if self._reason is None or self._lost_at is not None:
            return None
        self._lost_at = self._now()
        return Interrupted(code=self._reason.code, position=position)

    def end(self, replayed_from: float) -> Resumed | None:
        """Return what is told when there is one again; None where no loss was told."""
        if self._lost_at is None:
            return None
        outage, self._lost_at = self._now() - self._lost_at, None
        return Resumed(replayed_from=replayed_from, outage=outage)
