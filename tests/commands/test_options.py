"""Every option of every command of perch, given what people give by mistake: a sentence, exit 2.

The options are those that click knows, so one that is added is held to the same. Where a value is
good after all, the command goes on and fails at what nobody serves here.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from app.emulator.__main__ import main as emulator
from app.gateway.__main__ import main as gateway
from ops.cli import SUBCOMMANDS, load
from ops.smoke.recording import DEFAULT
from tests.commands.starting import PRELOAD, URL, environment, held
from tests.support.forking import Forks, Order

PROGRAMS: Final = {"emulator": emulator, "gateway": gateway}
NO_UTF8: Final = "caf\udce9"
"""A byte of Latin-1 on a command line, as Python has it."""
LONG: Final = "x" * 300
"""More than a file may be called."""


def command(name: str) -> click.Command:
    return PROGRAMS.get(name) or load(name, SUBCOMMANDS[name])


def base(name: str, folder: Path, taken: int) -> list[str]:
    """Return what a command needs to come as far as it can without doing anything."""
    state = ["--state-dir", str(folder)]
    match name:
        case "up":
            return ["up", *state, "--ports-from", str(taken)]
        case "transcribe":
            return ["transcribe", str(DEFAULT), "--url", URL]
        case "qa":
            return ["qa", "--corpus", str(folder), "--url", URL]
        case "gateway" | "emulator":
            return [name, "--host", "256.256.256.256"]
        case "preview" | "report":
            needs = ["--base", "v0"] if name == "preview" else ["before.json", "now.json"]
            return [name, *needs]
        case _:
            # What a stack asks for is read from its program, wherever it runs.
            return [name, *([] if name == "images" else state)]


def values(parameter: click.Parameter, folder: Path) -> Iterator[str]:
    """Yield what a person could give for a parameter."""
    yield NO_UTF8
    if isinstance(parameter.type, click.types.StringParamType):
        yield from ("", " ", "a\nb", "-", LONG)
    if isinstance(parameter.type, click.Path):
        yield from ("", LONG, *(str(folder / name) for name in ("none", "folder", "shut")))
        yield str(folder / "noise")
    if not isinstance(parameter.type, click.Path | click.types.StringParamType):
        yield from ("-1", "1e999", "nan", "9" * 400)


def cases() -> Iterator[tuple[str, click.Parameter]]:
    for name in SUBCOMMANDS:
        for parameter in command(name).params:
            is_flag = isinstance(parameter, click.Option) and parameter.is_flag
            if not is_flag:
                yield name, parameter


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks(PRELOAD) as forks:
        yield forks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with a folder, a file that is nothing, and one that nobody may read."""
    tmp_path.chmod(0o755)
    (tmp_path / "folder").mkdir()
    (tmp_path / "noise").write_bytes(os.urandom(4_096) + b"\0\xff\xfe")
    (tmp_path / "shut").write_text("closed")
    (tmp_path / "shut").chmod(0o000)
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that is in use, so that `perch up` ends before it starts anything."""
    for port in range(20_000, 21_000):
        try:
            server = socket.create_server(("127.0.0.1", port))
        except OSError:
            continue
        with server:
            yield port
        return


@pytest.mark.parametrize(
    ("name", "parameter"),
    [pytest.param(*case, id=f"{case[0]} {case[1].name}") for case in cases()],
)
@pytest.mark.slow
def test_no_value_of_an_option_ends_in_a_traceback(
    forks: Forks, folder: Path, taken: int, name: str, parameter: click.Parameter
) -> None:
    for value in values(parameter, folder):
        given = [value] if isinstance(parameter, click.Argument) else [parameter.opts[0], value]
        words = base(name, folder, taken)
        if name == "transcribe" and isinstance(parameter, click.Argument):
            words.remove(str(DEFAULT))
        done = forks.run(
            Order(
                module="ops.cli",
                arguments=[*words, *given],
                environment=environment(folder, {}),
                folder=str(folder),
                as_nobody=value == str(folder / "shut"),
            )
        )
        held(done)
