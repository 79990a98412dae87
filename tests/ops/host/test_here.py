"""`perch host` for a stack on this machine: no machine is pretended."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ops.host.command import command
from ops.local.supervisor.records import record
from tests.ops.host.test_bundle import contents
from tests.support.outputs import OUTPUTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """State folder of a stack that this process seems to supervise."""
    own = record("up", os.getpid()).model_dump()
    gone = {"name": "gateway-blue", "pid": 2**22 - 1, "started": 1.0}
    state = {"stack": "local", "supervisor": own, "url": None, "aws": {}, "children": [gone]}
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "outputs.json").write_text(json.dumps(OUTPUTS))
    logs = tmp_path / "logs"
    logs.mkdir()
    for name in ("gateway-blue", "gateway-green", "emulator-blue", "host", "listener"):
        (logs / f"{name}.log").write_text(f"{name} first\n{name} last token=abcdefgh\n")
    return tmp_path


def host(folder: Path, *arguments: str) -> Result:
    name, *others = arguments
    return CliRunner().invoke(command, [name, "--state-dir", str(folder), *others])


@pytest.mark.parametrize(
    "arguments",
    [("run", "--", "true"), ("shell",), ("logs", "--follow")],
    ids=lambda given: given[0],
)
def test_what_needs_a_machine_is_refused_in_a_sentence(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    done = host(folder, *arguments)
    assert done.exit_code == 2
    assert "stack local has no machines" in done.stderr


def test_there_is_no_gpu_and_no_machine_to_list(folder: Path) -> None:
    assert host(folder, "gpu").stdout.startswith("no GPU: ")
    assert host(folder, "list").stdout.startswith("none: ")


def test_logs_are_those_of_the_processes_that_are_meant(folder: Path) -> None:
    everything = host(folder, "logs", "--lines", "1").stdout
    assert everything.count("==>") == 5
    assert "first" not in everything
    chosen = host(folder, "logs", "--source", "asr", "--colour", "blue").stdout
    assert chosen.splitlines()[1:] == ["emulator-blue first", "emulator-blue last token=abcdefgh"]
    nothing = host(folder, "logs", "--source", "asr", "--colour", "green")
    assert nothing.exit_code == 1
    assert "there is no such log" in nothing.stderr


def test_a_bundle_has_its_processes_outputs_and_logs_without_secrets(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "bundle.tar.gz"
    done = host(folder, "bundle", "--output", str(path))
    assert done.exit_code == 0, done.output
    found = contents(path)
    assert "gateway-blue (process 4194303) is gone" in found["processes.txt"]
    assert json.loads(found["outputs.json"])["region"] == "us-east-2"
    assert "abcdefgh" not in "".join(found.values())
    assert "host last token=" in found["logs/host.log"]


def test_a_bundle_lies_where_git_does_not_see_it_unless_a_file_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: perch\n")
    monkeypatch.chdir(tmp_path)
    done = host(folder, "bundle")
    assert done.exit_code == 0, done.output
    [path] = (tmp_path / ".perch" / "bundles").iterdir()
    assert path.name.startswith("local-here-")
    assert done.stdout.startswith(f"{path}: ")
    assert not list(tmp_path.glob("*.tar.gz"))
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("in its place")
    refused = host(folder, "bundle")
    assert refused.exit_code == 1
    assert f"{path.parent} cannot be made: File exists" in refused.stderr


def test_a_stack_that_is_not_up_is_told_as_that(tmp_path: Path) -> None:
    done = host(tmp_path / "none", "run", "--", "true")
    assert done.exit_code == 1
    assert "is not up" in done.stderr
