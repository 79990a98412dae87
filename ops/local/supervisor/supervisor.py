"""The processes of a local stack: started, waited for, watched and stopped by one owner."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ops.console.errors import CommandFailedError
from ops.local.supervisor import ports
from ops.local.supervisor.records import ProcessRecord, record

LAST_LINES = 12
"""How much of a dead child's output is shown."""
LAST_BYTES = 16_384
POLL_SECONDS = 0.2
PROBE_SECONDS = 5.0
"""Deadline for one question whether a child is ready."""

Probe = Callable[[], Awaitable[str | None]]
"""Answers None when a child is ready, else in a few words what it lacks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One process to start.

    Args:
        name: What it is, as in `gateway-blue`.
        tier: Children of a higher tier are stopped before those of a lower one.
        arguments: Program (absolute path) and arguments.
        environment: Its whole environment.
        folder: Its working folder.
        log: File that takes its output, emptied first.
        address: Where it listens, for people.
        port: Where it must itself listen to be ready; None where it does not listen.
        probe: Asks whether it is ready; answers None when it is, else in a few words what is
            missing.
        stop_seconds: How long it may take to end after SIGTERM.
        restart: Whether it is started again when it ends by itself, as systemd does on a machine.
    """

    name: str
    tier: int
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    address: str
    probe: Probe
    port: int | None = None
    stop_seconds: float = 10.0
    restart: bool = True


class ChildDiedError(CommandFailedError):
    """A child ended by itself; the message names it and carries its last lines.

    Args:
        spec: Which child.
        returncode: Exit code, negative for a signal.
    """

    def __init__(self, spec: ChildSpec, returncode: int) -> None:
        self.spec = spec
        super().__init__(f"{spec.name} {exit_description(returncode)}{quoted_tail(spec.log)}")


def exit_description(returncode: int) -> str:
    """Say an exit code in words."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = f"signal {-returncode}"
    return f"was ended by {name}"


def tail(log: Path) -> list[str]:
    """Return the last lines of a log file; none when it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LAST_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-LAST_LINES:]


def quoted_tail(log: Path) -> str:
    """Return the last lines of a log, indented under a line that names the file."""
    lines = tail(log)
    if not lines:
        return f" and said nothing (log: {log})"
    return f"; its last lines (log: {log}):\n" + "\n".join(f"    {line}" for line in lines)


