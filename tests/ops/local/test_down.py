"""`perch down` and what it does after a crash, with real processes in the place of a stack's."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ops.local import down
from ops.local.state import State, StateFolder
from ops.local.supervisor.records import ProcessRecord, alive, started

SLEEPS = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"

Launch = Callable[..., ProcessRecord]


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "state")
    made.prepare()
    return made


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start a process in a group of its own; it is reaped as an orphan would be by init."""
    processes: list[subprocess.Popen[str]] = []

    def start(name: str, code: str = SLEEPS) -> ProcessRecord:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        since = started(process.pid)
        assert since is not None
        return ProcessRecord(name=name, pid=process.pid, started=since)

    yield start
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def gone() -> ProcessRecord:
    return ProcessRecord(name="perch up", pid=os.getpid(), started=1.0)


def test_nothing_up_is_said_and_is_no_failure(tmp_path: Path) -> None:
    done = CliRunner().invoke(down.command, ["--state-dir", str(tmp_path)])
    assert (done.exit_code, done.output) == (0, f"perch: nothing is up in {tmp_path}\n")


def test_after_a_crash_the_children_are_stopped_and_named(
    folder: StateFolder, launch: Launch
) -> None:
    children = (launch("aws"), launch("emulator-blue"))
    folder.write(State(stack="local", supervisor=gone(), children=children))
    folder.outputs.write_text("{}")
    assert down.stop(folder) == (
        "`perch up` had ended without stopping its processes; stopped emulator-blue, aws"
    )
    assert not any(alive(child) for child in children)
    assert folder.read() is None
    assert not folder.outputs.exists()


def test_a_leftover_that_ignores_sigterm_is_killed(
    folder: StateFolder, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(down, "CHILD_SECONDS", 0.3)
    child = launch("gateway-blue", STUBBORN)
    folder.write(State(stack="local", supervisor=gone(), children=(child,)))
    assert down.stop_leftovers(folder) == ["gateway-blue"]
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not alive(child)


def test_a_process_that_has_only_the_number_of_ours_is_left_alone(
    folder: StateFolder, launch: Launch
) -> None:
    stranger = launch("somebody else's")
    ours = stranger.model_copy(update={"name": "listener", "started": stranger.started - 3600})
    folder.write(State(stack="local", supervisor=gone(), children=(ours,)))
    assert down.stop(folder).endswith("; nothing was left running")
    assert alive(stranger)


def test_a_running_supervisor_is_asked_to_stop_and_waited_for(
    folder: StateFolder, launch: Launch
) -> None:
    supervisor = launch("perch up")
    folder.write(State(stack="local", supervisor=supervisor))
    assert down.stop(folder) == "stack local is down"
    assert not alive(supervisor)


def test_what_a_supervisor_leaves_behind_when_it_is_asked_to_stop_is_stopped(
    folder: StateFolder, launch: Launch
) -> None:
    supervisor, child = launch("perch up"), launch("emulator-blue")
    folder.write(State(stack="local", supervisor=supervisor, children=(child,)))
    assert down.stop(folder) == "stack local is down"
    assert not alive(child)
    assert folder.read() is None


def test_a_supervisor_that_does_not_stop_is_a_failure_that_says_what_to_do(
    folder: StateFolder, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(down, "SUPERVISOR_SECONDS", 0.2)
    supervisor = launch("perch up", STUBBORN)
    folder.write(State(stack="local", supervisor=supervisor))
    failed = CliRunner().invoke(down.command, ["--state-dir", str(folder.path)])
    assert failed.exit_code == 1
    assert f"end it with `kill -9 {supervisor.pid}`" in failed.stderr
    assert alive(supervisor)
    os.kill(supervisor.pid, signal.SIGKILL)
