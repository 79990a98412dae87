"""`perch qa`: word error rates over a set of recordings, through a gateway."""

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, get_args

import click
import psutil
from rich.console import Console

from app.client import StartTranscription
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import LOCAL, access_options, read_token, stack_options
from ops.qa.alignment import as_text
from ops.qa.corpus import Clip
from ops.qa.judgement import Finding, findings, interval_of, regressions
from ops.qa.layouts import find_clips
from ops.qa.measure import Result, Target, measure
from ops.qa.reports.junit import as_junit
from ops.qa.reports.matrix import as_markdown
from ops.qa.reports.page import as_page
from ops.qa.reports.report import (
    as_table,
    latency_summary,
    latency_table,
    tag_totals,
    totals_as_json,
)
from ops.qa.run import QaRun, clip_runs, load_run
from ops.qa.thresholds import Engine, Thresholds, thresholds
from ops.qa.wer import ALL
from ops.stack import read

FIXTURES: Final = Path(__file__).resolve().parents[2] / "tests" / "fixtures"
"""The golden recordings that come with the repository."""
_ENGINES: Final = get_args(Engine)


def _target_url(stack: str, state_dir: Path | None, url: str | None) -> tuple[str, Path | None]:
    if url is not None:
        return url, None
    outputs = read(stack, chosen=state_dir)
    return outputs.websocket_url, outputs.ca_certificate_path


@click.command("qa")
@stack_options
@click.option("--url", help="WebSocket address of a gateway, in place of a stack's.")
@access_options
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with manifest.json, in the layout of LibriSpeech or Common Voice, or with a .txt "
    "beside each recording  [default: the golden recordings of the repository].",
)
@click.option("--tag", "tags", multiple=True, help="Only clips with this tag; may be repeated.")
@click.option("--realtime", is_flag=True, help="Send as fast as spoken, and report latencies.")
@click.option("--chunk-ms", type=click.IntRange(10, 10_000), default=100, show_default=True)
@click.option("--at-once", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--max-wer", type=click.FloatRange(0, 100), help="Fail above this, in percent.")
@click.option(
    "--engine",
    type=click.Choice(_ENGINES),
    help="Whose thresholds hold for the golden recordings  [default: embedded for stack local, "
    "else parakeet].",
)
@click.option(
    "--baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A run that --json wrote: fail where this one is worse by more than chance.",
)
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--junit", "junit_path", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--html",
    "html_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="One page with figures, plots, differences and players.",
)
@click.option(
    "--matrix",
    "matrix_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The table of audio and figures, as Markdown.",
)
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    stack: str,
    state_dir: Path | None,
    url: str | None,
    ca: Path | None,
    token_file: Path | None,
    corpus: Path | None,
    tags: tuple[str, ...],
    realtime: bool,
    chunk_ms: int,
    at_once: int,
    max_wer: float | None,
    engine: Engine | None,
    baseline: Path | None,
    json_path: Path | None,
    junit_path: Path | None,
    html_path: Path | None,
    matrix_path: Path | None,
) -> None:
    """Send every recording of a set to a gateway and count the words it got wrong.

    Fails when a session failed, when words were heard where nobody speaks, when the total is above
    --max-wer, when the golden recordings are above the engine's thresholds, or when a clip is worse
    than in the --baseline by more than chance explains.
    """
    folder = corpus or FIXTURES
    clips = _chosen(find_clips(folder), tags)
    before = None if baseline is None else load_run(baseline)
    address, authority = _target_url(stack, state_dir, url)
    target = Target(
        url=address,
        token=read_token(token_file),
        ca=ca or authority,
        realtime=realtime,
        chunk_s=chunk_ms / 1000,
        at_once=at_once,
        # Without latencies to measure, interims would only take the recogniser's time.
        options=StartTranscription(enable_partials=realtime),
    )
    started, machine = datetime.now(UTC), _machine()
    results = asyncio.run(measure(folder, clips, target, on_result=_progress(len(clips))))
    for result in results:
        for warning in result.outcome.warnings if result.outcome is not None else ():
            click.echo(f"perch: {result.clip.file}: {warning}", err=True)
    run = QaRun(
        stack=stack if url is None else None,
        started=started,
        command=shlex.join(["perch", *sys.argv[1:]]),
        machine=machine,
        realtime=realtime,
        clips=clip_runs(results),
    )
    local = url is None and stack == LOCAL
    limits = thresholds(engine or ("embedded" if local else "parakeet"))
    judged = limits if corpus is None or engine is not None else _no_limits(limits)
    found = [*findings(run, judged), *(regressions(before, run) if before is not None else ())]
    _show(results, run, found, realtime=realtime)
    _write("--json", json_path, json.dumps(_document(run, results, found), indent=2) + "\n")
    _write("--junit", junit_path, as_junit(run, found))
    _write("--html", html_path, as_page(run, found, limits, folder) if html_path else "")
    _write("--matrix", matrix_path, as_markdown(run))
    _fail(run, results, found, max_wer)


