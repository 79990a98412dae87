"""What a frame, a result and a request for finals pass on their way through a gateway.

A file holds a thing where a local variable of one of its functions is the thing, or what it was
made into: the audio itself, or a message with the words of a result in it. Where finals are
requested nothing is handed on, so there the files count that run any code at all. The socket is in
memory; the recogniser is a real gRPC server, of which nothing counts.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from app.asr import Cursor, RivaASRClient, RivaSettings
from app.gateway.admission.clients import Visitor
from app.gateway.core import Gateway
from app.gateway.dialects.a import CodecA
from app.gateway.session.connection import ClientConnection
from app.gateway.settings.gateway import GatewaySettings
from tests.app.gateway.session.memory import MemorySocket
from tests.support.gateways.running import eventually
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving, word

APP = str(Path(sys.modules["app.asr"].__file__ or "").parents[1]) + os.sep
FRAME = bytes(range(1, 241)) * 4  # 30 ms, as no other bytes are
SPOKEN = FRAME[::-1]  # of which a word is heard
WORD = "hippopotamus"
QUIET = bytes(640)


@dataclass
class Passed:
    """Where something was seen, in the order of sight.

    Attributes:
        files: Paths below `app/`.
        tasks: What the tasks are running that it was seen in.
    """

    files: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)


class Watch:
    """Traces the functions of `app` while its block runs."""

    def __init__(self, is_it: Callable[[object], bool] | None) -> None:
        self._is_it = is_it
        self.passed = Passed()

    def __enter__(self) -> Passed:
        self._before = sys.gettrace()
        sys.settrace(self._on_call)
        return self.passed

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _on_call(self, frame: FrameType, _: str, __: Any) -> Any:  # noqa: ANN401 - as sys.settrace has it
        if not frame.f_code.co_filename.startswith(APP):
            return None
        if self._is_it is None:
            self._note(frame)
            return None
        frame.f_trace_lines = False
        return self._on_event

    def _on_event(self, frame: FrameType, event: str, returned: object) -> Any:  # noqa: ANN401 - as before
        assert self._is_it is not None
        if event == "return" and any(map(self._is_it, [*frame.f_locals.values(), returned])):
            self._note(frame)
        return self._on_event

    def _note(self, frame: FrameType) -> None:
        path = frame.f_code.co_filename.removeprefix(APP)
        if path not in self.passed.files:
            self.passed.files.append(path)
        task = asyncio.current_task()
        name = "" if task is None else getattr(task.get_coro(), "__qualname__", "")
        if name and name not in self.passed.tasks:
            self.passed.tasks.append(name)


def is_frame(value: object) -> bool:
    value = getattr(value, "audio_content", value)
    return isinstance(value, bytes | bytearray) and FRAME in value


def is_word(value: object) -> bool:
    kind = type(value)
    is_message = kind.__module__.startswith(("app.", "riva")) or kind in {str, bytes}
    # A cursor may name the last word, and is no result.
    return is_message and kind is not Cursor and WORD in repr(value)


class CountingTask(asyncio.tasks._PyTask):  # type: ignore[name-defined,misc]
    """Counts the wake-ups of the tasks that run code of `app`."""

    steps = 0

    def _Task__step(self, exc: BaseException | None = None) -> None:  # noqa: N802 - asyncio's name
        code = getattr(self.get_coro(), "cr_code", None)
        if code is not None and code.co_filename.startswith(APP):
            CountingTask.steps += 1
        super()._Task__step(exc)


async def says_the_word(stream: Stream) -> None:
    """Say a final for each frame that is spoken."""
    said = 0
    while (chunk := await stream.receive()) is not None:
        if SPOKEN in chunk:
            said += 1
            await stream.say(final(f"{WORD} {said}", word(WORD, 10 * said, 10 * said + 9)))


@asynccontextmanager
async def session_running(riva: FakeRiva) -> AsyncIterator[MemorySocket]:
    """A client with a session at a gateway whose recogniser is that one."""
    settings = GatewaySettings.model_validate({"audio_max_realtime_factor": 0})
    asr = RivaASRClient(RivaSettings(_env_file=None, host="127.0.0.1", port=riva.port, http_port=0))
    gateway = Gateway.build(settings, asr, "0")
    await gateway.readiness.refresh()
    socket, visitor = MemorySocket(), Visitor(b"client")
    with gateway.admission.connection(visitor):
        session = ClientConnection(
            gateway, socket.wire(), CodecA("connection", settings), "c", visitor
        )
        serving_it = asyncio.create_task(session.run())
        socket.send(json.dumps({"type": "start_transcription", "sample_rate": 16_000}))
        await heard(socket, "session_started")
        await riva.stream()
        try:
            yield socket
        finally:
            socket.leave(1000)
            await serving_it
            await asr.aclose()


async def heard(socket: MemorySocket, kind: str, count: int = 1) -> None:
    """Wait for the client to have so many messages of a kind."""

    def has_come() -> bool:
        return [message["type"] for message in socket.heard].count(kind) >= count

    await eventually(has_come)


async def frame_and_result() -> tuple[Passed, Passed]:
    """Where a frame goes, and where a final; neither is the first of its kind."""
    async with serving(FakeRiva(script=says_the_word)) as riva, session_running(riva) as socket:
        socket.send(SPOKEN)
        await heard(socket, "transcription")
        stream = await riva.stream()
        with Watch(is_frame) as frame:
            socket.send(FRAME)
            await stream.saw_audio(2)
        with Watch(is_word) as result:
            socket.send(SPOKEN)
            await heard(socket, "transcription", 2)
    return frame, result


async def finalise() -> Passed:
    """What runs between a client's request for finals and its answer."""
    async with serving(FakeRiva(script=says_the_word)) as riva, session_running(riva) as socket:
        socket.send(SPOKEN)
        await heard(socket, "transcription")
        with Watch(None) as passed:
            socket.send(json.dumps({"type": "finalize"}))
            await heard(socket, "finalized")
    return passed


async def wakeups(frames: int = 50) -> float:
    """How often a task is woken for a frame of a client who is not in a hurry."""
    asyncio.get_running_loop().set_task_factory(
        lambda loop, coro, **kwargs: CountingTask(coro, loop=loop, **kwargs)
    )
    async with serving(FakeRiva(script=says_the_word)) as riva, session_running(riva) as socket:
        stream = await riva.stream()
        for count in range(frames + 1):
            if count == 1:
                CountingTask.steps = 0
            socket.send(QUIET)
            await stream.saw_audio(count + 1)
            await asyncio.sleep(0.002)
        return CountingTask.steps / frames


def table() -> str:
    """All of it, one line each."""
    frame, result = asyncio.run(frame_and_result())
    finals = asyncio.run(finalise())
    rows = {"frame": frame, "result": result, "finalise": finals}
    lines = [
        f"{name}: {len(each.files)} files, {len(each.tasks)} tasks {each.tasks}: {each.files}"
        for name, each in rows.items()
    ]
    return "\n".join([*lines, f"wake-ups a frame: {asyncio.run(wakeups()):.2f}\n"])


if __name__ == "__main__":
    argparse.ArgumentParser(
        description="Count what a frame, a result and a finalise cross."
    ).parse_args()
    sys.stdout.write(table())
