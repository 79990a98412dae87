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

from app.asr.errors import AsrError, ErrorCode
from app.asr.intake import Intake, Tap
from app.asr.reopening import Reopening
from app.asr.replay import ReplayBuffer
from app.asr.seam import AHEAD_S, BACK_S, quiet_start
from app.asr.splice import Splice, end_of
from app.asr.stream import RecognitionStream, stop_tasks

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from app.asr.events import Transcript
    from app.asr.lines import FleetLine, StreamLines
    from app.asr.reopening import ReopenRules
    from app.asr.stream import StreamRules

# An interim is about speech of this segment; no recogniser sits on speech for longer before it says
# the first one.
_LOOKBACK_S = 15.0
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
        audio: the caller's.
        rules: the bounds.
    """

    def __init__(
        self, lines: StreamLines, first: FleetLine, audio: AsyncIterator[bytes], rules: LastingRules
    ) -> None:
        self._lines = lines
        self._line = first
        self._rules = rules
        self._rate = rules.stream.sample_rate
        self._buffer = ReplayBuffer(round(rules.replay_s * self._rate))
        self._intake = Intake(audio, self._buffer, min(_PATIENCE_S, rules.replay_s))
        self._await_speech_from(0)
        self._splice = Splice()
        self._now = asyncio.get_running_loop().time
        self._reopening = Reopening(rules.reopen, _draw)
        self._heard_to: float | None = 0.0  # audio the recogniser had used at the last final
        self._is_told = True  # whether the last final said what it covers ...
        self._ends_in_word = False  # ... by the times of its words
        self._covered = 0  # ... and the sample they end at
        self._tap = Tap(self._intake, 0, rules.stream.largest_chunk)
        self._worked = False
        self._broke: AsrError | None = None
        self._rotating = False

    async def transcripts(self) -> AsyncGenerator[Transcript]:
        """The transcripts until the recogniser has said everything.

        Raises:
            AsrError: the recogniser failed and the stream could not be opened again.
            Exception: whatever the caller's audio iterator raised.
        """
        intake = asyncio.create_task(self._intake.run(), name="asr-intake")
        start = 0
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
            if self._line.is_to_move and self._can_replay():
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
        if self._can_replay():
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
        processed = self._splice.moved(heard.audio_processed)
        transcript = self._splice.transcript(heard)
        if not heard.is_final:
            told = 0.0 if processed is None else processed - _LOOKBACK_S
            self._buffer.opened(round(told * self._rate))
        elif transcript is not None:
            self._cover(transcript)
        return transcript

    def _cover(self, final: Transcript) -> None:
        self._is_told = end_of(final) is not None
        self._heard_to = final.audio_processed
        # Whatever times it says, it cannot have heard what it was not sent.
        covered = min(round(self._splice.covered * self._rate), self._tap.position)
        self._ends_in_word = bool(final.words)
        if covered > self._covered:
            self._reopening.progressed()
        self._covered = covered
        self._buffer.cover(covered, covered - round(BACK_S * self._rate))
        self._await_speech_from(covered)
        self._intake.freed()

    def _await_speech_from(self, sample: int) -> None:
        if not self._rules.stream.interims:
            self._buffer.opened(sample)

    def _is_time_to_rotate(self, opened_at: float) -> bool:
        limit = self._rules.max_stream_s
        due = self._line.is_to_move or 0 < limit <= self._now() - opened_at
        return due and not self._intake.ended and self._can_replay()

    def _can_replay(self) -> bool:
        return self._is_told and self._buffer.is_whole

    def _resume_at(self) -> int:
        """The sample a new call begins with.

        Raises:
            AsrError: why the last call broke, where what it leaves undone cannot be heard again.
        """
        if self._broke is not None and not self._can_replay():
            _log.warning(
                "asr_not_replayable",
                lost_from=self._buffer.due / self._rate,
                held_from=self._buffer.start / self._rate,
                told=self._is_told,
            )
            raise self._broke
        due = self._buffer.due
        if not self._ends_in_word or due > self._covered:
            return due
        first = max(self._buffer.start, due - round(BACK_S * self._rate))
        last = due + round(AHEAD_S * self._rate)
        if self._heard_to is not None:
            last = min(last, max(due, round(self._heard_to * self._rate)))
        return first + quiet_start(self._buffer.held(first, last), self._rate)

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
        self._splice.reopened(start / self._rate)
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
