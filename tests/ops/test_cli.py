"""The command perch as a process. What each subcommand does is tested beside it."""

import ast
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import pytest

from ops.cli import OWN_PACKAGES, SUBCOMMANDS, load
from ops.loopback import no_proxy_variables

NOT_ON_A_MACHINE = (
    "boto3",
    "botocore",
    "ctranslate2",
    "faster_whisper",
    "jiwer",
    "moto",
    "onnxruntime",
    "psutil",
    "pulumi",
    "pulumi_aws",
    "rich",
    "trustme",
    "whisper_normalizer",
    "yaml",
)


def without(packages: Iterable[str]) -> str:
    """Code that makes packages impossible to import, as where they are not installed."""
    return f"import sys; sys.modules.update(dict.fromkeys({[*packages]!r}))"


BLOCKER = without(NOT_ON_A_MACHINE)
OF_EXTRA = {
    "emulator": ("ctranslate2", "faster_whisper", "onnxruntime"),
    "infra": ("pulumi", "pulumi_aws", "yaml"),
    "local": NOT_ON_A_MACHINE,
    "ops": ("boto3", "botocore", "jiwer", "psutil", "rich", "whisper_normalizer", "yaml"),
}
"""What of these each extra installs."""


def perch(
    *arguments: str, before: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    code = f"{before}\nfrom ops.cli import main\nmain({list(arguments)!r}, prog_name='perch')"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PERCH_")}
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=cwd,
        env=clean,
    )


def test_help_and_the_gateway_work_without_any_extra(tmp_path: Path) -> None:
    helped = perch("--help", before=BLOCKER)
    assert helped.returncode == 0
    assert all(f"\n  {name} " in helped.stdout for name in SUBCOMMANDS)
    # The gateway's answer to a setting that cannot be used shows that it was reached.
    wrong = "import os; os.environ['APP_PORT'] = 'x'"
    answered = perch("gateway", before=f"{BLOCKER}\n{wrong}", cwd=tmp_path)
    assert answered.returncode == 2
    assert "APP_PORT" in answered.stderr


@pytest.mark.parametrize(
    ("name", "extra"),
    [("up", "local"), ("down", "local"), ("smoke", "ops"), ("qa", "ops"), ("emulator", "emulator")],
)
def test_a_command_whose_extra_is_missing_says_in_one_line_which(name: str, extra: str) -> None:
    refused = perch(name, before=BLOCKER)
    assert refused.returncode == 2
    assert refused.stdout == ""
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"perch: `perch {name}` needs ")
    assert line.endswith(f"install the extra: pip install 'perch[{extra}]'")


@pytest.mark.parametrize("extra", [None, "ops", "infra,ops"])
def test_a_command_is_there_where_its_own_extra_is_and_no_other(extra: str | None) -> None:
    installed = {name for part in (extra or "").split(",") for name in OF_EXTRA.get(part, ())}
    absent = [name for name in NOT_ON_A_MACHINE if name not in installed]
    names = [name for name, entry in SUBCOMMANDS.items() if entry.extra == extra]
    code = (
        f"{without(absent)}\nfrom ops.cli import SUBCOMMANDS, load\n"
        f"print([load(name, SUBCOMMANDS[name]).name for name in {names!r}])"
    )
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert names
    assert len(ast.literal_eval(loaded.stdout)) == len(names)


def test_arguments_of_a_program_are_passed_on_unread(tmp_path: Path) -> None:
    # A folder called app where the person stands is not taken for ours.
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('the wrong app')")
    helped = perch("emulator", "--help", cwd=tmp_path)
    assert helped.returncode == 0
    assert helped.stdout.startswith("Usage: perch emulator ")
    assert "--tags-selector" in helped.stdout


def test_no_proxy_is_asked_the_way_to_this_machine() -> None:
    here = "localhost,127.0.0.1,::1"
    assert (
        no_proxy_variables({"NO_PROXY": "intra.example.org,"})["no_proxy"]
        == f"intra.example.org,{here}"
    )
    asked = perch(
        "outputs",
        before="import os, ops.stack; os.environ['no_proxy'] = 'a.example.org'\n"
        "ops.stack.read = lambda *_, **__: exit(os.environ['NO_PROXY'])",
    )
    assert asked.stderr == f"a.example.org,{here}\n"


def test_an_unknown_command_is_wrong_usage() -> None:
    refused = perch("fly")
    assert refused.returncode == 2
    assert "No such command 'fly'" in refused.stderr


@pytest.mark.parametrize("name", sorted(SUBCOMMANDS))
def test_every_command_named_exists_and_says_what_it_does(name: str) -> None:
    command = load(name, SUBCOMMANDS[name])
    assert isinstance(command, click.Command)
    program = SUBCOMMANDS[name].program
    if program is None:
        assert (command.help or "").strip()
    else:
        assert importlib.util.find_spec(f"{program}.__main__") is not None


def test_every_extra_named_is_one_of_the_distribution() -> None:
    extras = set(importlib.metadata.metadata("perch").get_all("Provides-Extra") or ())
    named = {
        extra for entry in SUBCOMMANDS.values() if entry.extra for extra in entry.extra.split(",")
    }
    assert named <= extras
    assert not {need for entry in SUBCOMMANDS.values() for need in entry.needs} & {*OWN_PACKAGES}


def test_the_table_that_names_no_command_is_a_programming_error() -> None:
    wrong = SUBCOMMANDS["outputs"].__class__(help="x", target="ops.stack:LOCAL")
    with pytest.raises(TypeError, match="is str, not a click command"):
        load("outputs", wrong)
