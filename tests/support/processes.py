"""The real programs as processes that can be killed, stopped, paused and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

LOOPBACK = "127.0.0.1"
START_S = 60.0
STOP_S = 40.0
POLL_S = 0.1
SCRUBBED = ("APP_", "AUDIO_", "AWS_", "EMULATOR_", "LOG_", "NIM_", "RIVA_", "WS_")
"""Settings of the person's shell, which must not decide a scenario."""


class ProcessError(Exception):
    """A program did not do what every scenario needs of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where clients connect.

    Attributes:
        url: `ws://` or `wss://`, without a path.
        tls: For `wss://`.
        token: Bearer token of who connects, where one is asked for.
    """

    url: str
    tls: ssl.SSLContext | None = None
    token: str | None = None


def free_port(host: str = LOOPBACK) -> int:
    """A port on which nobody listens: taken and given back a moment ago."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Program:
    """A Python module of ours as a process.

    Args:
        name: For messages.
        arguments: What follows `python -m`.
        folder: Where it works; its log is written there.
        environment: Its settings.
        prefix: A command in front of the interpreter.
    """

    def __init__(
        self,
        name: str,
        arguments: tuple[str, ...],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.arguments = arguments
        self.folder = folder
        self.environment = dict(environment or {})
        self.prefix = prefix
        self.lines: list[str] = []
        self.said: dict[str, object] = {}
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def pid(self) -> int:
        """Of the running process.

        Raises:
            ProcessError: It does not run.
        """
        if self._process is None or self._process.returncode is not None:
            raise ProcessError(f"{self.name} does not run; its last lines: {self.lines[-5:]}")
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the process is there, paused or not."""
        return self._process is not None and self._process.returncode is None

    async def launch(self, *, stdout: Path | None = None) -> None:
        """Start it without waiting for anything.

        Args:
            stdout: Where its output goes instead of to us, such as /dev/full.
        """
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(SCRUBBED)}
        with contextlib.ExitStack() as stack:
            out = PIPE if stdout is None else stack.enter_context(stdout.open("wb"))
            self._process = await asyncio.create_subprocess_exec(
                *self.prefix,
                *(sys.executable, "-m", *self.arguments),
                cwd=self.folder,
                env={**inherited, "PYTHONPATH": _our_path(), **self.environment},
                stdin=DEVNULL,
                stdout=out,
                stderr=out if stdout is not None else asyncio.subprocess.STDOUT,
            )
        self.said = {}
        if self._process.stdout is not None:
            self._reading = asyncio.create_task(self._read(self._process.stdout))

    async def wait_for(self, event: str) -> None:
        """Wait until it says a JSON line with that event.

        Raises:
            ProcessError: It ended, or said nothing of the kind in time.
        """
        await self._until(lambda: self.said.get("event") == event, repr(event))

    async def wait_for_line(self, *parts: str, since: int = 0) -> str:
        """Wait until it writes a line in which all these texts stand, and return it.

        Args:
            parts: The texts.
            since: How many lines are passed over.

        Raises:
            ProcessError: It ended, or wrote nothing of the kind in time.
        """

        def found() -> list[str]:
            return [line for line in self.lines[since:] if all(part in line for part in parts)]

        await self._until(lambda: bool(found()), f"a line with {parts}")
        return found()[0]

    async def _until(self, holds: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(START_S):
                while not holds():
                    if self._reading is None or self._reading.done():
                        raise ProcessError(f"{self.name} ended: {self.lines[-5:]}")
                    await self._news.wait()
        except TimeoutError:
            raise ProcessError(
                f"{self.name} did not say {what} within {START_S:g} s: {self.lines[-5:]}"
            ) from None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; SIGSTOP pauses, SIGCONT goes on."""
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """End it as `kill -9` does, and start nothing else."""
        if self.runs:
            self.signal(signal.SIGKILL)
        await self._gone()

    async def terminate(self) -> int:
        """Ask it to end, and return its exit status; killed where it does not obey."""
        if self.runs:
            self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                return await self._gone()
        except TimeoutError:
            await self.kill()
            raise ProcessError(f"{self.name} was still there {STOP_S:g} s after SIGTERM") from None

    def open_files(self) -> int:
        """File descriptors it holds."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def _gone(self) -> int:
        if self._process is None:
            return 0
        status = await self._process.wait()
        if self._reading is not None:
            await self._reading
        return status

    async def _read(self, stdout: asyncio.StreamReader) -> None:
        # Whoever does not read blocks the writer.
        with (self.folder / f"{self.name}.log").open("ab") as log:
            async for line in stdout:
                log.write(line)
                self._heard(line.decode(errors="replace").rstrip())
        self._heard("")

    def _heard(self, line: str) -> None:
        if line:
            self.lines.append(line)
        with contextlib.suppress(ValueError):
            parsed = json.loads(line)
            if isinstance(parsed, dict) and "event" in parsed:
                self.said = parsed
        self._news.set()
        self._news = asyncio.Event()


def _our_path() -> str:
    """Where this run's own packages lie: children work in another folder."""
    return str(Path(__file__).resolve().parents[2])


async def samples(url: str) -> dict[str, float]:
    """Prometheus samples without labels, by name; those with labels added up."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(url)).text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


class Recogniser(Program):
    """An emulator that hears real speech, always on the same ports.

    Args:
        name: For messages.
        folder: Where it works.
        host: Address it binds.
        options: More of its command line.
        twin: Another one, on whose ports this one listens too, at its own address.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        host: str = LOOPBACK,
        options: tuple[str, ...] = (),
        twin: Recogniser | None = None,
    ) -> None:
        self.host = host
        self.grpc_port: int = free_port(host) if twin is None else twin.grpc_port
        self.http_port: int = free_port(host) if twin is None else twin.http_port
        ports = ("--grpc-port", str(self.grpc_port), "--http-port", str(self.http_port))
        super().__init__(
            name, ("app.emulator", "--host", host, *ports, "--admin", *options), folder
        )

    @property
    def endpoint(self) -> str:
        """As RIVA_ENDPOINTS wants it."""
        return f"{self.host}:{self.grpc_port}/{self.http_port}"

    @property
    def url(self) -> str:
        """Base URL of its HTTP side."""
        return f"http://{self.host}:{self.http_port}"

    async def start(self) -> None:
        """Start it and wait until it hears."""
        if not self.runs:
            await self.launch()
        await self.wait_for("ready")

    async def set_script(self, script: Mapping[str, object]) -> None:
        """Let streams that open from now on go wrong as scripted; an empty one ends that."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(f"{self.url}/admin/script", json=script)
        if answer.status_code != httpx.codes.OK:
            raise ProcessError(f"{self.name} refused the script: {answer.text}")

    async def streams(self) -> int:
        """Streams that it served since it was started, 1024 at most."""
        async with httpx.AsyncClient(trust_env=False) as http:
            return len((await http.get(f"{self.url}/admin/streams")).json()["streams"])

    async def open_streams(self) -> int:
        """Streams that have not ended."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{self.url}/admin/streams")
        return sum(1 for stream in answer.json()["streams"] if not stream["status"])


