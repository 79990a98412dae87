"""A recognition session: audio is pushed in, events come out, whatever becomes of the calls behind.

Each call is run by a `RecognitionCall`, which knows nothing of the others. Here stands what lies
between them: the audio that no final covers yet, whether and when to open again, and one timeline.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from app.asr.errors import AsrError
from app.asr.events import Finalised, Transcript
from app.asr.session.buffer import AudioBuffer, ReplayReader
from app.asr.session.call import RecognitionCall
from app.asr.session.coverage import Coverage
from app.asr.session.finalising import Finalising
from app.asr.session.outage import Outage
from app.asr.session.progress import Progress
from app.asr.session.quiet import QuietCut
from app.asr.wire.allowance import Allowance

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from typing import Protocol, Self

    from app.asr.events import Cursor, StreamEvent
    from app.asr.pool.lease import EndpointLease
    from app.asr.session.rules import CallRules, SessionRules

    class Reopen(Protocol):
        """Opens a further call after the one that was left, in `patience` seconds at most."""

        async def __call__(self, left: EndpointLease, *, patience: float) -> EndpointLease:
            """Raise AsrError where none can be opened."""


_log = structlog.get_logger(__name__)


class RecognitionSession:
    """Recognises the audio that is sent to it, over as many calls as it takes.

    To be entered as a context manager, which opens the first call; audio may be sent before. It is
    iterated once, by one consumer, beside whoever sends. Leaving the context ends everything.

    Args:
        open_first: opens the first call.
        reopen: opens a further one.
        rules: the bounds.
        begin: where the session goes on.
        explained: errors in the block it gives are put into better words.

    Attributes:
        send: takes PCM16 little-endian mono of any length (a sample may be split over two), as soon
            as there is room for it: that is the backpressure. Returns whether it was taken: all of
            it, or nothing once the audio has ended. Raises TimeoutError where there was no room
            within `SessionRules.send_timeout`.
    """

    def __init__(
        self,
        open_first: Callable[[], Awaitable[EndpointLease]],
        reopen: Reopen,
        rules: SessionRules,
        begin: Cursor,
        explained: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        self._open_first = open_first
        self._open_again = reopen
        self._rules = rules
        self._explained = explained
        self._rate = rate = rules.call.sample_rate
        self._origin = origin = round(begin.position * rate)
        self._audio = AudioBuffer(rules.buffer_limits(), origin)
        self.send = self._audio.send
        self._held = self._audio.held
        self._coverage = Coverage(self._held, rate, begin, interims=rules.call.interims)
        self._progress = Progress(begin, self._coverage)
        self._finalising = Finalising()
        self._now = asyncio.get_running_loop().time
        self._outage = Outage(rules.reopen)
        self._allowance = Allowance()
        self._is_entered = False
        self._lease: EndpointLease  # once it is entered, as the next one
        self._events: AsyncGenerator[StreamEvent]
        self._given: Transcript | None = None  # the final that the consumer has in hand
        self._reader: ReplayReader | None = None  # of the call that is open
        self._worked = False
        self._rotating = False
        self._start = self._heard_to = origin  # of this call; by the last one that ended well
        self._is_over = False

    def finalise(self) -> None:
        """Make everything final that was sent so far, and go on.

        The answer is `Finalised`, after the finals that this caused. Calls that come before one was
        begun are answered together.
        """
        self._finalising.ask(self._held.end, self._reader)
        self._audio.came.set()

    def end(self, last: bytes = b"", failure: BaseException | None = None) -> None:
        """Say that no audio follows; what was sent is made final and the events end then.

        Args:
            last: audio that is taken whether there is room or not.
            failure: raised to whoever reads the events, once everything that was sent was heard.
        """
        self._audio.append(last)
        self._audio.end(failure)

    async def room(self) -> None:
        """Wait until audio would be taken at once."""
        await self._audio.room()

    @property
    def has_ended(self) -> bool:
        """Whether audio is not taken any more."""
        return self._audio.ended

    @property
    def received(self) -> float:
        """Seconds of the session's audio that were sent here."""
        return self._held.end / self._rate

    @property
    def recognised(self) -> float:
        """Seconds of the session's audio that a recogniser was sent, the furthest there was."""
        return self._audio.sent / self._rate

    @property
    def unsent(self) -> float:
        """Seconds of audio that wait for a recogniser."""
        return self.received - self.recognised

    @property
    def segment_id(self) -> int:
        """Of the segment that is being spoken: as many finals were used."""
        return self._progress.segment_id

    @property
    def cursor(self) -> Cursor | None:
        """Where the session can be gone on with now; None where that would lose words.

        It counts the finals that were used: an event was, once the next one is asked for. Between
        finals it moves over silence.
        """
        return self._progress.cursor

    @property
    def lost(self) -> tuple[float, float] | None:
        """From and to in seconds, the audio that is in no final that was used, if it ends now.

        None where there is none, and where nobody knows from where.
        """
        return self._progress.lost(self.received)

    @property
    def can_go_on(self) -> bool:
        """Whether it holds all audio that another call would have to hear."""
        return self._coverage.is_fit

    async def __aenter__(self) -> Self:
        """Open the first call.

        Raises:
            AsrError: it cannot be opened.
        """
        if self._is_entered:
            raise RuntimeError("a session is entered once; make another one")
        self._is_entered = True
        try:
            async with self._explained():
                self._lease = await self._open_first()
        except BaseException:
            self._audio.end()
            raise
        self._events = self._run()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the session: nothing of it runs on, and whoever waits to send is let go."""
        self._audio.end()
        await self._events.aclose()
        self._lease.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        """Return what happens next; ends when the recogniser has said everything.

        Raises:
            AsrError: the recogniser failed and no other call could be opened.
            BaseException: what the audio ended with (`end`).
        """
        if self._given is not None:
            self._progress.final_used(self._given.cursor)
            self._given = None
        try:
            event = await anext(self._events)
        except StopAsyncIteration:
            self._progress.completed()
            raise
        except AsrError as error:
            self._progress.failed(error.lost)
            raise
        if isinstance(event, Transcript) and event.is_final:
            self._given = event
        return event

    async def _run(self) -> AsyncGenerator[StreamEvent]:
        try:
            async with self._explained():
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
            self._audio.end()
            self._lease.close()

    async def _run_call(self) -> AsyncGenerator[StreamEvent]:
        """Run one call to its end, its break or its replacement (`_rotating`)."""
        self._rotating = self._worked = False
        opened_at, lease, rules = self._now(), self._lease, self._rules_of_call()
        self._outage.opened()
        self._reader = reader = ReplayReader(self._audio, self._start, rules.largest_chunk)
        self._finalising.open(reader)
        self._allowance.call_opens((self._start - self._origin) / self._rate)
        cut = QuietCut(reader, self._coverage)
        call = RecognitionCall(lease.call, reader, rules, cut, self._allowance)
        lease.when_moved(self._leave)
        try:
            async with call.running() as transcripts:
                async for heard in transcripts:
                    transcript = self._note(heard, reader)
                    if transcript is not None:
                        yield transcript
                        if transcript.is_final and self._is_time_to_rotate(opened_at, reader):
                            self._rotating = True
                            return
        except AsrError as error:
            if error is self._audio.failure:
                raise
            if lease.is_to_move and self._coverage.is_fit:
                self._rotating = True
                return
            lease.broke(error)
            self._outage.broke = error
        else:
            lease.worked()
            self._heard_to, self._reader = reader.position, None
            stood = self._coverage.end(self._heard_to, call.standing, call.standing_since)
            if stood is not None:
                yield stood
        finally:
            self._reader = None

    def _leave(self) -> None:
        """End the call at once: its endpoint is left, and the audio heard again elsewhere.

        Where it cannot be heard again the call goes on, to be left at its next final.
        """
        if self._coverage.is_fit:
            self._lease.call.abort()

    def _rules_of_call(self) -> CallRules:
        """Return those of a call that hears old audio first: all may take that much longer."""
        rules, old = self._rules.call, (self._held.end - self._start) / self._rate
        return replace(
            rules,
            write_timeout=rules.write_timeout + old,
            final_timeout=rules.final_timeout + old,
        )

    def _note(self, heard: Transcript, reader: ReplayReader) -> Transcript | None:
        if not self._worked:
            self._worked = True
            self._lease.worked()
        covered = self._coverage.covered
        if reader.is_cut and heard.is_final:
            heard = replace(heard, forced=True)
        transcript = self._coverage.note(heard, reader.position)
        if heard.is_final and transcript is not None:
            if self._coverage.covered > covered:
                self._outage.progressed()
            self._audio.freed()
        return transcript

    def _is_time_to_rotate(self, opened_at: float, reader: ReplayReader) -> bool:
        # One that is cut ends by itself.
        if reader.is_cut or not self._coverage.is_fit:
            return False
        if self._audio.ended:
            # It is nearly over. A switch of routes is certain, for what was sent last too.
            return self._lease.is_off_route
        limit = self._rules.max_call_s
        return self._lease.is_to_move or 0 < limit <= self._now() - opened_at

    async def _wait_for_more(self) -> AsyncGenerator[StreamEvent]:
        """After a call that ended well, answer, and wait until there is audio for another one."""
        if self._outage.broke is not None or self._rotating:
            return
        self._lease.close()
        self._audio.fall_behind()
        while True:
            for answer in self._answers():
                yield answer
            if self._held.end > self._heard_to:
                return
            if self._audio.failure is not None:
                raise self._audio.failure
            if self._audio.ended:
                self._is_over = True
                return
            await self._audio.came.wait()

    def _answers(self) -> Iterator[Finalised]:
        while (cut := self._finalising.answer(self._heard_to)) is not None:
            yield Finalised(position=cut.sample / self._rate, calls=cut.calls)

    async def _reopen(self) -> AsyncGenerator[StreamEvent]:
        """Open the next call, unless there is nothing left that it would have to hear."""
        if self._is_over:
            return
        self._lease.close()
        self._audio.fall_behind()
        self._check_replay()
        wait = self._outage.wait(elsewhere=self._lease.elsewhere)
        while not self._is_done():
            if (lost := self._outage.begin(self._held.end / self._rate)) is not None:
                yield lost
            await asyncio.sleep(wait)
            if self._audio.failure is not None:
                raise self._audio.failure
            if self._is_done():
                break
            try:
                self._lease = await self._open_again(self._lease, patience=self._outage.left)
            except AsrError as error:
                wait = self._outage.wait_after_refusal(error)
            else:
                self._begin_again()
                if (back := self._outage.end(self._start / self._rate)) is not None:
                    yield back
                return
        self._heard_to, self._is_over = self._held.end, True

    def _is_done(self) -> bool:
        return self._audio.ended and self._held.end <= self._held.due

    def _check_replay(self) -> None:
        """Raise why the last call broke, where what it leaves undone cannot be heard again."""
        if self._outage.broke is not None and not self._coverage.is_fit:
            _log.warning(
                "asr_not_replayable",
                lost_from=self._held.due / self._rate,
                held_from=self._held.start / self._rate,
            )
            raise self._outage.broke

    def _begin_again(self) -> None:
        self._start = self._coverage.next_start
        self._coverage.reopened(self._start)
        broke = self._outage.broke
        _log.info(
            "asr_reopened",
            replayed_s=(self._held.end - self._start) / self._rate,
            reason="replaced" if broke is None else broke.code,
        )
