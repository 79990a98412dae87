"""What `perch host` is for a stack on this machine: its processes, files and logs are here."""

from __future__ import annotations

import json
import platform
import shutil
from typing import TYPE_CHECKING, Final

import psutil

from ops.console.errors import CommandFailedError, ConfigurationError
from ops.host.bundle import PART_BYTES, Part
from ops.local.supervisor.records import alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ops.local.state import State, StateFolder
    from ops.local.supervisor.records import ProcessRecord

NO_GPU: Final = "no GPU: the recognisers of stack {stack} are emulators, on this machine's CPU"


def refuse(stack: str, what: str) -> ConfigurationError:
    """Return why there is no machine to do it on."""
    return ConfigurationError(
        f"stack {stack} has no machines to {what}: its processes run on this one, and a shell of "
        "yours is on it; `perch host logs` and `perch host bundle` read what they leave here"
    )


def log_files(folder: StateFolder, colour: str | None, source: str | None) -> list[Path]:
    """Return the logs of a stack's processes.

    Args:
        folder: Its state folder.
        colour: Only of this colour's processes; None for all.
        source: `gateway`, `asr` or `host`, as on a machine; None for all.

    Raises:
        CommandFailedError: There are none.
    """
    words = {"gateway": "gateway", "asr": "emulator", "host": "host"}
    found = [
        path
        for path in sorted(folder.logs.glob("*.log"))
        if (colour is None or path.stem.endswith(f"-{colour}"))
        and (source is None or path.stem.startswith(words[source]))
    ]
    if not found:
        raise CommandFailedError(f"there is no such log in {folder.logs}")
    return found


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a log.

    Raises:
        CommandFailedError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - PART_BYTES))
            text = file.read(PART_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise CommandFailedError(f"{path} cannot be read: {error.strerror}") from None
    return "".join(text.splitlines(keepends=True)[-lines:])


def parts(folder: StateFolder, state: State) -> Iterator[Part]:
    """Yield what there is to know of a stack on this machine."""
    for name, text in (
        ("machine.txt", _machine(folder)),
        ("processes.txt", "".join(map(_process, (state.supervisor, *state.children)))),
        ("state.json", _read(folder.state)),
        ("outputs.json", _read(folder.outputs)),
    ):
        yield Part(name=name, text=text, about={})
    for path in sorted(folder.logs.glob("*.log")):
        yield Part(
            name=f"logs/{path.name}",
            text=tail(path, PART_BYTES),
            about={"cut": path.stat().st_size > PART_BYTES},
        )


def _read(path: Path) -> str:
    try:
        return json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=2)
    except (OSError, ValueError) as error:
        return f"cannot be read: {error}\n"


def _machine(folder: StateFolder) -> str:
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(folder.path)
    return (
        f"{platform.platform()}, Python {platform.python_version()}\n"
        f"{psutil.cpu_count()} processors, load {psutil.getloadavg()}\n"
        f"memory {memory.available >> 20} of {memory.total >> 20} MiB available\n"
        f"disk {disk.free >> 20} of {disk.total >> 20} MiB free\n"
    )


def _process(process: ProcessRecord) -> str:
    state = "runs" if alive(process) else "is gone"
    return f"{process.name} (process {process.pid}) {state}, {process.address or 'no address'}\n"
