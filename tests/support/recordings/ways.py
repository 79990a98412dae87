"""Every way a recording goes to a recogniser, with one that keeps what it was given."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import riva.client.proto.riva_asr_pb2 as asr
import riva.client.proto.riva_asr_pb2_grpc as asr_grpc
from click.testing import CliRunner, Result

from app.client import StartTranscription, transcribe
from app.emulator import Emulator, EmulatorSettings, serve
from app.emulator.recognition import Hypothesis, StreamOptions
from ops.transcribe.command import command
from tests.support.gateways.running import Running, running_gateway


@dataclass
class Heard:
    """One stream of a recogniser."""

    rate: int
    pcm: bytearray = field(default_factory=bytearray)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, chunk: bytes) -> None:
        self.pcm += chunk

    async def end(self) -> None:
        self.ended.set()

    async def results(self) -> AsyncIterator[Hypothesis]:
        await self.ended.wait()
        nothing: tuple[Hypothesis, ...] = ()
        for hypothesis in nothing:
            yield hypothesis

    def release(self) -> None:
        self.ended.set()


class Listener:
    """A recogniser that says nothing and keeps everything."""

    def __init__(self) -> None:
        self.streams: list[Heard] = []

    async def load(self) -> None:
        pass

    def open(self, options: StreamOptions) -> Heard:
        self.streams.append(Heard(options.audio.sample_rate))
        return self.streams[-1]

    async def aclose(self) -> None:
        pass


@dataclass(frozen=True)
class Stage:
    """A gateway in front of a recogniser.

    Attributes:
        emulator: The recogniser's server.
        gateway: The gateway.
        listener: What the recogniser was given; None where it is a real one.
    """

    emulator: Emulator
    gateway: Running
    listener: Listener | None

    async def heard(self, way: "Way", data: bytes, folder: Path) -> tuple[int, bytes]:
        """Rate and samples that reach the recogniser by a way; fails where they do not."""
        assert self.listener is not None
        self.listener.streams.clear()
        await way(self, data, folder)
        [stream] = self.listener.streams
        return stream.rate, bytes(stream.pcm)


Way = Callable[[Stage, bytes, Path], Awaitable[str]]
"""Sends a recording and returns its text."""


@asynccontextmanager
async def a_stage(*, real: bool = False, **emulator_changes: object) -> AsyncIterator[Stage]:
    """Run emulator and gateway.

    Args:
        real: Whether the recogniser is a real one.
        emulator_changes: Settings of the emulator.
    """
    settings = EmulatorSettings.model_validate(
        {"tags_selector": "mode=all", "engine": "whisper" if real else "none", **emulator_changes}
    )
    async with serve(settings) as emulator:
        listener = None if real else Listener()
        if listener is not None:
            emulator._runtime.recogniser = listener
        await emulator.wait_ready()
        async with running_gateway(emulator, audio_max_realtime_factor=0) as gateway:
            yield Stage(emulator, gateway, listener)


async def upload(stage: Stage, data: bytes, _: Path) -> str:
    async with httpx.AsyncClient(base_url=stage.gateway.http_url, timeout=60) as http:
        answer = await http.post("/transcribe/file", files={"file": ("talk", data)})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["transcript"])


async def python_client(stage: Stage, data: bytes, folder: Path) -> str:
    path = folder / "talk"
    path.write_bytes(data)
    finals_only = StartTranscription(enable_partials=False)
    outcome = await transcribe(stage.gateway.url, path, realtime=False, options=finals_only)
    return outcome.text


async def command_with_a_file(stage: Stage, data: bytes, folder: Path) -> str:
    path = folder / "talk"
    path.write_bytes(data)
    return text_of(await run_command(stage, path, "--json"))


async def command_with_a_pipe(stage: Stage, data: bytes, folder: Path) -> str:
    with fifo(data, folder / "pipe") as pipe:
        return text_of(await run_command(stage, pipe, "--json"))


async def offline_call(stage: Stage, data: bytes, _: Path) -> str:
    request = asr.RecognizeRequest(
        config=asr.RecognitionConfig(language_code="en-US", enable_automatic_punctuation=True),
        audio=data,
    )
    async with grpc.aio.insecure_channel(stage.emulator.grpc_target) as channel:
        answer = await asr_grpc.RivaSpeechRecognitionStub(channel).Recognize(request)
    return " ".join(result.alternatives[0].transcript.strip() for result in answer.results)


WAYS: tuple[Way, ...] = (
    upload,
    python_client,
    command_with_a_file,
    command_with_a_pipe,
    offline_call,
)


async def run_command(stage: Stage, path: Path, *options: str) -> Result:
    """`perch transcribe`, in a thread: it has an event loop of its own."""
    arguments = [str(path), "--url", stage.gateway.url, *options]
    return await asyncio.to_thread(CliRunner().invoke, command, arguments)


def text_of(run: Result) -> str:
    assert run.exit_code == 0, run.output
    # The gateway, in this process too, logs to the same place.
    answer = run.stdout[run.stdout.index("{\n") : run.stdout.rindex("\n}") + 2]
    return str(json.loads(answer)["text"])


class fifo:  # noqa: N801 - used like a function
    """A FIFO into which a recording is written by another thread."""

    def __init__(self, data: bytes, path: Path) -> None:
        self._path = path
        self._writer = threading.Thread(target=self._write, args=(data,))

    def _write(self, data: bytes) -> None:
        with self._path.open("wb") as file, suppress(BrokenPipeError):
            file.write(data)

    def __enter__(self) -> Path:
        os.mkfifo(self._path)
        self._writer.start()
        return self._path

    def __exit__(self, *_: object) -> None:
        self._writer.join()
        self._path.unlink()
