"""What a frame, a result and a request for finals pass on their way through a gateway.

Two counts. A file holds a thing where a local variable of one of its functions is the thing, or
what it was made into: the audio itself, or a message with the text of a result in it. And a file
runs where any of its functions does meanwhile, whatever for. Where finals are requested nothing is
handed on, so there is the second count alone. The gateway listens on a real socket and its
recogniser is a real gRPC server; of that, of the client and of libraries nothing counts.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.gateways.running import running_gateway, said_until
from tests.support.recognisers.fake_riva import FakeRiva, Stream, final, serving, word

APP = str(Path(sys.modules["app.asr"].__file__ or "").parents[1]) + os.sep
FRAME = bytes(range(1, 241)) * 4  # 30 ms, as no other bytes are
SPOKEN = FRAME[::-1]  # of which a word is heard
TEXT = "hippopotamus number"
QUIET = bytes(640)
TIMES = 3
"""A file that runs for something else now and then does not do so each time."""


@dataclass
class Passed:
    """Where something was seen, in the order of sight.

    Attributes:
        files: Paths below `app/` that held it.
        tasks: What the tasks are running that it was seen in.
        ran: Paths that ran any code.
    """

    files: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def each_time(self, other: "Passed") -> "Passed":
        """Return what held it in either, and ran in both."""
        files = list(dict.fromkeys(self.files + other.files))
        tasks = list(dict.fromkeys(self.tasks + other.tasks))
        return Passed(files, tasks, [path for path in self.ran if path in other.ran])


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
        _add(self.passed.ran, frame.f_code.co_filename.removeprefix(APP))
        if self._is_it is None:
            return None
        frame.f_trace_lines = False
        return self._on_event

    def _on_event(self, frame: FrameType, event: str, returned: object) -> Any:  # noqa: ANN401 - as before
        assert self._is_it is not None
        if event == "return" and any(map(self._is_it, [*frame.f_locals.values(), returned])):
            self._note(frame)
        return self._on_event

    def _note(self, frame: FrameType) -> None:
        _add(self.passed.files, frame.f_code.co_filename.removeprefix(APP))
        task = asyncio.current_task()
        if task is not None:
            _add(self.passed.tasks, getattr(task.get_coro(), "__qualname__", ""))


def _add(found: list[str], name: str) -> None:
    if name not in found:
        found.append(name)


def is_frame(value: object) -> bool:
    """Whether it is the audio, or a message of a library or of ASGI with the audio in it."""
    value = getattr(value, "audio_content", getattr(value, "data", value))
    if isinstance(value, Mapping):
        value = value.get("bytes")
    return isinstance(value, bytes | bytearray) and FRAME in value


def is_result(value: object) -> bool:
    """Whether it is, or holds, the text of a final; a single word of it is no result."""
    kind = type(value)
    is_message = kind.__module__.startswith(("app.", "riva")) or kind in {str, bytes}
    return is_message and TEXT in repr(value)


class CountingTask(asyncio.tasks._PyTask):  # type: ignore[name-defined,misc]
    """Counts the wake-ups of the tasks that run code of `app`, and of the connection's."""

    steps = 0

    def _Task__step(self, exc: BaseException | None = None) -> None:  # noqa: N802 - asyncio's name
        code = getattr(self.get_coro(), "cr_code", None)
        if code is not None and (code.co_filename.startswith(APP) or code.co_name == "run_asgi"):
            CountingTask.steps += 1
        super()._Task__step(exc)


async def says_the_word(stream: Stream) -> None:
    """Say a final for each frame that is spoken."""
    said = 0
    while (chunk := await stream.receive()) is not None:
        if SPOKEN in chunk:
            said += 1
            await stream.say(
                final(f"{TEXT} {said}", word("hippopotamus", 10 * said, 10 * said + 9))
            )


@dataclass(frozen=True)
class Address:
    """Where a recogniser listens."""

    grpc_port: int
    host: str = "127.0.0.1"
    http_port: int = 0


@asynccontextmanager
async def session_running(riva: FakeRiva) -> AsyncIterator[ClientConnection]:
    """A client with a session at a gateway whose recogniser is that one."""
    async with (
        running_gateway(Address(riva.port), audio_max_realtime_factor=0) as gateway,
        connect(gateway.url, compression=None) as client,
    ):
        await client.send(json.dumps({"type": "start_transcription", "sample_rate": 16_000}))
        await said_until(client, "session_started")
        await riva.stream()
        yield client


async def frame_and_result() -> tuple[Passed, Passed]:
    """Where a frame goes, and where a final; neither is the first of its kind.

    What runs for the final is counted without what the frame it is about runs alone.
    """
    frame = result = None
    async with serving(FakeRiva(script=says_the_word)) as riva, session_running(riva) as client:
        await client.send(SPOKEN)
        await said_until(client, "transcription")
        stream = await riva.stream()
        for _ in range(TIMES):
            with Watch(is_frame) as passed:
                await client.send(FRAME)
                await stream.saw_audio(len(stream.chunks) + 1)
            frame = passed if frame is None else frame.each_time(passed)
            with Watch(is_result) as passed:
                await client.send(SPOKEN)
                await said_until(client, "transcription")
            result = passed if result is None else result.each_time(passed)
    assert frame is not None
    assert result is not None
    result.ran = [path for path in result.ran if path not in frame.ran or path in result.files]
    return frame, result


async def finalise() -> Passed:
    """What runs between a client's request for finals and its answer."""
    async with serving(FakeRiva(script=says_the_word)) as riva, session_running(riva) as client:
        await client.send(SPOKEN)
        await said_until(client, "transcription")
        with Watch(None) as passed:
            await client.send(json.dumps({"type": "finalize"}))
            await said_until(client, "finalized")
    return passed


async def wakeups(frames: int = 50) -> float:
    """How often a task is woken for a frame of a client who is not in a hurry."""
    asyncio.get_running_loop().set_task_factory(
        lambda loop, coro, **kwargs: CountingTask(coro, loop=loop, **kwargs)
    )
    async with serving(FakeRiva(script=says_the_word)) as riva, session_running(riva) as client:
        stream = await riva.stream()
        for count in range(frames + 1):
            if count == 1:
                CountingTask.steps = 0
            await client.send(QUIET)
            await stream.saw_audio(count + 1)
            await asyncio.sleep(0.002)
        return CountingTask.steps / frames


def table() -> str:
    """All of it, one line each."""
    frame, result = asyncio.run(frame_and_result())
    finals = asyncio.run(finalise())
    lines = [
        f"{name}, held by {len(each.files)}: {' '.join(each.files)}; {len(each.tasks)} tasks\n"
        for name, each in {"frame": frame, "result": result}.items()
    ]
    lines += [
        f"{name}, {len(each.ran)} run: {' '.join(each.ran)}\n"
        for name, each in {"frame": frame, "result": result, "finalise": finals}.items()
    ]
    return "".join([*lines, f"wake-ups a frame: {asyncio.run(wakeups()):.2f}\n"])


if __name__ == "__main__":
    argparse.ArgumentParser(
        description="Count what a frame, a result and a finalise cross."
    ).parse_args()
    sys.stdout.write(table())