@dataclass(eq=False, slots=True, kw_only=True)
class Child:
    """A started process.

    Args:
        spec: What it was started from.
        process: Its handle.
        running: Its record.
    """

    spec: ChildSpec
    process: asyncio.subprocess.Process
    running: ProcessRecord

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to the child and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _open_log(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


async def start(spec: ChildSpec) -> Child:
    """Start a process in a session of its own that dies with this process.

    Raises:
        CommandFailedError: The program cannot be started.
    """
    launch = (sys.executable, "-P", "-m", "ops.local.supervisor.launch", str(os.getpid()))
    with _open_log(spec.log) as log:
        try:
            process = await asyncio.create_subprocess_exec(
                *launch,
                *spec.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                cwd=spec.folder,
                env=dict(spec.environment),
                # Ctrl-C in the terminal is for the supervisor alone, which then stops all in order.
                start_new_session=True,
            )
        except OSError as error:
            raise CommandFailedError(f"{spec.name} cannot be started: {error}") from None
    running = record(spec.name, process.pid, address=spec.address, log=spec.log)
    return Child(spec=spec, process=process, running=running)


async def stop(child: Child, *, seconds: float) -> bool:
    """End one child: SIGTERM, then SIGKILL when it is still there after ``seconds``.

    Returns whether it ended in time. Whatever it left behind in its group is killed too.
    """
    if child.process.returncode is not None:
        # Its group was dealt with when it ended; by now the number may be another's.
        return True
    in_time = True
    child.signal_group(signal.SIGTERM)
    try:
        async with asyncio.timeout(seconds):
            await child.process.wait()
    except TimeoutError:
        in_time = False
    child.signal_group(signal.SIGKILL)
    await child.process.wait()
    return in_time


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Owner of every process of a stack.

    Args:
        on_change: Called with the records of all living children whenever one comes or goes.
        say: Called with a line for the person.
        backoff: Seconds to wait before each restart of a child in a row; one that ends more often
            stays down.
        steady_seconds: A child that lived this long starts that row anew.
    """

    on_change: Callable[[tuple[ProcessRecord, ...]], None]
    say: Callable[[str], None]
    backoff: Sequence[float] = (0.5, 1.0, 2.0, 4.0, 8.0)
    steady_seconds: float = 60.0
    children: dict[str, Child] = field(default_factory=dict)

    def records(self) -> tuple[ProcessRecord, ...]:
        """Return the records of the children that run, in the order of starting."""
        return tuple(child.running for child in self.children.values())

    async def start(self, spec: ChildSpec) -> None:
        """Start a child and remember it."""
        self.children[spec.name] = await start(spec)
        self.on_change(self.records())

    async def run(self, spec: ChildSpec, *, seconds: float) -> None:
        """Start a child that has one thing to do, and wait until it has done it.

        Raises:
            ChildDiedError: It failed.
            CommandFailedError: The deadline passed.
        """
        await self.start(spec)
        child = self.children[spec.name]
        try:
            async with asyncio.timeout(seconds):
                returncode = await child.process.wait()
        except TimeoutError:
            raise CommandFailedError(
                f"{spec.name} was not done after {seconds:.0f} s{quoted_tail(spec.log)}"
            ) from None
        del self.children[spec.name]
        self.on_change(self.records())
        if returncode != 0:
            raise ChildDiedError(spec, returncode)

    async def until_ready(
        self,
        names: Sequence[str],
        *,
        seconds: float,
        progress: Callable[[Mapping[str, str]], None],
    ) -> None:
        """Wait until children are ready.

        Args:
            names: Which.
            seconds: Deadline for all of them together.
            progress: Called with what each still lacks, whenever that changes.

        Raises:
            ChildDiedError: One ended first.
            CommandFailedError: The deadline passed; says what each lacked.
        """
        waiting = dict.fromkeys(names, "starting")
        try:
            async with asyncio.timeout(seconds):
                while waiting:
                    progress(waiting)
                    await asyncio.sleep(POLL_SECONDS)
                    answers = await asyncio.gather(*(self._ask(name) for name in waiting))
                    asked = zip(tuple(waiting), answers, strict=True)
                    waiting = {name: lack for name, lack in asked if lack is not None}
        except TimeoutError:
            lacks = "; ".join(
                f"{name}: {lack}{quoted_tail(self.children[name].spec.log)}"
                for name, lack in waiting.items()
            )
            raise CommandFailedError(f"not ready after {seconds:.0f} s: {lacks}") from None

    async def _ask(self, name: str) -> str | None:
        child = self.children[name]
        if child.process.returncode is not None:
            raise ChildDiedError(child.spec, child.process.returncode)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                lack = await child.spec.probe()
        except TimeoutError:
            return f"no answer in {PROBE_SECONDS:.0f} s"
        # What answers may be another's, which took the port a moment before.
        if lack is None and child.spec.port is not None:
            mine = ports.listens(child.spec.port, child.process.pid)
            return None if mine else f"does not listen on port {child.spec.port}"
        return lack

    async def watch(self) -> None:
        """Keep the children running until cancelled; one that ends is named with its last lines.

        Raises:
            ChildDiedError: A child ended that cannot be started again.
        """
        async with asyncio.TaskGroup() as group:
            for name in tuple(self.children):
                group.create_task(self._keep(name), name=f"keep {name}")

    async def _keep(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        deaths = 0
        while True:
            child, began = self.children[name], loop.time()
            returncode = await child.process.wait()
            child.signal_group(signal.SIGKILL)
            death = ChildDiedError(child.spec, returncode)
            if not child.spec.restart:
                raise death
            self.say(death.message)
            deaths = 0 if loop.time() - began >= self.steady_seconds else deaths
            if deaths == len(self.backoff):
                self.say(f"{name} ended {deaths + 1} times in a row and stays down")
                del self.children[name]
                self.on_change(self.records())
                return
            await asyncio.sleep(self.backoff[deaths])
            deaths += 1
            await self.start(child.spec)
            self.say(f"{name} was started again")

    async def stop_all(self) -> list[str]:
        """Stop every child, tier by tier; return the names of those that had to be killed."""
        killed: list[str] = []
        for tier in sorted({child.spec.tier for child in self.children.values()}, reverse=True):
            group = [child for child in self.children.values() if child.spec.tier == tier]
            ended = await asyncio.gather(
                *(stop(child, seconds=child.spec.stop_seconds) for child in group)
            )
            for child, in_time in zip(group, ended, strict=True):
                if not in_time:
                    killed.append(child.spec.name)
                del self.children[child.spec.name]
            self.on_change(self.records())
        return killed

    def kill_all(self) -> None:
        """End every child at once, without waiting."""
        for child in self.children.values():
            if child.process.returncode is None:
                child.signal_group(signal.SIGKILL)
