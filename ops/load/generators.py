"""The generator processes of a run, seen from `perch load`."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from ops.console.errors import CommandFailedError
from ops.load.plan import Done, Level, Progress, Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from ops.load.plan import Setup, Voice

READY_S: Final = 60.0
LEAD_S: Final = 1.0
"""Between the word and a level's begin: each process has read its part by then."""
STOP_S: Final = 5.0
_LINE_BYTES: Final = 2**28
"""A level's sessions come as one line: 500 bytes each."""


class Generators:
    """Processes that play levels together. Made by `generating`."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        self._processes = processes

    async def play(
        self,
        voices: Sequence[Voice],
        *,
        ramp_s: float,
        duration_s: float,
        patience_s: float,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> tuple[Level, tuple[Done, ...]]:
        """Play a level and return how it was planned, and what each process said of it.

        Args:
            voices: Of the whole level; each process plays every n-th of them.
            ramp_s: Seconds in which they begin.
            duration_s: Seconds from then on that are measured.
            patience_s: Seconds that its last sessions may take beyond that.
            on_progress: Told all processes' numbers together, about once a second.

        Raises:
            CommandFailedError: A process died, or said what makes no sense.
        """
        level = Level(
            sessions=len(voices),
            begins=monotonic() + LEAD_S,
            ramp_s=ramp_s,
            duration_s=duration_s,
            voices=tuple(voices),
        )
        latest: dict[int, Progress] = {}

        def told(number: int, progress: Progress) -> None:
            latest[number] = progress
            if on_progress is not None:
                on_progress(_together(tuple(latest.values())))

        parts = [
            level.model_copy(update={"voices": level.voices[number :: len(self._processes)]})
            for number in range(len(self._processes))
        ]
        try:
            async with (
                asyncio.timeout(LEAD_S + ramp_s + duration_s + patience_s),
                asyncio.TaskGroup() as group,
            ):
                tasks = [
                    group.create_task(_play(process, part, number, told))
                    for number, (process, part) in enumerate(
                        zip(self._processes, parts, strict=True)
                    )
                ]
        except TimeoutError:
            raise CommandFailedError("a generator did not come to an end") from None
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return level, tuple(task.result() for task in tasks)


@asynccontextmanager
async def generating(setup: Setup, processes: int) -> AsyncIterator[Generators]:
    """Start generator processes, and stop them behind the block.

    Args:
        setup: What each is told; a token in it goes through a pipe.
        processes: How many.

    Raises:
        CommandFailedError: One does not start.
    """
    started: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(processes):
            started.append(  # noqa: PERF401 - those that were started are stopped if one fails
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "ops.load.playing.worker"),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    limit=_LINE_BYTES,
                    # Ctrl-C is for `perch load`, which then ends them.
                    start_new_session=True,
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                )
            )
        try:
            async with asyncio.timeout(READY_S):
                for process in started:
                    await _write(process, setup.model_dump_json())
                for process in started:
                    await _read(process)
        except TimeoutError:
            raise CommandFailedError(f"a generator was not ready after {READY_S:.0f} s") from None
        yield Generators(started)
    finally:
        for process in started:
            await _stop(process)


async def _play(
    process: asyncio.subprocess.Process,
    level: Level,
    number: int,
    told: Callable[[int, Progress], None],
) -> Done:
    await _write(process, level.model_dump_json())
    while True:
        said = await _read(process)
        if said.progress is not None:
            told(number, said.progress)
        if said.done is not None:
            return said.done


async def _write(process: asyncio.subprocess.Process, line: str) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    try:
        process.stdin.write(line.encode() + b"\n")
        await process.stdin.drain()
    except OSError:
        raise CommandFailedError("a generator has died; its words are above") from None


async def _read(process: asyncio.subprocess.Process) -> Said:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    line = await process.stdout.readline()
    if not line:
        raise CommandFailedError("a generator has died; its words are above")
    try:
        return Said.model_validate_json(line)
    except ValidationError:
        raise CommandFailedError("a generator said what is no line of one") from None


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(0.0 if process.returncode is not None else STOP_S):
            await process.wait()
    except TimeoutError:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _together(found: Sequence[Progress]) -> Progress:
    return Progress(
        active=sum(one.active for one in found),
        finished=sum(one.finished for one in found),
        failed=sum(one.failed for one in found),
    )
