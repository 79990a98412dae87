"""How far a run is, and the time left: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_EVERY_S: Final = 10.0
"""Between two lines."""


@dataclass(slots=True)
class Count:
    """What has been done so far.

    Attributes:
        files: To be done.
        size: Of those, bytes.
        finished: Done or failed.
        finished_size: Of those, bytes.
        failed: Of the finished.
        running: Being heard.
        audio_seconds: Heard.
    """

    files: int
    size: int
    finished: int = 0
    finished_size: int = 0
    failed: int = 0
    running: int = 0
    audio_seconds: float = 0.0

    def seconds_left(self, elapsed: float) -> float | None:
        """Return the seconds that the rest takes at the rate so far; None before anything is done.

        Recordings are taken to be as long as they are large: mostly all are of one kind.
        """
        if not self.finished_size:
            return None
        return elapsed * (self.size - self.finished_size) / self.finished_size

    def line(self, elapsed: float) -> str:
        """Return all of it in words."""
        left = self.seconds_left(elapsed)
        speed = f", {self.audio_seconds / elapsed:.0f}x real time" if elapsed > 0 else ""
        parts = [
            f"{self.finished} of {self.files} recordings",
            f"{self.running} being heard",
            f"{spoken(self.audio_seconds)} of sound{speed}",
            *([f"{self.failed} failed"] if self.failed else []),
            "time left unknown" if left is None else f"about {spoken(left)} left",
        ]
        return ", ".join(parts)


def spoken(seconds: float) -> str:
    """Return a duration as people say it: `45 s`, `12 min`, `3.5 h`."""
    if seconds < 90:  # noqa: PLR2004 - a minute and a half
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"  # noqa: PLR2004


class Shown(Protocol):
    """Shows a run to a person."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    def changed(self) -> None:
        """Show what is counted now."""

    def say(self, sentence: str) -> None:
        """Say something at once."""


class Bar:
    """Shows a bar on standard error.

    Args:
        count: What is shown.
    """

    def __init__(self, count: Count) -> None:
        self._count = count
        self._begun = monotonic()
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), console=self._console
        )
        self._task = self._progress.add_task(self._line(), total=max(1, count.size))

    def __enter__(self) -> Self:
        """Begin."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is."""
        self.changed()
        self._progress.stop()

    def changed(self) -> None:
        """Show what is counted now."""
        self._progress.update(
            self._task, completed=self._count.finished_size, description=self._line()
        )

    def say(self, sentence: str) -> None:
        """Say something above the bar."""
        self._console.print(f"perch: {sentence}", markup=False, soft_wrap=True)

    def _line(self) -> str:
        return self._count.line(monotonic() - self._begun)


class Lines:
    """Prints a line on standard error now and then.

    Args:
        count: What is shown.
    """

    def __init__(self, count: Count) -> None:
        self._count = count
        self._begun = self._latest = monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End."""

    def changed(self) -> None:
        """Print what is counted now, unless a line was printed a moment ago."""
        now = monotonic()
        if now - self._latest >= _EVERY_S:
            self._latest = now
            self.say(self._count.line(now - self._begun))

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        click.echo(f"perch: {sentence}", err=True)


def shown(count: Count) -> Shown:
    """Return a bar on a terminal that can draw one, else lines."""
    is_live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return Bar(count) if is_live else Lines(count)
