"""`perch batch`: recordings in bulk, from a folder or a bucket to a folder or a bucket."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

import click

from app.client import BusyError, ClientError, TooManyRequestsError
from ops.batch.folder import Folder
from ops.batch.hearing import Gateway, connection_to
from ops.batch.plan import Plan, Wanted, plan, printable
from ops.batch.progress import Count, shown
from ops.batch.report import Report
from ops.batch.running import AT_ONCE, Job, Run
from ops.batch.sessions import Sessions
from ops.batch.slots import Readiness, trust_of
from ops.batch.transcript import asked_of
from ops.console.durations import seconds_of
from ops.console.errors import FAILED, CommandFailedError, ConfigurationError
from ops.console.options import access_options, colour_option, read_token, stack_options
from ops.stack import read
from ops.transcribe.advice import told
from ops.transcribe.start_options import start_options

if TYPE_CHECKING:
    from pydantic import SecretStr

    from ops.batch.place import Place

MOST_AT_ONCE: Final = 1000
_SCHEME: Final = "s3://"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""Amazon S3 User Guide, "General purpose bucket naming rules"."""


def place_of(text: str, argument: str) -> Place:
    """Return the place that a person named; nobody is asked yet.

    Args:
        text: `s3://BUCKET/PREFIX`, or a folder.
        argument: What it was given as, for the error.

    Raises:
        ConfigurationError: It is neither, or the person's AWS settings cannot be used.
    """
    # boto3 takes a third of a second to load, and folders need none of it.
    if text.startswith(_SCHEME):
        from ops.batch.bucket import Bucket  # noqa: PLC0415 - as above

        name, _, prefix = text.removeprefix(_SCHEME).partition("/")
        if not _BUCKET.fullmatch(name):
            raise _wrong(argument, text)
        return Bucket(name, prefix if not prefix or prefix.endswith("/") else f"{prefix}/")
    if "://" in text or not text or "\0" in text:
        raise _wrong(argument, text)
    return Folder(Path(text))


def _wrong(argument: str, text: str) -> ConfigurationError:
    return ConfigurationError(
        f"{argument} is {text!a}; accepted: s3://BUCKET/PREFIX, or a folder of this machine"
    )


def _gateway(  # noqa: PLR0913 - options of the command
    *,
    stack: str,
    state_dir: Path | None,
    colour: str | None,
    url: str | None,
    token: SecretStr | None,
    ca: Path | None,
    speed: float | None,
) -> Gateway:
    if url is not None:
        return Gateway(url=url, authority=ca, token=token, speed=speed)
    outputs = read(stack, chosen=state_dir)
    return Gateway(
        url=outputs.websocket_url,
        authority=ca or outputs.ca_certificate_path,
        headers={outputs.direct_header: colour} if colour else {},
        token=token,
        speed=speed,
    )


def _readiness(gateway: Gateway) -> Readiness:
    try:
        trust = trust_of(gateway.url, gateway.authority)
    except OSError as error:
        raise ConfigurationError(
            f"ca is {gateway.authority}; accepted: a PEM file of certificates "
            f"({error.strerror or error})"
        ) from None
    return Readiness(url=gateway.url, trust=trust, headers=gateway.headers, token=gateway.token)


async def _reach(gateway: Gateway) -> None:
    """Connect once, so that a wrong address or token is told before anything is fetched."""
    try:
        async with connection_to(gateway):
            pass
    except ClientError as error:
        # One that is full or drains is a gateway: there will be room.
        if not isinstance(error, BusyError | TooManyRequestsError):
            raise CommandFailedError(told(error)) from None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


async def _run(job: Job, sessions: Sessions, plan: Plan, report: Report) -> None:
    count = Count(len(plan.work), sum(work.entry.size for work in plan.work))
    with shown(count) as screen:
        for failure in plan.failures:
            screen.say(failure.sentence)
        if plan.work:
            await _reach(job.gateway)
            await Run(job, sessions, report, count, screen).all(plan.work)


def _check(source: Place, share: float) -> None:
    if isinstance(source, Folder) and not source.path.is_dir():
        raise ConfigurationError(
            f"IN is {source.shown!a}, which is no folder; accepted: a folder of this machine, or "
            "s3://BUCKET/PREFIX"
        )
    if not 0 <= share < 1:
        raise ConfigurationError(f"--leave is {share:g}; accepted: a part from 0 to below 1")


