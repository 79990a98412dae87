"""A stream that outlives the calls it is made of: what breaks is opened again and heard again.

Each call is run by a `RecognitionStream`, which knows nothing of the others. Here stands what lies
between them: the audio that no final covers yet, whether and when to open again, and one timeline.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from app.asr.coverage import Coverage
from app.asr.errors import AsrError, ErrorCode
from app.asr.intake import Intake, Tap
from app.asr.reopening import Reopening
from app.asr.replay import ReplayBuffer
from app.asr.stream import RecognitionStream, stop_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from app.asr.events import Cursor, StreamEvent, Transcript
    from app.asr.lines import FleetLine, StreamLines
    from app.asr.reopening import ReopenRules
    from app.asr.stream import StreamRules

# So long a recogniser gets at least to say something about audio that was sent to it all at once.
_PATIENCE_S = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastingRules:
    """The bounds of a stream that may be reopened.

    Attributes:
        stream: the bounds of each call.
        reopen: whether and when another one is opened.
        replay_s: seconds of un-finalised audio that are kept to be heard again.
        max_stream_s: a call that is older, in seconds, is replaced at the next final; 0 never.
    """

    stream: StreamRules
    reopen: ReopenRules
    replay_s: float
    max_stream_s: float


class LastingStream:
    """Runs the caller's audio to its end over as many calls as it takes.

    Args:
        lines: where further calls are opened.
        first: the call that is open already.
        audio: the caller's, from where `begin` says.
        rules: the bounds.
        begin: where the session goes on.
    """

    def __init__(
        self,
        lines: StreamLines,
        first: FleetLine,
        audio: AsyncIterator[bytes],
        rules: LastingRules,
        begin: Cursor,
    ) -> None:
        self._lines = lines
        self._line = first
        self._rules = rules
        self._rate = rules.stream.sample_rate
        origin = round(begin.position * self._rate)
        self._buffer = ReplayBuffer(round(rules.replay_s * self._rate), origin)
        self._coverage = Coverage(self._buffer, self._rate, begin, interims=rules.stream.interims)
        self._intake = Intake(audio, self._buffer, min(_PATIENCE_S, rules.replay_s))
        self._now = asyncio.get_running_loop().time
        self._reopening = Reopening(rules.reopen, _draw)
        self._tap = Tap(self._intake, origin, rules.stream.largest_chunk)
        self._worked = False
        self._broke: AsrError | None = None
        self._rotating = False

    @property
    def cursor(self) -> Cursor | None:
        """Where the session could go on elsewhere; None while that would lose words."""
        return self._coverage.cursor

    async def events(self) -> AsyncGenerator[StreamEvent]:
        """What happens until the recogniser has said everything.

        Raises:
            AsrError: the recogniser failed and the stream could not be opened again.
            Exception: whatever the caller's audio iterator raised.
        """
        try:
            async with aclosing(self._events()) as events:
                async for event in events:
                    yield event
        except AsrError as error:
            error.lost = self._coverage.lost
            raise

    async def _events(self) -> AsyncGenerator[StreamEvent]:
        intake = asyncio.create_task(self._intake.run(), name="asr-intake")
        start = self._coverage.next_start
        try:
            while True:
                async with aclosing(self._run_call(start)) as transcripts:
                    async for transcript in transcripts:
                        yield transcript
                if self._broke is None and not self._rotating:
                    return
                start = self._resume_at()
                if not await self._reopen(start):
                    return
        finally:
            self._line.close()
            self._intake.stopping()
            await stop_tasks((intake,))

    async def _run_call(self, start: int) -> AsyncGenerator[Transcript]:
        """One call from a sample on, to its end, its break (`_broke`) or its replacement."""
        self._broke, self._rotating, self._worked = None, False, False
        opened_at = self._now()
        self._reopening.opened(opened_at)
        rules = self._rules_of_call(start)
        self._tap = Tap(self._intake, start, rules.largest_chunk)
        stream = RecognitionStream(self._line.call, self._tap, rules)
        self._line.when_moved(self._leave)
        try:
            async with aclosing(stream.transcripts()) as transcripts:
                async for heard in transcripts:
                    transcript = self._note(heard)
                    if transcript is not None:
                        yield transcript
                        if transcript.is_final and self._is_time_to_rotate(opened_at):
                            self._rotating = True
                            return
        except AsrError as error:
            if error is self._intake.failure:
                raise
            if self._line.is_to_move and self._coverage.is_fit:
                self._rotating = True
                return
            self._line.broke(error)
            self._broke = error
        else:
            self._line.worked()

    def _leave(self) -> None:
        """The line shall be left at once: its call is ended, and the audio heard again elsewhere.

        Where it cannot be heard again the call goes on, to be left at its next final.
        """
        if self._coverage.is_fit:
            self._line.call.abort()

    def _rules_of_call(self, start: int) -> StreamRules:
        """A call that hears old audio first may need that much longer for everything."""
        rules, old = self._rules.stream, (self._buffer.end - start) / self._rate
        return replace(
            rules,
            write_timeout=rules.write_timeout + old,
            final_timeout=rules.final_timeout + old,
        )

    def _note(self, heard: Transcript) -> Transcript | None:
        if not self._worked:
            self._worked = True
            self._line.worked()
        covered = self._coverage.covered
        transcript = self._coverage.note(heard, self._tap.position)
        if heard.is_final and transcript is not None:
            if self._coverage.covered > covered:
                self._reopening.progressed()
            self._intake.freed()
        return transcript

    def _is_time_to_rotate(self, opened_at: float) -> bool:
        limit = self._rules.max_stream_s
        due = self._line.is_to_move or 0 < limit <= self._now() - opened_at
        return due and not self._intake.ended and self._coverage.is_fit

    def _resume_at(self) -> int:
        """The sample a new call begins with.

        Raises:
            AsrError: why the last call broke, where what it leaves undone cannot be heard again.
        """
        if self._broke is not None and not self._coverage.is_fit:
            _log.warning(
                "asr_not_replayable",
                lost_from=self._buffer.due / self._rate,
                held_from=self._buffer.start / self._rate,
            )
            raise self._broke
        return self._coverage.next_start

    async def _reopen(self, start: int) -> bool:
        """Opens the next call; False when there is nothing left that it would have to hear."""
        self._line.close()
        self._intake.fall_behind()
        wait = self._wait_after_break()
        while True:
            await asyncio.sleep(wait)
            if self._intake.failure is not None:
                raise self._intake.failure
            if self._intake.ended and self._buffer.end <= self._buffer.due:
                return False
            try:
                self._line = await self._lines.reopen(self._line)
            except AsrError as error:
                wait = self._wait_after_refusal(error)
            else:
                break
        self._coverage.reopened(start)
        _log.info(
            "asr_reopened",
            replayed_s=(self._buffer.end - start) / self._rate,
            reason="rotation" if self._broke is None else self._broke.code,
        )
        return True

    def _wait_after_break(self) -> float:
        if self._broke is None:
            self._reopening.rotated(self._now())
            return 0.0
        elsewhere = self._line.elsewhere
        wait = self._reopening.broke(self._broke, self._now(), elsewhere=elsewhere)
        if wait is None:
            raise self._broke
        _log.warning("asr_stream_broke", code=self._broke.code, detail=self._broke.detail)
        return wait

    def _wait_after_refusal(self, error: AsrError) -> float:
        wait = self._reopening.refused(error, self._now())
        if wait is not None:
            return wait
        if error.code == ErrorCode.CLIENT_CLOSED and self._broke is not None:
            raise self._broke
        raise error


def _draw(bound: float) -> float:
    return random.uniform(0.0, bound)  # noqa: S311 - spreads load, protects nothing
