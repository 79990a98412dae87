"""A run as one HTML file: findings, figures, plots, what differs, and the recordings."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from ops.pages import html, svg
from ops.qa.alignment import as_html
from ops.qa.judgement import Finding
from ops.qa.reports.matrix import COLUMNS, rows
from ops.qa.run import ClipRun, QaRun
from ops.qa.thresholds import Thresholds

MOST_SOUND_BYTES: Final = 16 * 2**20
"""Recordings are put into the page up to so much together; further ones are named alone."""
_KINDS: Final = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg"}
NONE: Final = "-"


def as_page(run: QaRun, found: Sequence[Finding], limits: Thresholds, folder: Path | None) -> str:
    """Return the page.

    Args:
        run: What was measured.
        found: What is wrong with it.
        limits: Of the engine, for the plots.
        folder: Where the recordings lie; None leaves the players out.
    """
    verdict = "; ".join(one.sentence for one in found) or "nothing is wrong"
    head = [
        ("stack", run.stack or NONE),
        ("started", NONE if run.started is None else run.started.isoformat(timespec="seconds")),
        ("command", run.command),
        ("machine", run.machine),
        ("engine's thresholds", f"{limits.engine}: {dict(limits.most)}"),
    ]
    return html.page(
        f"perch qa, {run.stack or 'a gateway'}",
        [
            html.said(verdict, bad=bool(found)),
            html.table(("what", "value"), head),
            html.section("Kinds of audio", html.table(COLUMNS, rows(run))),
            html.section("Plots", html.plots(*_plots(run, limits))),
            html.section("Clips", _clips(run, found, folder)),
        ],
    )


def _plots(run: QaRun, limits: Thresholds) -> list[str]:
    spoken = [clip for clip in run.clips if clip.reference]
    return [
        svg.bars(
            "word error rate",
            [(clip.name, None if clip.wer is None else 100 * clip.wer) for clip in spoken],
            y="%",
            limit=100 * limits.most["clean"],
        ),
        svg.bars("first interim", [(clip.name, clip.first_interim_s) for clip in spoken], y="s"),
        svg.bars("final", [(clip.name, clip.final_s) for clip in spoken], y="s"),
    ]


def _clips(run: QaRun, found: Sequence[Finding], folder: Path | None) -> str:
    left = MOST_SOUND_BYTES
    body = []
    for clip in run.clips:
        player, taken = ("", 0) if folder is None else _player(folder / clip.file, left)
        left -= taken
        body.append(_row(clip, player, [one for one in found if one.about == clip.name]))
    columns = ("clip", "WER", "sub", "del", "ins", "first s", "final s", "what differs", "sound")
    head = "".join(f"<th>{name}</th>" for name in columns)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _row(clip: ClipRun, player: str, wrong: Sequence[Finding]) -> str:
    name = escape(clip.name) + "".join(f"<br><mark>{escape(one.fault)}</mark>" for one in wrong)
    figures = [
        NONE if clip.wer is None else f"{100 * clip.wer:.1f} %",
        str(clip.substituted),
        str(clip.deleted),
        str(clip.inserted),
        NONE if clip.first_interim_s is None else f"{clip.first_interim_s:.2f}",
        NONE if clip.final_s is None else f"{clip.final_s:.2f}",
    ]
    cells = "".join(f"<td>{cell}</td>" for cell in figures)
    said = as_html(clip.steps) if clip.failure is None else escape(clip.failure)
    return f'<tr><td>{name}</td>{cells}<td class="text">{said}</td><td>{player}</td></tr>'


def _player(path: Path, left: int) -> tuple[str, int]:
    """Return a player with the recording in it and the bytes it took; nothing where it is gone."""
    kind = _KINDS.get(path.suffix.lower())
    try:
        size = path.stat().st_size
        if kind is None or size > left:
            return escape(path.name), 0
        coded = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError:
        return escape(path.name), 0
    return f'<audio controls preload="none" src="data:{kind};base64,{coded}"></audio>', size
