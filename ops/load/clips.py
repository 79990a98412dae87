"""What is played: recordings whose speech has a known beginning and end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.client import read_audio
from ops.console.errors import ConfigurationError
from ops.load.plan import SpokenClip
from ops.qa.layouts import find_clips
from ops.qa.speech import speech_span

if TYPE_CHECKING:
    from ops.qa.corpus import Clip

DEFAULT: Final = Path(__file__).resolve().parents[2] / "tests" / "fixtures"
"""The recordings that come with the repository."""
PLAYED: Final = frozenset({"clean", "accent", "fast", "numbers"})
"""Tags of those that are played unless told otherwise: one voice, no noise, seconds long."""
TAIL_S: Final = 0.1
"""Of the silence behind speech so much is played. The client then asks for the end, as one does
whose user lets go of a button: how long a file goes on is no latency of the service (ADR 1220)."""


def spoken(folder: Path, clip: Clip) -> SpokenClip:
    """Read one clip; a manifest's own word of where speech is comes first.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        audio = read_audio(folder / clip.file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{clip.file} cannot be played: {error}") from None
    if clip.speech_spans:
        span: tuple[float, float] | None = (clip.speech_spans[0][0], clip.speech_spans[-1][1])
    else:
        span = speech_span(audio)
    start, end = span or (None, None)
    return SpokenClip(
        path=str((folder / clip.file).resolve()),
        seconds=audio.seconds if end is None else min(audio.seconds, end + TAIL_S),
        speech_start_s=start,
        speech_end_s=end,
    )


def chosen(corpus: Path | None) -> tuple[SpokenClip, ...]:
    """Return the clips of a corpus that have words; of the repository's own only clean ones.

    Raises:
        ConfigurationError: There are none, or they cannot be read.
    """
    folder = corpus or DEFAULT
    clips = [
        clip
        for clip in find_clips(folder)
        if clip.text and (corpus is not None or PLAYED.intersection(clip.tags))
    ]
    if not clips:
        raise ConfigurationError(f"no recording of {folder} says what is said in it")
    return tuple(spoken(folder, clip) for clip in clips)
