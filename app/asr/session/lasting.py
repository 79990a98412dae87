"""A stream that outlives the calls it is made of: what breaks is opened again and heard again.

Each call is run by a `RecognitionStream`, which knows nothing of the others. Here stands what lies
between them: the audio that no final covers yet, whether and when to open again, and one timeline.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from app.asr.errors import AsrError, ErrorCode
from app.asr.events import Finalised, Interrupted, Resumed
from app.asr.session.coverage import Coverage
from app.asr.session.finalising import Finalising
from app.asr.session.intake import Intake, Tap
from app.asr.session.reopening import Reopening
from app.asr.session.replay import ReplayBuffer
from app.asr.session.stream import RecognitionStream, stop_tasks
from app.asr.wire.allowance import Allowance

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from app.asr.events import Cursor, StreamEvent, Transcript
    from app.asr.pool.lease import EndpointLease
    from app.asr.pool.opener import LeaseOpener
    from app.asr.session.reopening import ReopenRules
    from app.asr.session.stream import StreamRules

# So long a cut of ours waits for a pause; who speaks on is heard, and the interim changes.
_CUT_PATIENCE_S = 3.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastingRules:
    """The bounds of a stream that may be reopened.

    Attributes:
        stream: the bounds of each call.
        reopen: whether and when another one is opened.
        replay_s: seconds of un-finalised audio that are kept to be heard again.
        patience_s: seconds a recogniser gets at least to say something about audio before more of
            it than that is let go; a caller who is faster waits so long.
        max_stream_s: a call that is older, in seconds, is replaced at the next final; 0 never.
    """

    stream: StreamRules
    reopen: ReopenRules
    replay_s: float
    patience_s: float
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
        lines: LeaseOpener,
        first: EndpointLease,
        audio: AsyncIterator[bytes],
        rules: LastingRules,
        begin: Cursor,
    ) -> None:
        self._lines = lines
        self._line = first
        self._rules = rules
        self._rate = rules.stream.sample_rate
        self._origin = origin = round(begin.position * self._rate)
        self._buffer = ReplayBuffer(round(rules.replay_s * self._rate), origin)
        self._coverage = Coverage(self._buffer, self._rate, begin, interims=rules.stream.interims)
        self._intake = Intake(audio, self._buffer, min(rules.patience_s, rules.replay_s))
        self._now = asyncio.get_running_loop().time
        self._reopening = Reopening(rules.reopen, _draw)
        self._allowance = Allowance()
        self._tap: Tap | None = None  # of the call that is open
        self._worked = False
        self._broke: AsrError | None = None
        self._lost_at: float | None = None
        self._rotating = False
        self._quiet_since: float | None = None  # a cut waits since then
        self._start = self._heard_to = origin  # of this call; by the last one that ended well
        self._is_over = False
        self._finalising = Finalising()

    @property
    def cursor(self) -> Cursor | None:
        """Where the session could go on elsewhere; None while that would lose words."""
        return self._coverage.cursor

    def finalise(self) -> None:
        """Makes everything final that was taken so far, and says when that is done."""
        self._finalising.ask(self._buffer.end, self._tap)
        self._intake.came.set()

    async def events(self) -> AsyncGenerator[StreamEvent]:
        """What happens until the recogniser has said everything.

        Raises:
            AsrError: the recogniser failed and the stream could not be opened again.
            Exception: whatever the caller's audio iterator raised.
        """
        intake = asyncio.create_task(self._intake.run(), name="asr-intake")
        try:
            while not self._is_over:
                for part in (self._run_call, self._wait_for_more, self._reopen):
                    async with aclosing(part()) as events:
                        async for event in events:
                            yield event
            for answer in self._answers():
                yield answer
        except AsrError as error:
            error.lost = self._coverage.lost
            raise
        finally:
            self._line.close()
            self._intake.stopping()
            await stop_tasks((intake,))

    async def _run_call(self) -> AsyncGenerator[StreamEvent]:
        """One call, to its end, its break (`_broke`) or its replacement (`_rotating`)."""
        self._broke, self._rotating, self._worked = None, False, False
        self._quiet_since = None
        opened_at = self._now()
        self._reopening.opened(opened_at)
        rules = self._rules_of_call()
        self._tap = tap = Tap(self._intake, self._start, rules.largest_chunk)
        self._finalising.open(tap)
        self._allowance.call_opens((self._start - self._origin) / self._rate)
        stream = RecognitionStream(
            self._line.call, tap, rules, partial(self._end_quiet, tap), self._allowance
        )
        self._line.when_moved(self._leave)
        try:
            async with aclosing(stream.transcripts()) as transcripts:
                async for heard in transcripts:
                    transcript = self._note(heard, tap)
                    if transcript is not None:
                        yield transcript
                        if transcript.is_final and self._is_time_to_rotate(opened_at, tap):
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
            self._heard_to, self._tap = tap.position, None
            stood = self._coverage.end(self._heard_to, stream.standing, stream.standing_since)
            if stood is not None:
                yield stood
        finally:
            self._tap = None

    def _end_quiet(self, tap: Tap) -> bool:
        """Ends a call whose recogniser lets an interim stand; True for not yet.

        Somebody may just begin to speak again: the cut waits for the pause behind the word, unless
        there is none for too long.
        """
        now = self._now()
        if tap.is_ending:
            return False
        if self._coverage.begins_to_speak(tap.position):
            if self._quiet_since is None:
                self._quiet_since = now
            if now - self._quiet_since < _CUT_PATIENCE_S:
                return True
        self._quiet_since = None
        _log.warning(
            "asr_quiet_gap", detail="the recogniser lets an interim stand; it is made final"
        )
        tap.end_here()
        return False

    def _leave(self) -> None:
        """The line shall be left at once: its call is ended, and the audio heard again elsewhere.

        Where it cannot be heard again the call goes on, to be left at its next final.
        """
        if self._coverage.is_fit:
            self._line.call.abort()

    def _rules_of_call(self) -> StreamRules:
        """A call that hears old audio first may need that much longer for everything."""
        rules, old = self._rules.stream, (self._buffer.end - self._start) / self._rate
        return replace(
            rules,
            write_timeout=rules.write_timeout + old,
            final_timeout=rules.final_timeout + old,
        )

    def _note(self, heard: Transcript, tap: Tap) -> Transcript | None:
        if not self._worked:
            self._worked = True
            self._line.worked()
        covered = self._coverage.covered
        if tap.is_cut and heard.is_final:
            heard = replace(heard, forced=True)
        transcript = self._coverage.note(heard, tap.position)
        if heard.is_final and transcript is not None:
            if self._coverage.covered > covered:
                self._reopening.progressed()
            self._intake.freed()
        return transcript

    def _is_time_to_rotate(self, opened_at: float, tap: Tap) -> bool:
        limit = self._rules.max_stream_s
        due = self._line.is_to_move or 0 < limit <= self._now() - opened_at
        # One that is cut ends by itself.
        return due and not tap.is_cut and not self._intake.ended and self._coverage.is_fit

    async def _wait_for_more(self) -> AsyncGenerator[StreamEvent]:
        """After a call that ended well: answers, and waits until there is audio for another one."""
        if self._broke is not None or self._rotating:
            return
        self._line.close()
        self._intake.fall_behind()
        while True:
            for answer in self._answers():
                yield answer
            if self._buffer.end > self._heard_to:
                return
            if self._intake.failure is not None:
                raise self._intake.failure
            if self._intake.ended:
                self._is_over = True
                return
            await self._intake.came.wait()

    def _answers(self) -> Iterator[Finalised]:
        while (sample := self._finalising.answer(self._heard_to)) is not None:
            yield Finalised(position=sample / self._rate)

    async def _reopen(self) -> AsyncGenerator[StreamEvent]:
        """Opens the next call, unless there is nothing left that it would have to hear."""
        if self._is_over:
            return
        self._line.close()
        self._intake.fall_behind()
        self._check_replay()
        wait, lost = self._wait_after_break(), self._broke
        while not self._is_done():
            if lost is not None and self._lost_at is None:
                self._lost_at = self._now()
                yield Interrupted(code=lost.code, position=self._buffer.end / self._rate)
            await asyncio.sleep(wait)
            if self._intake.failure is not None:
                raise self._intake.failure
            if self._is_done():
                break
            try:
                patience = self._reopening.left(self._now())
                self._line = await self._lines.reopen(self._line, patience=patience)
            except AsrError as error:
                wait, lost = self._wait_after_refusal(error), error
            else:
                for back in self._note_reopened():
                    yield back
                return
        self._heard_to, self._is_over = self._buffer.end, True

    def _is_done(self) -> bool:
        return self._intake.ended and self._buffer.end <= self._buffer.due

    def _check_replay(self) -> None:
        """Raises why the last call broke, where what it leaves undone cannot be heard again."""
        if self._broke is not None and not self._coverage.is_fit:
            _log.warning(
                "asr_not_replayable",
                lost_from=self._buffer.due / self._rate,
                held_from=self._buffer.start / self._rate,
            )
            raise self._broke

    def _note_reopened(self) -> Iterator[Resumed]:
        self._start = self._coverage.next_start
        self._coverage.reopened(self._start)
        _log.info(
            "asr_reopened",
            replayed_s=(self._buffer.end - self._start) / self._rate,
            reason="replaced" if self._broke is None else self._broke.code,
        )
        if self._lost_at is not None:
            outage, self._lost_at = self._now() - self._lost_at, None
            yield Resumed(replayed_from=self._start / self._rate, outage=outage)

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
