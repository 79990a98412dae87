"""`python -m app.emulator`: the emulator as a process."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from app import standard_streams
from app.emulator.scripting import Script
from app.emulator.server import serve
from app.emulator.settings import EmulatorSettings


def _problems(error: ValidationError) -> str:
    lines = [
        f"  {'.'.join(map(str, problem['loc'])) or 'settings'}: {problem['msg']}"
        for problem in error.errors(include_url=False)
    ]
    return "\n".join(lines)


def _read_script(_context: click.Context, _option: click.Parameter, path: Path | None) -> Script:
    if path is None:
        return Script()
    try:
        return Script.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise click.BadParameter(f"{path} is no script:\n{_problems(error)}") from None


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _run(settings: EmulatorSettings, script: Script) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with serve(settings, script=script, on_kill=_kill, load_first=False) as emulator:
        ports = {"grpc_port": emulator.grpc_port, "http_port": emulator.http_port}
        _say("listening", **ports)
        loading = asyncio.create_task(emulator.wait_ready())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            await loading
            _say("ready", **ports)
            await stopping
        loading.cancel()
        with suppress(asyncio.CancelledError):
            await loading
    _say("stopped")


def _say(event: str, **fields: object) -> None:
    click.echo(json.dumps({"event": event, **fields}))


@click.command(context_settings={"show_default": True})
@click.option("--host", help="Address to bind.")
@click.option(
    "--allowed-host", "allowed_hosts", multiple=True, help="A name HTTP is asked by; repeatable."
)
@click.option("--grpc-port", type=int, help="Port of the Riva services; 0 takes a free one.")
@click.option("--http-port", type=int, help="Port of health, models, metrics; 0: a free one.")
@click.option("--tags-selector", help="As NIM_TAGS_SELECTOR; mode decides which RPCs are served.")
@click.option("--model-name", help="Name under which the model is served.")
@click.option("--language", "languages", multiple=True, help="A served language; repeatable.")
@click.option("--engine", help="whisper hears; none only follows a script.")
@click.option("--model-dir", type=Path, help="Folder of a CTranslate2 Whisper model.")
@click.option("--workers", type=int, help="Decoding threads.")
@click.option("--interim-interval", type=float, help="Seconds between two interims.")
@click.option("--max-streams", type=int, help="Streams served at once.")
@click.option("--when-full", help="queue or refuse.")
@click.option("--idle-timeout", type=float, help="Seconds without audio until a stream is freed.")
@click.option("--max-message-bytes", type=int, help="Largest message taken.")
@click.option("--unavailable-model-status", help="INVALID_ARGUMENT or NOT_FOUND.")
@click.option("--loading-seconds", type=float, help="Least time from start to ready.")
@click.option("--admin/--no-admin", default=None, help="Scripts can be set over HTTP.")
@click.option("--tls-certificate", type=Path, help="PEM chain for the gRPC port.")
@click.option("--tls-key", type=Path, help="PEM private key.")
@click.option("--tls-client-ca", type=Path, help="PEM authority of client certificates.")
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_read_script,
    help="JSON file with a script.",
)
def main(script: Script, **options: Any) -> None:  # noqa: ANN401 - checked by pydantic below
    """Serve Riva's speech recognition protocol on this CPU.

    Prints one JSON object a line: `listening` once the ports are bound, `ready` once the model
    is loaded, both with grpc_port and http_port, and `stopped` after SIGTERM or Ctrl-C.
    """
    given = {name: value for name, value in options.items() if value not in {None, ()}}
    try:
        settings = EmulatorSettings(**given)
    except ValidationError as error:
        raise click.UsageError(f"bad options:\n{_problems(error)}") from None
    except UnicodeError as error:
        raise click.UsageError(f"bad options: one is no text in UTF-8 ({error})") from None
    try:
        asyncio.run(_run(settings, script))
    except Exception as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    standard_streams.prepare()
    main(prog_name="perch emulator")
