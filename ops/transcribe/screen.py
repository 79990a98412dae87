"""What a person sees of a session while it runs."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field

import click

from app.client import Event, Partial, Queued, Reconnected, Transcription, WarningA


@dataclass(slots=True, kw_only=True)
class Screen:
    """Shows what is heard, as it is heard.

    Args:
        live: Whether interim text is shown, and replaced in place.
        quiet: Whether nothing is shown.
        finals: Every final so far.
        reconnects: Every break of the connection so far over which the session went on.
        warnings: What was odd about the recording.
    """

    live: bool
    quiet: bool
    finals: list[Transcription] = field(default_factory=list)
    reconnects: list[Reconnected] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def warn(self, warnings: Iterable[str], name: str) -> None:
        """Say what was odd about a recording."""
        for warning in warnings:
            self.warnings.append(warning)
            if not self.quiet:
                self._clear()
                click.echo(f"perch: {name}: {warning}", err=True)

    def show(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, Transcription):
            self.finals.append(event)
        elif isinstance(event, Reconnected):
            self.reconnects.append(event)
        if self.quiet:
            return
        match event:
            case Transcription() if event.text.strip():
                self._clear()
                click.echo(event.text.strip())
            case Partial() if self.live:
                self._interim(event.text.strip())
            case WarningA():
                self._clear()
                click.echo(f"perch: {event.warning}", err=True)
            case Queued():
                self._clear()
                click.echo(
                    f"perch: all sessions are in use; place {event.place} in the waiting room, "
                    f"{event.seconds_left:.0f} s left",
                    err=True,
                )
            case Reconnected():
                self._clear()
                click.echo(
                    f"perch: connected again after {event.outage_s:.1f} s; "
                    f"{event.replayed_s:.1f} s of sound are sent again ({event.reason})",
                    err=True,
                )
            case _:
                pass

    def _clear(self) -> None:
        if self.live:
            click.echo("\r\x1b[K", nl=False, color=True)

    def _interim(self, text: str) -> None:
        # One line only: what has scrolled off its left end is read in the final.
        width = max(2, shutil.get_terminal_size().columns - 2)
        shown = text if len(text) <= width else f"…{text[1 - width :]}"
        click.echo(f"\r\x1b[2m{shown}\x1b[0m\x1b[K", nl=False, color=True)

    @property
    def text(self) -> str:
        """All finals in one line."""
        return " ".join(final.text.strip() for final in self.finals if final.text.strip())
