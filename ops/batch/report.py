"""What a run did, for people and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from ops.batch.progress import spoken

if TYPE_CHECKING:
    from ops.batch.plan import Failure


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did.

    Attributes:
        source: Where the recordings lie.
        to: Where the results are.
        recordings: All of them.
        heard: Results written by this run.
        whole: Recordings that had their results before.
        failures: Recordings without one, each with why.
        put_back: Times that a recording gave its session to live ones and began anew.
        audio_seconds: Heard by this run, in results that were written.
        seconds: It took.
        ended: Why it ended early; None where it went to its end.
    """

    source: str
    to: str
    recordings: int
    heard: int = 0
    whole: int = 0
    failures: list[Failure] = field(default_factory=list)
    put_back: int = 0
    audio_seconds: float = 0.0
    seconds: float = 0.0
    ended: str | None = None

    @property
    def left(self) -> int:
        """Recordings that the next run takes up: neither done nor failed."""
        return self.recordings - self.heard - self.whole - len(self.failures)

    def as_json(self) -> str:
        """Return it as one JSON object."""
        self.failures.sort(key=lambda failure: failure.name)
        return json.dumps({**asdict(self), "left": self.left}, indent=2)

    def lines(self) -> list[str]:
        """Return it for people; the failures last, each by its name."""
        speed = self.audio_seconds / self.seconds if self.seconds > 0 else 0.0
        sound = f"{spoken(self.audio_seconds)} of sound in {spoken(self.seconds)}"
        said = [
            f"{self.heard} of {self.recordings} recordings heard: {sound} ({speed:.1f}x real time)",
            *([f"{self.whole} had their results before"] if self.whole else []),
            *([f"{self.put_back} times live sessions came first"] if self.put_back else []),
            *([f"{self.left} are left; the same command goes on"] if self.left else []),
        ]
        if self.failures:
            said.append(f"{len(self.failures)} failed:")
            failed = sorted(self.failures, key=lambda failure: failure.name)
            said += [f"  {failure.sentence}" for failure in failed]
        return said
