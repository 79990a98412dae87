"""`perch allow`: the stack's file, and what the program makes of it; nothing of AWS is asked."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ops import allow
from tests.support.stacks import SAMPLES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own: this program, and stack dev as it is delivered."""
    text = (ROOT / "Pulumi.yaml").read_text().replace("main: infra/", f"main: {ROOT / 'infra'}")
    (tmp_path / "Pulumi.yaml").write_text(text)
    (tmp_path / "stacks").mkdir()
    shutil.copy(SAMPLES / "Pulumi.dev.yaml", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "stacks" / "Pulumi.dev.yaml"


def run(*arguments: str) -> Result:
    name, *rest = arguments
    return CliRunner().invoke(allow.command, [name, "--stack", "dev", *rest])


def test_a_range_is_let_in_and_kept_out_again_with_the_difference_shown(file: Path) -> None:
    before = file.read_text()
    added = run("add", "198.51.100.0/24")
    assert added.exit_code == 0, added.output
    assert "-    allowed_cidrs: [203.0.113.0/24]" in added.stdout
    assert "+    allowed_cidrs: [203.0.113.0/24, 198.51.100.0/24]" in added.stdout
    assert "SecurityGroupIngressRule" in added.stdout
    assert "nothing is applied: `pulumi up --stack dev` does" in added.stdout
    assert run("list").stdout.split() == ["203.0.113.0/24", "198.51.100.0/24"]
    assert run("add", "198.51.100.0/24").stdout.endswith("may reach stack dev already\n")
    removed = run("remove", "198.51.100.0/24")
    assert removed.exit_code == 0
    *_, shown = removed.stdout.partition("SecurityGroup")
    # What is shown is the difference of the programs: the rule of this range goes, and no other.
    assert "198-51-100-0-24" in shown
    assert "203-0-113-0-24" not in shown
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "203.0.113.7/24"), "with no host bits set"),
        (("add", "nowhere"), "an IPv4 range"),
        (("add", "::/0"), "an IPv4 range"),
        (("add", "0.0.0.0/0"), "access.anywhere_on_other_ports"),
        (("remove", "203.0.113.0/24"), "access.allowed_cidrs is [];"),
        (("remove", "192.0.2.0/24"), "is not allowed; allowed: 203.0.113.0/24"),
    ],
)
def test_what_the_program_refuses_is_not_written(
    file: Path, arguments: tuple[str, ...], said: str
) -> None:
    before = file.read_text()
    refused = run(*arguments)
    assert (refused.exit_code, file.read_text()) == (2, before)
    assert said in refused.stderr
