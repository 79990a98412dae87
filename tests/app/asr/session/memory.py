"""A session over a recogniser in memory: no socket, no gRPC, every order of events."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from riva.client.proto import riva_asr_pb2

from app.asr import BEGINNING
from app.asr.errors import from_status
from app.asr.session.reopening import ReopenRules
from app.asr.session.rules import CallRules, SessionRules
from app.asr.session.session import RecognitionSession

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import grpc

    from app.asr import AsrError, Cursor

RATE = 16_000


class MemoryCall:
    """One call, and what a script sees of it as of a stream of a real server."""

    def __init__(self, script: Callable[[Any], Awaitable[None]]) -> None:
        self.audio = b""
        self._written: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._said: asyncio.Queue[Any] = asyncio.Queue()
        self._is_over = False
        self._task = asyncio.create_task(self._run(script))

    async def _run(self, script: Callable[[Any], Awaitable[None]]) -> None:
        await script(self)
        self._end(None)

    def _end(self, outcome: AsrError | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._said.put_nowait(outcome)
            with suppress(asyncio.QueueEmpty):
                self._written.get_nowait()

    # The client's end

    async def write(self, pcm: bytes) -> None:
        await self._put(pcm)

    async def half_close(self) -> None:
        await self._put(None)

    async def _put(self, item: bytes | None) -> None:
        if not self._is_over:
            await self._written.put(item)
        if self._is_over:
            raise from_status("UNAVAILABLE", "over", doing="stream")

    async def read(self) -> Any:  # noqa: ANN401 - a generated message
        said = await self._said.get()
        if isinstance(said, Exception):
            raise said
        return said

    def abort(self) -> None:
        self._task.cancel()
        self._end(from_status("CANCELLED", "aborted", doing="stream"))

    # The script's end

    async def receive(self) -> bytes | None:
        chunk = await self._written.get()
        if chunk is not None:
            self.audio += chunk
        return chunk

    async def say(self, *results: Any) -> None:  # noqa: ANN401 - generated messages
        self._said.put_nowait(riva_asr_pb2.StreamingRecognizeResponse(results=results))
        await asyncio.sleep(0)

    async def fail(self, status: grpc.StatusCode, text: str) -> None:
        self._end(from_status(status.name, text, doing="stream"))
        await asyncio.Event().wait()


class MemoryLease:
    """A call at an endpoint that counts those that are open."""

    elsewhere = True

    def __init__(self, recogniser: MemoryRecogniser) -> None:
        self._recogniser = recogniser
        self._is_open = True
        self._leave: Callable[[], None] | None = None
        self.is_to_move = self.is_off_route = self.has_failed = False
        self.call = MemoryCall(recogniser.script)
        recogniser.open += 1

    def when_moved(self, leave: Callable[[], None]) -> None:
        self._leave = leave

    def move(self) -> None:
        """Have the call leave its route."""
        self.is_to_move = self.is_off_route = True
        if self._leave is not None:
            self._leave()

    def worked(self) -> None:
        """The endpoint answered."""

    def broke(self, _: AsrError) -> None:
        self.has_failed = True

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._leave = None
            self._recogniser.open -= 1
            self.call.abort()


class MemoryRecogniser:
    """Opens calls that follow a script.

    Attributes:
        open: calls that are open now.
        leases: all there were.
        refusals: how many attempts to open a call fail next.
    """

    def __init__(self, script: Callable[[Any], Awaitable[None]]) -> None:
        self.script = script
        self.open = self.refusals = 0
        self.leases: list[MemoryLease] = []

    async def open_first(self) -> MemoryLease:
        await asyncio.sleep(0)
        if self.refusals:
            self.refusals -= 1
            raise from_status("UNAVAILABLE", "nobody there", doing="open")
        self.leases.append(MemoryLease(self))
        return self.leases[-1]

    async def reopen(self, left: MemoryLease, *, patience: float) -> MemoryLease:
        assert patience >= 0
        assert self.open == 0, left
        return await self.open_first()

    def session(self, begin: Cursor = BEGINNING, **changes: Any) -> RecognitionSession:  # noqa: ANN401 - any rule
        """A session at this recogniser."""
        call = CallRules(
            sample_rate=RATE,
            largest_chunk=8192,
            silence_interval=30.0,
            write_timeout=5.0,
            final_timeout=5.0,
            interim_interval=0.0,
            interims=True,
            word_times=True,
        )
        rules: dict[str, Any] = {
            "call": call,
            "reopen": ReopenRules(outage_limit=20.0, first_wait=0.001),
            "replay_s": 60.0,
            "patience_s": 10.0,
            "max_call_s": 0.0,
            "unsent_s": 0.5,
            "send_timeout": 5.0,
            **changes,
        }
        opened: Any = self.open_first
        reopened: Any = self.reopen
        return RecognitionSession(opened, reopened, SessionRules(**rules), begin)
