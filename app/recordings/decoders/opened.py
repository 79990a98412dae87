"""A recording with its decoder at the first sample, and the warnings about its end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ..errors import RecordingError
from ..samples import Frames

_MENTIONED_SECONDS: Final = 0.1
"""Missing audio is reported from here on: encoders pad by less."""
_LONGEST_SAID_S: Final = 100 * 3600.0


class Feed(Protocol):
    """What a decoder reads from."""

    failure: RecordingError | OSError | None
    """Error of a read: libsndfile does not pass on exceptions."""

    ended: bool
    """Whether everything was read."""


class Decoder(Protocol):
    """A decoder of one recording, read forward only.

    Attributes:
        samplerate: Hz.
        channels: How many it hands out.
    """

    samplerate: int
    channels: int

    def next_frames(self, most: int) -> Frames:
        """Return up to so many frames; none at the end or after an error."""

    @property
    def reason(self) -> str | None:
        """Error of the decoder; None where it reached the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A decoder at the first sample.

    Attributes:
        sound: The decoder.
        feed: What it reads from.
        name: Container and kind of samples, for people.
        declared_frames: How many the header promises; None where it does not say.
        certain_frames: How many there are without doubt; None where only decoding tells.
        open_ended: Whether the header ought to say how many, and does not.
        behind: Returns, at the end, warnings about what follows the sound.
    """

    sound: Decoder
    feed: Feed
    name: str
    declared_frames: int | None
    certain_frames: int | None = None
    open_ended: bool = False
    behind: Callable[[], list[str]] = list

    def remarks(self, frames: int, rate: int) -> list[str]:
        """Return the warnings after so many frames were read to the end."""
        seconds = frames / rate
        whole = self.declared_frames is not None and frames >= self.declared_frames
        if self.sound.reason is not None and not self.feed.ended and not whole:
            said = [f"It is damaged after {seconds:.1f} s and was read up to there."]
        elif self.declared_frames is not None:
            missing = self.declared_frames / rate - seconds
            said = [_missing(seconds, missing)] if missing >= _MENTIONED_SECONDS else []
        elif self.open_ended:
            said = [_OPEN_ENDED.format(seconds)]
        elif self.sound.reason is not None:
            said = [f"It breaks off after {seconds:.1f} s; what is there was read."]
        else:
            said = []
        return said + self.behind()


_OPEN_ENDED: Final = (
    "Its header does not say how long it is, as when a recorder was stopped before it could; the "
    "{:.1f} s that are there were read."
)


def _missing(seconds: float, missing: float) -> str:
    return (
        f"It ends after {seconds:.1f} s, {_seconds(missing)} before its header says; "
        "what is there was read."
    )


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < _LONGEST_SAID_S else "more than 100 hours"
