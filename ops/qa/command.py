"""`perch qa`: word error rates over a set of recordings, through a gateway."""

import asyncio
import json
from pathlib import Path

import click
from rich.console import Console

from app.client import StartTranscription
from ops.console.errors import CommandFailedError
from ops.console.options import access_options, read_token, stack_options
from ops.qa.corpus import load_corpus
from ops.qa.measure import Target, measure
from ops.qa.report import as_json, as_table, latency_table, tag_totals
from ops.qa.wer import ALL
from ops.stack import read


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
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with manifest.json and the recordings it names.",
)
@click.option("--realtime", is_flag=True, help="Send as fast as spoken, and report latencies.")
@click.option("--chunk-ms", type=click.IntRange(10, 10_000), default=100, show_default=True)
@click.option("--at-once", type=click.IntRange(1, 256), default=1, show_default=True)
@click.option("--max-wer", type=click.FloatRange(0, 100), help="Fail above this, in percent.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, path_type=Path))
def command(  # noqa: PLR0913, PLR0917 - one argument an option
    stack: str,
    state_dir: Path | None,
    url: str | None,
    ca: Path | None,
    token_file: Path | None,
    corpus: Path,
    realtime: bool,
    chunk_ms: int,
    at_once: int,
    max_wer: float | None,
    json_path: Path | None,
) -> None:
    """Send every recording of a corpus to a gateway and count the words it got wrong.

    Fails when a session failed, or when the total is above --max-wer.
    """
    clips = load_corpus(corpus)
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
    results = asyncio.run(measure(corpus, clips, target))
    for result in results:
        for warning in result.outcome.warnings if result.outcome is not None else ():
            click.echo(f"perch: {result.clip.file}: {warning}", err=True)
    console = Console()
    console.print(as_table(results))
    if realtime:
        console.print(latency_table(results))
    if json_path is not None:
        try:
            json_path.write_text(json.dumps(as_json(results), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise CommandFailedError(f"--json {json_path}: {error.strerror}") from None
    failed = [result.clip.name for result in results if result.failure is not None]
    if failed:
        raise CommandFailedError(f"{len(failed)} of {len(results)} sessions failed: {failed[0]}")
    rate = tag_totals(results)[ALL].rate
    if max_wer is not None and rate is not None and 100 * rate > max_wer:
        raise CommandFailedError(f"word error rate {100 * rate:.1f} % is above {max_wer:g} %")
