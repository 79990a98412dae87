"""Lines of the logs of a stack on this machine."""

from __future__ import annotations

import heapq
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ops.console.errors import CommandFailedError
from ops.logs.lines import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ops.logs.lines import Source, Wanted

OF_COLOUR: Final[dict[Source, str]] = {"gateway": "gateway", "asr": "emulator"}
"""What a colour's processes are called, before the colour."""
OF_STACK: Final = ("aws", "apply", "host", "listener")
"""Processes of the whole stack: what stands for AWS and for the machines' hosts."""
_STAMP: Final = re.compile(
    r'^(?P<plain>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.,]\d{3})|"timestamp": "(?P<json>[^"]{20,32})"'
)
LINE_BYTES: Final = 64 * 1024
"""More of one line is not read at a time."""


def files_of(folder: Path, wanted: Wanted) -> tuple[Path, ...]:
    """Return the files of the processes whose lines are wanted, those that are there."""
    colours = ("blue", "green") if wanted.colour is None else (wanted.colour,)
    names = [
        name
        for source in wanted.sources
        for name in (
            [f"{OF_COLOUR[source]}-{colour}" for colour in colours]
            if source in OF_COLOUR
            else ([] if wanted.colour else OF_STACK)
        )
    ]
    return tuple(file for name in names if (file := folder / f"{name}.log").is_file())


class LogFile:
    """Reads one file, and can go on where it stopped.

    A line without a time of its own belongs to the one before it.

    Args:
        path: The file; named as its process.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._at: datetime | None = None

    def lines(self) -> Iterator[Line]:
        """Yield the lines that have come since the last call; a line without its end is left.

        Raises:
            CommandFailedError: The file cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                if self._path.stat().st_size < self._offset:
                    # Another run of the stack has begun the file anew.
                    self._offset, self._at = 0, None
                file.seek(self._offset)
                while line := file.readline(LINE_BYTES):
                    if not line.endswith(b"\n") and len(line) < LINE_BYTES:
                        return
                    self._offset += len(line)
                    text = line.decode("utf-8", errors="replace").rstrip("\r\n")
                    self._at = _stamp(text) or self._at
                    yield Line(at=self._at, source=self._path.stem, text=text)
        except OSError as error:
            raise CommandFailedError(f"{self._path} cannot be read: {error.strerror}") from None


def _stamp(text: str) -> datetime | None:
    """Return the time that a line begins with, or has as JSON; None without one."""
    found = _STAMP.search(text)
    if found is None:
        return None
    try:
        told = datetime.fromisoformat((found["plain"] or found["json"]).replace(",", "."))
    except ValueError:
        return None
    # What Python's logging writes is this machine's time, without an offset.
    return told.astimezone(UTC)


class FileLogs:
    """Reads several files as one, in the order of time.

    Args:
        files: Their paths.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = [LogFile(path) for path in files]

    def lines(self, wanted: Wanted) -> Iterator[Line]:
        """Yield the wanted lines that have come since the last call."""
        streams = (file.lines() for file in self._files)
        for line in heapq.merge(*streams, key=lambda line: line.at or _EARLIEST):
            if wanted.takes(line):
                yield line

    def follow(self, wanted: Wanted, *, seconds: float, every: float) -> Iterator[Line]:
        """Yield the same, and what comes after it, for so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            yield from self.lines(wanted)
            if time.monotonic() + every >= deadline:
                return
            time.sleep(every)


_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
