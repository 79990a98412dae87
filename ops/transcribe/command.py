"""`perch transcribe`: a recording, or sound from a pipe, through a stack's gateway."""

import asyncio
import json
import os
import sys
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from pydantic import SecretStr

from app.client import (
    AudioFileError,
    ClientError,
    StartTranscription,
    connect,
    read_audio,
    stream,
)
from app.contract.limits import MAX_WAIT_S, MIN_WAIT_S
from app.recordings import OpenRecording, RecordingError, open_recording
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import access_options, colour_option, read_token, revealed, stack_options
from ops.stack import read
from ops.transcribe.advice import told
from ops.transcribe.screen import Screen
from ops.transcribe.sending import daemon, send_live
from ops.transcribe.start_options import start_options

PIPE = "-"


async def _open_pipe(source: str) -> OpenRecording:
    """Wait for the beginning of the sound on a pipe, as long as it takes to come."""
    opened: Future[OpenRecording] = Future()

    def work() -> None:
        try:
            if source == PIPE:
                file = open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)  # noqa: SIM115
                opened.set_result(open_recording(file))
            else:
                opened.set_result(open_recording(Path(source)))
        except (RecordingError, OSError, ValueError) as error:
            opened.set_exception(error)

    daemon(work)
    return await asyncio.wrap_future(opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A gateway to speak to.

    Args:
        url: ws or wss.
        authority: PEM file of its authority; None for the system's.
        headers: Sent with the upgrade.
        token: Bearer token, if it asks for one.
        wait: Seconds in its waiting room at most; None to be refused at once.
    """

    url: str
    authority: Path | None = None
    headers: dict[str, str] = field(default_factory=dict)
    token: SecretStr | None = None
    wait: float | None = None


async def _run(
    source: str, to: Destination, options: StartTranscription, screen: Screen, *, realtime: bool
) -> float:
    sound = (
        await _open_pipe(source)
        if _flows(source)
        else await asyncio.to_thread(read_audio, Path(source))
    )
    with ExitStack() as held:
        if isinstance(sound, OpenRecording):
            held.push(sound)
        async with connect(
            to.url, token=revealed(to.token), ca=to.authority, headers=to.headers, wait=to.wait
        ) as connection:
            if isinstance(sound, OpenRecording):
                held.pop_all()  # the thread that reads it closes it: it may wait for a silent pipe
                seconds = await send_live(connection, sound, options, screen.show)
            else:
                outcome = await stream(
                    connection, sound, options=options, realtime=realtime, on_event=screen.show
                )
                seconds = outcome.audio_s
    screen.warn(sound.warnings, _name(source))
    return seconds


def _flows(source: str) -> bool:
    """Return whether the sound comes as it is made: standard input, a FIFO, `<(a command)`."""
    return source == PIPE or not Path(source).is_file()


def _check(source: str) -> None:
    """Refuse what cannot be read, before anybody is connected to."""
    if source == PIPE:
        if sys.stdin.isatty():
            raise ConfigurationError(
                "standard input is a terminal; send sound into it: "
                "arecord -f S16_LE -r 16000 | perch transcribe -"
            )
        return
    path = Path(source)
    try:
        if not path.exists():
            raise ConfigurationError(f"there is no file {source}; - reads standard input")
        if path.is_dir():
            raise ConfigurationError(f"{source} is a folder; name a recording in it")
        if path.is_file():
            path.open("rb").close()
    except OSError as error:
        raise ConfigurationError(f"{source} cannot be read: {error.strerror}") from None


def _name(source: str) -> str:
    return "standard input" if source == PIPE else source


def _as_json(screen: Screen, seconds: float) -> str:
    wanted = {"segment_id", "text", "words", "confidence", "languages"}
    finals: list[dict[str, Any]] = [
        final.model_dump(mode="json", include=wanted) for final in screen.finals
    ]
    said = {
        "text": screen.text,
        "audio_seconds": seconds,
        "finals": finals,
        "reconnects": [asdict(healed) for healed in screen.reconnects],
        "warnings": screen.warnings,
    }
    return json.dumps(said, indent=2)


@click.command("transcribe")
@click.argument("source", metavar="FILE")
@stack_options
@colour_option
@click.option("--url", help="Speak to this gateway (ws:// or wss://) instead of a stack's.")
@click.option("--realtime", is_flag=True, help="Send as fast as it was spoken.")
@click.option("--language", help="Language spoken, as in en-US; en will do.")
@click.option("--model", help="Model to ask for by name.")
@click.option("--hotword", "hotwords", multiple=True, help="Word to listen for; repeatable.")
@click.option(
    "--wait",
    type=click.FloatRange(MIN_WAIT_S, MAX_WAIT_S),
    help="Wait so many seconds for a place when all sessions are in use.",
)
@access_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def command(  # noqa: PLR0913 - one parameter an option
    *,
    source: str,
    stack: str,
    state_dir: Path | None,
    colour: str | None,
    url: str | None,
    realtime: bool,
    language: str | None,
    model: str | None,
    hotwords: tuple[str, ...],
    wait: float | None,
    token_file: Path | None,
    ca: Path | None,
    as_json: bool,
) -> None:
    """Send FILE to a stack and print what it heard: one line for each final result.

    FILE is WAV, FLAC, OGG, MP3, AIFF, AU, CAF, W64 or SPHERE with samples of any kind, or - for any
    of these on standard input, which is sent as it comes, as from a FIFO or `<(a command)`:
    `arecord -f S16_LE -r 16000 | perch transcribe -`.
    On a terminal interim results are shown too, each in the place of the one before. When the
    connection breaks, the session goes on over another one; that is said, and nothing is lost.

    Exit code 0 when everything was sent and the last result came, 1 when not, 2 for wrong usage.
    """
    _check(source)
    options = start_options(language=language, model=model, hotwords=hotwords)
    token = read_token(token_file)
    if url is not None:
        to = Destination(url=url, authority=ca, token=token, wait=wait)
    else:
        outputs = read(stack, chosen=state_dir)
        to = Destination(
            url=outputs.websocket_url,
            authority=ca or outputs.ca_certificate_path,
            headers={outputs.direct_header: colour} if colour else {},
            token=token,
            wait=wait,
        )
    is_live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    screen = Screen(live=is_live and not as_json, quiet=as_json)
    try:
        seconds = asyncio.run(_run(source, to, options, screen, realtime=realtime))
    except AudioFileError as error:
        # Something else than a recording was named, or the system does not give it out.
        wrong_usage = isinstance(error, ValueError)
        raise (ConfigurationError if wrong_usage else CommandFailedError)(str(error)) from None
    except ClientError as error:
        raise CommandFailedError(told(error)) from None
    except RecordingError as error:
        raise CommandFailedError(error.about(_name(source))) from None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    except BrokenPipeError:
        # Nobody reads what is heard: no fault of the recording.
        raise
    except OSError as error:
        raise CommandFailedError(f"{_name(source)}: {error.strerror or error}") from None
    if as_json:
        click.echo(_as_json(screen, seconds))
    elif not screen.text:
        click.echo("perch: nothing was heard", err=True)