class Gateway(Program):
    """A gateway, always on the same port.

    Args:
        name: For messages.
        folder: Where it works.
        settings: Its environment.
        prefix: A command in front of the interpreter.
        module: What is run.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        settings: Mapping[str, str],
        *,
        prefix: tuple[str, ...] = (),
        module: str = "app.gateway",
    ) -> None:
        self.port = free_port()
        self.admin_port = free_port()
        own = {
            "APP_HOST": LOOPBACK,
            "APP_PORT": str(self.port),
            "APP_ADMIN_PORT": str(self.admin_port),
            "LOG_FORMAT": "json",
        }
        super().__init__(name, (module,), folder, {**own, **settings}, prefix=prefix)

    @property
    def url(self) -> str:
        """Base URL of its HTTP side."""
        return f"http://{LOOPBACK}:{self.port}"

    async def start(self, *, stdout: Path | None = None) -> None:
        """Start it and wait until it takes sessions."""
        await self.launch(stdout=stdout)
        await self.ready()

    async def ready(self) -> None:
        """Wait until it takes sessions.

        Raises:
            ProcessError: It ended, or was not ready in time.
        """
        try:
            async with asyncio.timeout(START_S), httpx.AsyncClient(trust_env=False) as http:
                while not await answers(http, f"{self.url}/readyz"):
                    _ = self.pid
                    await asyncio.sleep(POLL_S)
        except TimeoutError:
            raise ProcessError(f"{self.name} was not ready within {START_S:g} s") from None

    async def metrics(self) -> dict[str, float]:
        """Its own numbers."""
        return await samples(f"http://{LOOPBACK}:{self.admin_port}/metrics")


async def answers(http: httpx.AsyncClient, url: str) -> bool:
    """Say whether an address answers with 200 now."""
    try:
        return (await http.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
