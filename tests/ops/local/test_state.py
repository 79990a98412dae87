"""The state folder: who owns it, what is remembered, and when a process id is still ours."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ops.console import hints
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.local.state import State, StateFolder
from ops.local.supervisor.records import ProcessRecord, alive, started


def me(offset: float = 0.0) -> ProcessRecord:
    since = started(os.getpid())
    assert since is not None
    return ProcessRecord(name="perch up", pid=os.getpid(), started=since + offset)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "with a space" / "local")
    made.prepare()
    return made


def test_a_process_is_ours_only_while_number_and_start_agree() -> None:
    assert alive(me())
    assert not alive(me(offset=-3600))


def test_a_process_that_has_ended_is_not_alive_even_before_it_is_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        since = started(process.pid)
        assert since is not None
        running = ProcessRecord(name="x", pid=process.pid, started=since)
        assert alive(running)
        assert process.stdin is not None
        process.stdin.close()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert not alive(running)
    assert not alive(running)


def test_what_is_written_is_read_back_and_private(folder: StateFolder) -> None:
    state = State(stack="local", supervisor=me(), aws={"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    folder.write(state)
    assert folder.read() == state
    assert stat.S_IMODE(folder.state.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.clear()
    assert folder.read() is None
    assert sorted(path.name for path in folder.path.iterdir()) == ["logs"]


def test_a_state_that_cannot_be_understood_counts_as_none(folder: StateFolder) -> None:
    folder.state.write_text(json.dumps({"stack": "local"}))
    assert folder.read() is None


def test_a_second_owner_is_told_where_the_first_one_answers(folder: StateFolder) -> None:
    url = "https://localhost:8443"
    with folder.owned():
        with (
            pytest.raises(CommandFailedError, match="another `perch up` is just starting in"),
            folder.owned(),
        ):
            pass
        folder.write(State(stack="local", supervisor=me()))
        with (
            pytest.raises(CommandFailedError, match="is already up and still starting"),
            folder.owned(),
        ):
            pass
        folder.write(State(stack="local", supervisor=me(), url=url))
        with pytest.raises(CommandFailedError) as refused, folder.owned():
            pass
    assert refused.value.message == (
        f"stack local is already up at {url} (process {os.getpid()}); "
        f"{hints.command('down', 'local', folder.path)} stops it"
    )
    with folder.owned():
        pass


def test_a_file_in_the_place_of_the_folder_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigurationError, match="name another with --state-dir"):
        StateFolder(tmp_path / "taken" / "local").prepare()