def _tell(report: Report, *, as_json: bool) -> None:
    click.echo(report.as_json() if as_json else "\n".join(report.lines()))


@click.command("batch")
@click.argument("source", metavar="IN")
@click.argument("to", metavar="OUT")
@stack_options
@colour_option
@click.option("--url", help="Speak to this gateway (ws:// or wss://) instead of a stack's.")
@access_options
@click.option("--language", help="Language spoken, as in en-US; en will do.")
@click.option("--model", help="Model to ask for by name.")
@click.option("--hotword", "hotwords", multiple=True, help="Word to listen for; repeatable.")
@click.option("--srt", is_flag=True, help="Write captions as SubRip too.")
@click.option("--vtt", is_flag=True, help="Write captions as WebVTT too.")
@click.option("--txt", is_flag=True, help="Write the text too, a line for each final result.")
@click.option("--only", multiple=True, metavar="PATTERN", help="Names as in '*.wav'; repeatable.")
@click.option(
    "--leave",
    type=float,
    default=0.25,
    show_default=True,
    help="Part of the sessions that is left free for live ones, rounded up.",
)
@click.option(
    "--speed",
    type=click.FloatRange(1, 1000),
    help="Send each at most so many times as fast as it was spoken  [default: as it is taken].",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, MOST_AT_ONCE),
    help=f"Recordings at a time at most  [default: {AT_ONCE}].",
)
@click.option(
    "--patience",
    default="15m",
    show_default=True,
    help="Give up after so long without any session, as 90s, 15m or 12h.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be heard, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
def command(  # noqa: PLR0913 - one parameter an option
    *,
    source: str,
    to: str,
    stack: str,
    state_dir: Path | None,
    colour: str | None,
    url: str | None,
    token_file: Path | None,
    ca: Path | None,
    language: str | None,
    model: str | None,
    hotwords: tuple[str, ...],
    srt: bool,
    vtt: bool,
    txt: bool,
    only: tuple[str, ...],
    leave: float,
    speed: float | None,
    at_once: int | None,
    patience: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Have every recording in IN heard, and write what was heard to OUT.

    IN and OUT are folders, or s3://BUCKET/PREFIX by your own AWS settings. Of each recording a JSON
    file with every word and its times is written, called as the recording with .json behind;
    captions and text by option. Recordings that have their result are left alone: the same command
    again goes on after Ctrl-C, or once failures are mended.

    As many recordings are heard at a time as the gateway has sessions free, less those that --leave
    keeps for live sessions. Formats that libsndfile lacks (M4A, WebM, AMR) need ffmpeg here.

    Exit code 0 when every recording has its result, 1 when not, 2 for wrong usage, 130 for Ctrl-C.
    """
    places = place_of(source, "IN"), place_of(to, "OUT")
    _check(places[0], leave)
    options = start_options(language=language, model=model, hotwords=hotwords).model_copy(
        update={"enable_partials": False}
    )
    patience_s = seconds_of("--patience", patience)
    endings = [name for name, asked in ((".srt", srt), (".vtt", vtt), (".txt", txt)) if asked]
    token = read_token(token_file)
    gateway = _gateway(
        stack=stack, state_dir=state_dir, colour=colour, url=url, token=token, ca=ca, speed=speed
    )
    wanted = Wanted(asked=asked_of(options), endings=endings, patterns=only)
    found = plan(*places, wanted, write=not dry_run)
    report = Report(
        source=places[0].shown,
        to=places[1].shown,
        recordings=len(found.work) + found.whole + len(found.failures),
        whole=found.whole,
        failures=list(found.failures),
    )
    if dry_run:
        for work in () if as_json else found.work:
            click.echo(printable(work.entry.name))
        _tell(report, as_json=as_json)
        return
    job = Job(
        source=places[0],
        to=places[1],
        gateway=gateway,
        options=options,
        endings=endings,
        at_once=at_once,
    )
    sessions = Sessions(readiness=_readiness(gateway), share=leave, patience_s=patience_s)
    begun = monotonic()
    try:
        asyncio.run(_run(job, sessions, found, report))
    except KeyboardInterrupt:
        report.ended = "interrupted"
        raise
    except CommandFailedError as error:
        report.ended = error.format_message()
        raise
    finally:
        report.seconds = round(monotonic() - begun, 1)
        _tell(report, as_json=as_json)
    if report.failures:
        sys.exit(FAILED)
