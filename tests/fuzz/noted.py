"""What a fuzzing process notes in a file that outlives it, whatever it dies of.

The file is mapped to memory, so a note costs nothing: the input that is tried now, and counts.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from pathlib import Path

_HEAD: Final = struct.Struct("<4Q")
NAME: Final = "noted"


@dataclass(frozen=True, slots=True)
class Noted:
    """The notes of a process.

    Attributes:
        executions: Inputs that were tried to the end.
        begun_kib: Peak of its memory when it began, seeds tried.
        peak_kib: Peak until now.
        unfinished: The input that it was at; None where it was at none.
    """

    executions: int
    begun_kib: int
    peak_kib: int
    unfinished: bytes | None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what a process has noted in its folder; nothing where it came to nothing."""
        path = folder / NAME
        raw = path.read_bytes() if path.exists() else b""
        if len(raw) < _HEAD.size:
            return cls(0, 0, 0, None)
        executions, begun, peak, size = _HEAD.unpack_from(raw)
        rest = raw[_HEAD.size :]
        return cls(executions, begun, peak, rest[: size - 1] if size else None)


class Notes:
    """Writes the notes.

    Args:
        folder: Of the process.
        longest: Bytes of an input at most.
    """

    def __init__(self, folder: Path, longest: int) -> None:
        path = folder / NAME
        path.write_bytes(bytes(_HEAD.size + longest))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._executions = self._begun = self._peak = 0

    def begin(self, data: bytes) -> None:
        """Note the input that is tried now."""
        self._map[_HEAD.size : _HEAD.size + len(data)] = data
        self._write(len(data) + 1)

    def end(self, peak_kib: int) -> None:
        """Note that it was tried."""
        self._executions += 1
        self._peak = peak_kib
        self._write(0)

    def start_over(self, peak_kib: int) -> None:
        """Count from here: the seeds were tried."""
        self._executions, self._begun, self._peak = 0, peak_kib, peak_kib
        self._write(0)

    def _write(self, size: int) -> None:
        _HEAD.pack_into(self._map, 0, self._executions, self._begun, self._peak, size)
