"""Has the recordings of a plan heard, and writes what was heard of each once it is whole."""

from __future__ import annotations

import asyncio
import threading
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from app.client import ClientError
from app.recordings import RecordingError, open_recording
from app.threads import in_thread
from ops.batch.hearing import ends_the_run, hear, is_no_room, may_be_heard_anew
from ops.batch.place import NoSuchNameError, NoSuchRecordingError
from ops.batch.plan import Failure, owner_of
from ops.batch.sessions import PutBackError
from ops.batch.transcript import asked_of, transcript_of, written
from ops.console.errors import CommandFailedError
from ops.transcribe.advice import told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from app.client import StartTranscription
    from app.recordings import OpenRecording
    from ops.batch.hearing import Gateway
    from ops.batch.place import Entry, Place
    from ops.batch.plan import Work
    from ops.batch.progress import Count, Shown
    from ops.batch.report import Report
    from ops.batch.sessions import Sessions
    from ops.batch.transcript import Heard

AT_ONCE: Final = 64
"""Recordings at once, however many slots are free: each is decoded here."""

_TRIES: Final = 5
"""Of a recording whose sessions break; a session itself survives what a client survives."""
_AHEAD: Final = 4
"""Recordings that are fetched and wait for a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every recording of a run has in common.

    Attributes:
        source: Where the recordings lie.
        to: Where results go.
        gateway: Who hears them.
        options: Of each session.
        endings: Of the files beside the JSON.
        at_once: Recordings at once at most; None for what is usual.
    """

    source: Place
    to: Place
    gateway: Gateway
    options: StartTranscription
    endings: Sequence[str]
    at_once: int | None


@dataclass(slots=True)
class Run:
    """One run over a plan.

    Attributes:
        job: What it is to do.
        sessions: Where recordings are heard.
        report: What it did.
        count: The same for who watches.
        shown: Who is told of it.
    """

    job: Job
    sessions: Sessions
    report: Report
    count: Count
    shown: Shown
    _stop: threading.Event = field(default_factory=threading.Event)
    _ahead: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AHEAD))

    async def all(self, work: Sequence[Work]) -> None:
        """Have everything heard.

        Raises:
            CommandFailedError: The run cannot go on, and why.
        """
        await self.sessions.find_out()
        at_once = self.job.at_once or (AT_ONCE if self.sessions.tells_slots else 1)
        if not self.sessions.tells_slots:
            self.shown.say(
                "the gateway does not tell this client how many sessions are free (a token of "
                f"scope admin is told); {at_once} at a time are heard, which --at-once changes"
            )
        waiting = iter(work)
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self.sessions.watch(), name="watch live sessions")
                ticking = group.create_task(self._tick(), name="show progress")
                async with asyncio.TaskGroup() as workers:
                    for _ in range(min(at_once, len(work))):
                        workers.create_task(self._work_on(waiting))
                watch.cancel()
                ticking.cancel()
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        finally:
            self._stop.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._show()

    def _show(self) -> None:
        self.count.running = self.sessions.running
        self.shown.changed()

    async def _work_on(self, waiting: Iterator[Work]) -> None:
        for work in waiting:
            reason = await self._done(work)
            self.count.finished += 1
            self.count.finished_size += work.entry.size
            if reason is not None:
                failure = Failure(work.entry.name, reason)
                self.count.failed += 1
                self.report.failures.append(failure)
                self.shown.say(failure.sentence)
            self._show()

    async def _done(self, work: Work) -> str | None:
        """Have a recording heard and write what was heard; return why there is no result."""
        broken = refused = 0
        while True:
            try:
                return await self._write(work, await self._heard(work.entry))
            except PutBackError:
                self.report.put_back += 1
            except RecordingError as error:
                return error.about("").strip()
            except (NoSuchRecordingError, NoSuchNameError) as error:
                return str(error)
            except OSError as error:
                return f"cannot be read: {error.strerror or error}"
            except ClientError as error:
                if ends_the_run(error):
                    raise CommandFailedError(told(error)) from None
                if is_no_room(error):
                    await self.sessions.back_off(refused, told(error), error.retry_after)
                    refused += 1
                    continue
                broken += 1
                if broken >= _TRIES or not may_be_heard_anew(error):
                    tries = f" (tried {broken} times)" if broken > 1 else ""
                    return f"was not heard to its end: {told(error)}{tries}"
                await self.sessions.back_off(broken, told(error), error.retry_after)

    async def _heard(self, entry: Entry) -> Heard:
        async with AsyncExitStack() as held:
            await self._ahead.acquire()
            ahead = held.enter_context(ExitStack())
            ahead.callback(self._ahead.release)
            recording = await held.enter_async_context(self._open(entry))
            send = partial(hear, self.job.gateway, recording, self.job.options)
            return await self.sessions.run(send, ahead.close)

    @asynccontextmanager
    async def _open(self, entry: Entry) -> AsyncIterator[OpenRecording]:
        """Fetch a recording and read its header, in a thread."""
        with ExitStack() as held:

            def opened() -> OpenRecording:
                file = held.enter_context(self.job.source.open(entry, self._stop))
                return held.enter_context(open_recording(file))

            opening = asyncio.ensure_future(asyncio.to_thread(opened))
            try:
                recording = await asyncio.shield(opening)
            except asyncio.CancelledError:
                # One is cancelled only with all: nothing is fetched to its end.
                self._stop.set()
                await asyncio.gather(opening, return_exceptions=True)
                raise
            yield recording

    async def _write(self, work: Work, heard: Heard) -> str | None:
        """Write a result, the JSON last; return why that may not be."""
        job = self.job
        now = datetime.now(UTC).isoformat(timespec="seconds")
        transcript = transcript_of(work.entry, asked_of(job.options), heard, now)

        def write() -> Failure | None:
            if (refused := owner_of(work, job.to)) is not None:
                return refused
            for ending, data in written(transcript, job.endings):
                job.to.write(work.name + ending, data)
            return None

        if (failure := await in_thread(write)) is not None:
            return failure.reason
        self.report.heard += 1
        self.report.audio_seconds += heard.audio_seconds
        self.count.audio_seconds += heard.audio_seconds
        for warning in heard.warnings:
            self.shown.say(f"{Failure(work.entry.name, warning).sentence}")
        return None


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that ended the others."""
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
