"""What is suggested reaches the stack in question, and none that runs beside it."""

import os
import sys
from pathlib import Path
from shlex import split

import psutil
import pytest

from ops import stack
from ops.console import hints
from ops.console.errors import CommandFailedError
from ops.console.paths import usual_state_folder
from ops.local import down
from ops.local.state import State, StateFolder
from ops.local.supervisor.records import record


@pytest.mark.parametrize("name", ["local", "staging", "a b"])
@pytest.mark.parametrize("folder", [None, Path("/else where")])
def test_a_suggestion_names_the_stack_and_the_folder_where_they_are_not_the_usual_ones(
    name: str, folder: Path | None
) -> None:
    place = folder or usual_state_folder(name)
    words = split(hints.command("down", name, place).strip("`"))
    assert words[1:] == [
        "down",
        *(() if name == "local" else ("--stack", name)),
        *(() if folder is None else ("--state-dir", str(folder))),
    ]


def test_the_usual_stack_is_started_with_make() -> None:
    assert hints.start("local", usual_state_folder("local")) == "`make up`"
    assert hints.start("local", Path("/x")).endswith(" up --state-dir /x`")


def test_outputs_that_are_not_there_name_what_would_make_them_there(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match=rf"up --state-dir {tmp_path}`$"):
        stack.read("local", chosen=tmp_path)
    (tmp_path / "outputs.json").write_bytes(b"\xff")
    with pytest.raises(CommandFailedError, match=rf"up --state-dir {tmp_path}` writes it anew$"):
        stack.read("local", chosen=tmp_path)


def test_a_supervisor_that_hangs_is_to_be_ended_and_that_very_stack_to_be_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = StateFolder(tmp_path)
    me = record("perch up", os.getpid())
    folder.write(State(stack="local", supervisor=me))
    monkeypatch.setattr(down, "SUPERVISOR_SECONDS", 0.0)
    monkeypatch.setattr(psutil.Process, "send_signal", lambda *_: None)
    with pytest.raises(CommandFailedError, match=rf"down --state-dir {tmp_path}` again$"):
        down.stop(folder)


def test_the_command_is_named_as_it_can_be_typed_where_the_person_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "a checkout" / "bin" / "perch"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", "/none")
    gone = tmp_path / "gone"
    gone.mkdir()
    for folder, name in (
        (program.parents[1], "bin/perch"),
        (tmp_path, "'a checkout/bin/perch'"),
        (gone, f"'{program}'"),
    ):
        monkeypatch.chdir(folder)
        assert hints.own_name() == name
    gone.rmdir()
    assert hints.own_name() == f"'{program}'"
    monkeypatch.setenv("PATH", str(program.parent))
    assert hints.own_name() == "perch"


@pytest.mark.parametrize(
    ("word", "said"),
    [("locla", "; perhaps local is meant"), ("local", ""), ("mars", ""), ("", "")],
)
def test_a_word_that_is_nearly_known_is_answered_with_the_known_one(word: str, said: str) -> None:
    assert hints.perhaps(word, ["local", "staging"]) == said


def test_a_stack_that_nobody_has_is_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandFailedError) as refused:
        stack.read("stagign")
    assert refused.value.exit_code == 2
    assert refused.value.message == (
        "there is no stack stagign here; perhaps staging is meant; "
        "stacks: dev, local, prod, staging"
    )
