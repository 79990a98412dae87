"""`perch dashboards`: the generated dashboards as pictures, from any Prometheus with the rules."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import httpx

from ops.console import hints
from ops.console.durations import seconds_of
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.options import stack_options
from ops.console.paths import project_root, state_folder
from ops.dashboards.asking import Prometheus, Window
from ops.dashboards.drawing import Answered, page, picture, without_data
from ops.local.state import StateFolder
from ops.observe.panels import SCREENS

SHORTEST_S: Final = 60.0
OWN_DRAWING: Final = (
    "Drawn by `perch dashboards` from Prometheus: the panels and queries of the generated Grafana "
    "dashboards, not Grafana's own picture of them."
)


def _address(url: str | None, stack: str, state_dir: Path | None) -> str:
    """Return where the Prometheus is: the one that was named, else the local stack's.

    Raises:
        ConfigurationError: The name is no address.
        CommandFailedError: None was named, and the local stack has none.
    """
    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"--prometheus is {url!a}; accepted: an http:// or https:// address"
            )
        return url
    folder = state_folder(stack, state_dir)
    state = StateFolder(folder).read()
    found = [one for one in (state.children if state else ()) if one.name == "prometheus"]
    if not found or found[0].address is None:
        raise CommandFailedError(
            f"no Prometheus runs for stack {stack} on this machine; start it with "
            f"{hints.command('up --observe', stack, folder)}, or name one with --prometheus"
        )
    return found[0].address


def _moment(text: str) -> float:
    """Return seconds since the epoch.

    Raises:
        ConfigurationError: The text is no moment.
    """
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(
            f"--until is {text!a}; accepted: a date and time, in UTC where it names no zone, as "
            "2026-11-27T23:41"
        ) from None
    return float(int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()))


@click.command("dashboards")
@stack_options
@click.option("--prometheus", "url", help="Address of a Prometheus  [default: the local stack's].")
@click.option("--last", default="15m", show_default=True, help="What is shown, as 15m or 3h.")
@click.option("--until", help="When that ends, in UTC, as 2026-11-27T23:41  [default: now].")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pictures  [default: .perch/dashboards].",
)
def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    stack: str,
    state_dir: Path | None,
    url: str | None,
    last: str,
    until: str | None,
    out: Path | None,
) -> None:
    """Draw the dashboards from a Prometheus that has Perch's rules, where there is no Grafana.

    Writes one SVG a dashboard and one page with all of them. Panels without data are named.
    """
    seconds = seconds_of("--last", last)
    if seconds < SHORTEST_S:
        raise ConfigurationError(f"--last is {last!a}; accepted: a minute or more")
    ends = float(int(time.time())) if until is None else _moment(until)
    address = _address(url, stack, state_dir)
    window = Window(begins=ends - seconds, ends=ends)
    # A Prometheus is inside: no proxy is the way to it, and one that cannot be used ends who looks.
    with httpx.Client(trust_env=False) as client:
        prometheus = Prometheus(address, client)
        answers = {
            screen.uid: tuple(
                Answered(panel=panel, lines=prometheus.answer(panel, window))
                for panel in screen.panels
            )
            for screen in SCREENS
        }
    files = {
        f"{screen.uid}.svg": picture(screen, answers[screen.uid], window, "{}.svg".format)
        for screen in SCREENS
    }
    drawn = {
        screen.uid: picture(screen, answers[screen.uid], window, "#{}".format) for screen in SCREENS
    }
    files["dashboards.html"] = page(drawn, (OWN_DRAWING,))
    folder = out or project_root() / ".perch" / "dashboards"
    _write(folder, files)
    for screen in SCREENS:
        for title in without_data(answers[screen.uid]):
            click.echo(f"no data: {screen.uid}: {title}")
    click.echo(f"written: {folder / 'dashboards.html'} and {len(SCREENS)} pictures beside it")


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailedError(f"--out {folder}: {error.strerror}") from None
