"""What the sessions of a generator share, and the moments that each of them notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from app.client import Event, Partial, PcmAudio, Reconnected, Transcription

if TYPE_CHECKING:
    import ssl

    from ops.load.plan import Setup
    from ops.load.playing.pace import Lateness


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the sessions of a generator share.

    Attributes:
        setup: Where to, and how.
        audio: The samples of each clip.
        context: Whom to trust; None without TLS.
        lateness: Where a generator's own delays are noted.
        begins: Begin of the level, monotonic seconds.
    """

    setup: Setup
    audio: tuple[PcmAudio, ...]
    context: ssl.SSLContext | None
    lateness: Lateness
    begins: float


@dataclass(slots=True)
class Heard:
    """The moments of results, in monotonic seconds."""

    started_at: float | None = None
    first_interim_at: float | None = None
    last_final_at: float | None = None
    stopped_at: float | None = None
    outages: list[float] = field(default_factory=list)

    def result(self, text: str, *, is_final: bool) -> None:
        """Note a result that has just come; one without text says nothing."""
        if not text.strip():
            return
        now = monotonic()
        if is_final:
            self.last_final_at = now
        elif self.first_interim_at is None:
            self.first_interim_at = now

    def event(self, event: Event) -> None:
        """Note an event of dialect A."""
        if isinstance(event, Transcription | Partial):
            self.result(event.text, is_final=isinstance(event, Transcription))
        elif isinstance(event, Reconnected):
            self.outages.append(event.outage_s)
