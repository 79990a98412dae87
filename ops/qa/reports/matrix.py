"""The matrix of a run: a row for each kind of audio, a column for each figure; as Markdown."""

from collections.abc import Callable, Sequence
from typing import Final

from ops.percentile import percentile
from ops.qa.judgement import errors_of, interval_of
from ops.qa.run import ClipRun, QaRun

ROWS: Final[Sequence[tuple[str, Callable[[frozenset[str]], bool]]]] = (
    ("clean voice, 16 kHz", lambda tags: "clean" in tags),
    ("fast speech", lambda tags: "fast" in tags),
    ("accents", lambda tags: "accent" in tags),
    ("noise, 20 dB", lambda tags: {"noise", "snr20"} <= tags),
    ("noise, 10 dB", lambda tags: {"noise", "snr10"} <= tags),
    ("noise, 5 dB", lambda tags: {"noise", "snr5"} <= tags),
    ("music under the voice", lambda tags: "music" in tags),
    ("pauses", lambda tags: "endpoint" in tags),
    ("long, over 2 minutes", lambda tags: "long" in tags),
    ("telephone, 8 kHz", lambda tags: "8k" in tags and "mulaw" not in tags),
    ("telephone, 8 kHz mu-law", lambda tags: "mulaw" in tags),
    ("microphone, 48 kHz", lambda tags: "48k" in tags),
    ("silence", lambda tags: "silence" in tags),
    ("noise alone", lambda tags: "noise-only" in tags),
    ("music alone", lambda tags: "music-only" in tags),
)
COLUMNS: Final = (
    "audio",
    "clips",
    "words",
    "WER",
    "95 %",
    "sub",
    "del",
    "ins",
    "first interim p50 s",
    "p95 s",
    "final p50 s",
    "p95 s",
    "failed",
    "finals in silence",
    "reconnects",
    "GPU",
)
NONE: Final = "-"
_READING: Final = (
    "A dash is what was not measured. WER is the share of words that were heard as others, not "
    "heard, or heard and not said; its interval is drawn from the clips (bootstrap), and says "
    "nothing where there is one clip. First interim counts from when the message in which speech "
    "begins was sent, final from the end of speech; where noise or music covers those, there is "
    "no first interim, and the final counts from its last word."
)


def rows(run: QaRun) -> list[list[str]]:
    """Return a row for each kind of audio of which the run has clips, and one for all."""
    kinds = [
        (name, [clip for clip in run.clips if fits(frozenset(clip.tags))]) for name, fits in ROWS
    ]
    return [_row(name, clips) for name, clips in (*kinds, ("all", list(run.clips))) if clips]


def as_markdown(run: QaRun) -> str:
    """Return the matrix as a page, with how it was made."""
    when = "-" if run.started is None else run.started.strftime("%Y-%m-%d %H:%M UTC")
    how = "at the speed of speech" if run.realtime else "as fast as it was taken"
    made = (
        f"Made by `{run.command}`, {when}, on {run.machine}. Stack `{run.stack or NONE}`; audio "
        f"was sent {how}."
    )
    lines = [
        "<!-- Written by `perch qa --matrix`. Do not edit. -->",
        "",
        "# The matrix of audio and figures",
        "",
        made,
        "",
        _READING,
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
    ]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows(run)]
    return "\n".join(lines) + "\n"


def _row(name: str, clips: Sequence[ClipRun]) -> list[str]:
    errors = errors_of(clips)
    interval = interval_of(clips) if len(clips) > 1 else None
    silent = [clip for clip in clips if not clip.reference]
    return [
        name,
        str(len(clips)),
        str(errors.reference),
        NONE if errors.rate is None else f"{100 * errors.rate:.1f} %",
        NONE if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %",
        str(errors.substituted),
        str(errors.deleted),
        str(errors.inserted),
        *_two([clip.first_interim_s for clip in clips]),
        *_two([clip.final_s for clip in clips]),
        str(sum(clip.failure is not None for clip in clips)),
        str(sum(bool(clip.heard) for clip in silent)) if silent else NONE,
        str(sum(clip.reconnects for clip in clips)),
        NONE,
    ]


def _two(values: Sequence[float | None]) -> list[str]:
    known = [value for value in values if value is not None]
    found = [percentile(known, share) for share in (50, 95)]
    return [NONE if value is None else f"{value:.2f}" for value in found]