def _chosen(clips: tuple[Clip, ...], tags: tuple[str, ...]) -> tuple[Clip, ...]:
    chosen = tuple(clip for clip in clips if not tags or set(tags) & set(clip.tags))
    if not chosen:
        known = sorted({tag for clip in clips for tag in clip.tags})
        raise ConfigurationError(
            f"no clip has the tag {' or '.join(map(ascii, tags))}; tags: {', '.join(known) or '-'}"
        )
    return chosen


def _no_limits(limits: Thresholds) -> Thresholds:
    """Return an engine's thresholds without any: they are the golden recordings'."""
    return limits.model_copy(update={"most": {}})


def _machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{psutil.cpu_count() or 0} processors (load average {load} before it began)"


class _progress:  # noqa: N801 - called like a function
    """Tells of each clip as it comes.

    Args:
        count: Of all clips.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._done = 0

    def __call__(self, result: Result) -> None:
        """Say how one clip went."""
        self._done += 1
        rate = result.errors.rate
        said = result.failure or ("-" if rate is None else f"{100 * rate:.1f} %")
        click.echo(f"{self._done}/{self._count} {result.clip.name} {said}", err=True)


def _show(
    results: Sequence[Result], run: QaRun, found: Sequence[Finding], *, realtime: bool
) -> None:
    console = Console()
    console.print(as_table(results))
    if realtime:
        console.print(latency_table(results))
    for clip in run.clips:
        if clip.failure is None and (clip.substituted or clip.deleted or clip.inserted):
            click.echo(f"{clip.name}: {as_text(clip.steps)}")
    interval = interval_of(run.clips)
    if interval is not None:
        low, high = (100 * end for end in interval)
        click.echo(f"word error rate of all clips: {low:.1f} to {high:.1f} % (95 %, bootstrap)")
    for one in found:
        click.echo(f"{one.fault}: {one.sentence}")


def _document(run: QaRun, results: Sequence[Result], found: Sequence[Finding]) -> dict[str, object]:
    interval = interval_of(run.clips)
    return {
        **run.model_dump(mode="json"),
        "totals": totals_as_json(results),
        "interval": None if interval is None else list(interval),
        "latency": latency_summary(results),
        "findings": [one.model_dump() for one in found],
    }


def _write(option: str, path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailedError(f"{option} {path}: {error.strerror}") from None


def _fail(
    run: QaRun, results: Sequence[Result], found: Sequence[Finding], max_wer: float | None
) -> None:
    """End with the first thing that is wrong.

    Raises:
        CommandFailedError: Something is.
    """
    failed = [clip for clip in run.clips if clip.failure is not None]
    if failed:
        raise CommandFailedError(
            f"{len(failed)} of {len(run.clips)} sessions failed: {failed[0].name}"
        )
    rate = tag_totals(results)[ALL].rate
    if max_wer is not None and rate is not None and 100 * rate > max_wer:
        raise CommandFailedError(f"word error rate {100 * rate:.1f} % is above {max_wer:g} %")
    if found:
        raise CommandFailedError("; ".join(one.sentence for one in found))
