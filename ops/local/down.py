"""`perch down`: stop what `perch up` started, from anywhere and also after a crash."""

import os
import signal
import time
from pathlib import Path

import click
import psutil

from ops.console import hints
from ops.console.errors import CommandFailedError
from ops.console.options import stack_options
from ops.console.paths import state_folder
from ops.local.state import StateFolder
from ops.local.supervisor.records import ProcessRecord, alive

SUPERVISOR_SECONDS = 45.0
"""How long `perch up` may take to stop its children; each has a deadline of its own in it."""
CHILD_SECONDS = 5.0
POLL_SECONDS = 0.05


def _signal_group(running: ProcessRecord, number: signal.Signals) -> None:
    try:
        os.killpg(running.pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise _anothers(running) from None


def _anothers(running: ProcessRecord) -> CommandFailedError:
    return CommandFailedError(
        f"{running.name} (process {running.pid}) is another user's; run this as that user"
    )


def _wait_for_end(running: tuple[ProcessRecord, ...], seconds: float) -> tuple[ProcessRecord, ...]:
    """Wait for processes to end; return those that still run after ``seconds``."""
    deadline = time.monotonic() + seconds
    while (left := tuple(one for one in running if alive(one))) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return left


def stop_leftovers(folder: StateFolder) -> list[str]:
    """Stop children whose supervisor is gone, and forget them.

    A process is touched only when it is the one that was recorded, not another with its number.

    Returns their names, in the order of stopping.
    """
    state = folder.read()
    if state is None:
        return []
    left = tuple(child for child in reversed(state.children) if alive(child))
    for child in left:
        _signal_group(child, signal.SIGTERM)
    for child in _wait_for_end(left, CHILD_SECONDS):
        _signal_group(child, signal.SIGKILL)
    _wait_for_end(left, CHILD_SECONDS)
    folder.clear()
    return [child.name for child in left]


def stop(folder: StateFolder) -> str:
    """Stop whatever runs for a folder; return in a sentence what was done.

    Raises:
        CommandFailedError: The supervisor runs and does not stop.
    """
    state = folder.read()
    if state is None:
        return f"nothing is up in {folder.path}"
    supervisor = state.supervisor
    if not alive(supervisor):
        names = stop_leftovers(folder)
        what = f"stopped {', '.join(names)}" if names else "nothing was left running"
        return f"`perch up` had ended without stopping its processes; {what}"
    try:
        psutil.Process(supervisor.pid).send_signal(signal.SIGTERM)
    except psutil.NoSuchProcess:
        # It ended this moment.
        pass
    except psutil.AccessDenied:
        raise _anothers(supervisor) from None
    if _wait_for_end((supervisor,), SUPERVISOR_SECONDS):
        raise CommandFailedError(
            f"`perch up` (process {supervisor.pid}) still runs after {SUPERVISOR_SECONDS:.0f} s; "
            f"end it with `kill -9 {supervisor.pid}` and run "
            f"{hints.command('down', state.stack, folder.path)} again"
        )
    stop_leftovers(folder)
    return f"stack {state.stack} is down"


@click.command("down")
@stack_options
def command(*, stack: str, state_dir: Path | None) -> None:
    """Stop everything that `perch up` started for a stack on this machine.

    Exit code 0 also when nothing was up.
    """
    click.echo(f"perch: {stop(StateFolder(state_folder(stack, state_dir)))}")
