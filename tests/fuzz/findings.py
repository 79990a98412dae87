"""Inputs that broke a promise: written down as they are found, kept as test cases once mended."""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fuzz.target import Target

KEPT: Final = Path(__file__).resolve().parent / "found"
"""A folder a target. Whoever mends a finding puts its input there."""

MOST: Final = 20
"""Of one run: what comes after has the same causes."""


def kept(target: Target) -> Sequence[bytes]:
    """Return the inputs that broke a promise once."""
    return [path.read_bytes() for path in sorted((KEPT / target.name).glob("*.bin"))]


class Findings:
    """Writes findings down, one for each place in the code that raised.

    Args:
        folder: Where to: the input as it is, and beside it what was raised.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: set[str] = set()

    def add(self, data: bytes, error: BaseException) -> None:
        """Write a finding down, unless its place is known."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} {last.filename}:{last.lineno}"
        if place in self._places or len(self._places) >= MOST:
            return
        self._places.add(place)
        write(self._folder, data, "".join(traceback.format_exception(error)))


def write(folder: Path, data: bytes, said: str) -> None:
    """Write one finding down."""
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(data).hexdigest()[:12]
    (folder / f"{name}.bin").write_bytes(data)
    (folder / f"{name}.txt").write_text(f"{data!r}\n\n{said}", encoding="utf-8")
