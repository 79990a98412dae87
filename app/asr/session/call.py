"""One call: the caller's audio goes up, results come down, and neither outlives the other."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from app.asr.errors import AsrError, ErrorCode, Fault, from_status, late
from app.asr.session.quiet import QuietGap
from app.asr.wire.allowance import Allowance
from app.asr.wire.results import InterimPace, StreamResults
from app.asr.wire.timeline import Timeline
from app.pcm import BYTES_PER_SAMPLE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from app.asr.events import Transcript
    from app.asr.session.rules import CallRules
    from app.asr.wire.transport import StreamCall

# Long enough to count as audio for the recogniser's idle clock, short enough to delay nobody who
# goes on speaking.
SILENCE_S = 0.1
# Stopping a stream's tasks takes no I/O; one that needs longer hangs in the caller's audio
# iterator.
_STOPPING_S = 5.0

_log = structlog.get_logger(__name__)


class RecognitionCall:
    """Runs one open call to its end.

    Two tasks belong to it while it is `running`: one sends the audio and then watches that the
    finals come, the other sends silence while the caller pauses. Both are awaited before
    it ends, however it ends. Audio waits in no queue: a chunk is taken from the caller
    when gRPC has taken the one before it.

    Args:
        call: open, its configuration sent.
        audio: when it ends, everything that was sent is made final.
        rules: the bounds.
        on_quiet: called when an interim has stood for `rules.quiet_gap`; shall end the audio, or
            return True to be asked again shortly.
        allowance: of the session this call is a part of; None for one of its own.
    """

    def __init__(
        self,
        call: StreamCall,
        audio: AsyncIterator[bytes],
        rules: CallRules,
        on_quiet: Callable[[], bool] = lambda: False,
        allowance: Allowance | None = None,
    ) -> None:
        self._call = call
        self._audio = audio
        self._rules = rules
        self._timeline = Timeline(rules.sample_rate)
        self._allowance = allowance or Allowance()
        self._results = StreamResults(
            self._timeline.to_caller,
            self._timeline.sent_seconds,
            word_times=rules.word_times,
            interims=InterimPace(rules.interim_interval, wanted=rules.interims),
            allowance=self._allowance,
        )
        self._quiet = QuietGap(rules.quiet_gap, self._timeline, self._is_read, on_quiet)
        self._writing = asyncio.Lock()
        self._write_deadline = WriteDeadline(rules.write_timeout, self._write_is_late)
        self._now = asyncio.get_running_loop().time
        self._last_audio = self._now()
        self._half_closed = False
        self._failure: BaseException | None = None

    def _is_read(self) -> bool:
        return self._results.reading_since is not None

    @property
    def standing(self) -> Transcript | None:
        """What was said and not made final, as a final; None where nothing stands."""
        return self._results.standing.as_final()

    @property
    def standing_since(self) -> float | None:
        """Seconds of audio the recogniser had heard when it said that; None where unsaid."""
        return self._quiet.changed_at

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[AsyncGenerator[Transcript]]:
        """Run the call while its transcripts are read.

        They end when the recogniser has given its last one.

        Raises:
            AsrError: the stream broke, a deadline passed, or it ended before the audio did.
            Exception: whatever the caller's audio iterator raised.
        """
        tasks = (
            asyncio.create_task(self._send(), name="asr-send"),
            asyncio.create_task(self._keep_alive(), name="asr-keep-alive"),
        )
        try:
            async with aclosing(self._results.read(self._call, self._quiet.heard)) as transcripts:
                yield transcripts
            if self._results.have_ended and not self._half_closed:
                raise _ended_early(self._timeline.caller_seconds)
        except AsrError:
            # Our own reason to end the call says more than that it was ended.
            if self._failure is not None:
                raise self._failure from None
            raise
        finally:
            self._allowance.call_ended(self._timeline.sent_seconds())
            self._call.abort()
            self._write_deadline.close()
            self._quiet.close()
            await stop_tasks(tasks)

    async def _send(self) -> None:
        try:
            async for pcm in self._audio:
                await self._write(pcm, silence=False)
            await self._half_close()
            await self._watch_finals()
        except _CallOverError:
            pass  # the reader meets the end by itself, after the last results
        except asyncio.CancelledError:
            # Ours when the stream is over, and then nobody reads this; else the caller's iterator
            # was cancelled.
            self._fail(from_status("CANCELLED", "the audio iterator was cancelled", doing="stream"))
            raise
        except Exception as error:  # noqa: BLE001 - handed on to whoever reads the transcripts
            self._fail(error)

    async def _write(self, pcm: bytes, *, silence: bool) -> None:
        async with self._writing:
            if silence and (self._half_closed or self._idle() < self._rules.silence_interval):
                return
            # Counted before it is sent: a result about it can then never come first.
            samples = len(pcm) // BYTES_PER_SAMPLE
            if silence:
                self._timeline.add_silence(samples)
            else:
                self._timeline.add_audio(samples)
            await self._in_time(self._call.write(pcm))
            self._last_audio = self._now()

    async def _half_close(self) -> None:
        async with self._writing:
            self._half_closed = True
            await self._in_time(self._call.half_close())

    async def _in_time(self, writing: Awaitable[None]) -> None:
        self._write_deadline.begin()
        try:
            await writing
        except AsrError:
            raise _CallOverError from None
        finally:
            self._write_deadline.end()

    def _write_is_late(self) -> None:
        self._fail(late("send audio", self._rules.write_timeout))

    def _idle(self) -> float:
        return self._now() - self._last_audio

    async def _keep_alive(self) -> None:
        """Send silence while the caller pauses: Riva frees a stream after 60 s without audio."""
        whole = round(SILENCE_S * self._rules.sample_rate) * BYTES_PER_SAMPLE
        silence = bytes(min(whole, self._rules.largest_chunk))
        try:
            while not self._half_closed:
                wait = self._rules.silence_interval - self._idle()
                if wait > 0:
                    await asyncio.sleep(wait)
                else:
                    await self._write(silence, silence=True)
        except _CallOverError:
            pass
        except Exception as error:  # noqa: BLE001 - handed on to whoever reads the transcripts
            self._fail(error)

    async def _watch_finals(self) -> None:
        """End the call when, the audio over, the recogniser keeps the reader waiting too long."""
        ended, limit = self._now(), self._rules.final_timeout
        while True:
            # While nobody reads, the caller is busy with a transcript and the recogniser not to
            # blame.
            reading = self._results.reading_since
            since = self._now() if reading is None else max(ended, reading)
            left = since + limit - self._now()
            if left <= 0:
                self._fail(late("wait for finals", limit))
                return
            await asyncio.sleep(left)

    def _fail(self, reason: BaseException) -> None:
        if self._failure is None:
            self._failure = reason
        self._call.abort()


class _CallOverError(Exception):
    """A message could not be sent because the call has ended."""


class WriteDeadline:
    """Rings when a message is not taken in time.

    One timer serves all messages of a stream and is set anew only when it rings: a message is
    usually taken at once, and a timer for each would cost more than sending it.

    Args:
        limit: longest wait in seconds for one message.
        on_late: called once that has passed.
    """

    def __init__(self, limit: float, on_late: Callable[[], None]) -> None:
        self._limit = limit
        self._on_late = on_late
        self._loop = asyncio.get_running_loop()
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start the deadline: a message waits from now on."""
        self._since = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_at(self._since + self._limit, self._ring)

    def end(self) -> None:
        """Stop the deadline: the message was taken, or is not waited for any more."""
        self._since = None

    def close(self) -> None:
        """No message follows."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        if self._since is None:
            return
        due = self._since + self._limit
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self._ring)
        else:
            self._on_late()


async def stop_tasks(tasks: tuple[asyncio.Task[None], ...]) -> None:
    """Cancel tasks and wait for them, but not without end."""
    for task in tasks:
        task.cancel()
    _, stuck = await asyncio.wait(tasks, timeout=_STOPPING_S)
    for task in stuck:
        _log.error("asr_task_stuck", task=task.get_name(), waited_s=_STOPPING_S)


def _ended_early(seconds: float) -> AsrError:
    return AsrError(
        ErrorCode.STREAM_ENDED_EARLY,
        "The recogniser ended the stream before the audio did.",
        retryable=True,
        fault=Fault.SERVICE,
        detail=f"stream: status OK after {seconds:.3f} s of audio, before half-close",
    )
