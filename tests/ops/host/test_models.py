"""`perch cache save` and `restore`: units of a machine, started over a real sshd.

Not proved: what the units do there; tests/infra/boot has that, with stand-ins for AWS.
"""

import getpass
from pathlib import Path

from click.testing import CliRunner, Result

from ops import cache
from tests.ops.host.conftest import Stack

ROOT = Path(__file__).resolve().parents[3]


def run(stack: Stack, name: str) -> Result:
    options = ["--state-dir", str(stack.folder), "--user", getpass.getuser()]
    return CliRunner().invoke(cache.command, [name, *options])


def machine(stack: Stack, tmp_path: Path, *, status: int = 0) -> Path:
    """Have systemctl, rm and tail note what they are asked."""
    asked = tmp_path / "asked"
    for name, code in (("systemctl", status), ("rm", 0)):
        stack.sshd.on_the_machine(name, f'echo "{name} $*" >>{asked}; exit {code}')
    stack.sshd.on_the_machine("tail", "echo what the unit said")
    return asked


def test_save_starts_the_machines_own_unit_and_shows_what_it_said(
    stack: Stack, tmp_path: Path
) -> None:
    asked = machine(stack, tmp_path)
    done = run(stack, "save")
    assert (done.exit_code, done.stdout) == (0, "what the unit said\n")
    assert asked.read_text() == "systemctl start perch-cache-save\n"


def test_restore_takes_the_mark_away_first_and_starts_the_recogniser_with_what_came(
    stack: Stack, tmp_path: Path
) -> None:
    asked = machine(stack, tmp_path)
    assert run(stack, "restore").exit_code == 0
    assert asked.read_text().splitlines() == [
        "rm -f /var/lib/perch/store/models-whole",
        "systemctl restart perch-cache perch-asr",
    ]


def test_a_unit_that_fails_is_a_failure_with_its_last_words(stack: Stack, tmp_path: Path) -> None:
    machine(stack, tmp_path, status=1)
    done = run(stack, "save")
    assert (done.exit_code, done.stdout) == (1, "what the unit said\n")


def test_the_units_and_the_mark_are_those_of_a_machine() -> None:
    for words in (cache.SAVE.split(), cache.RESTORE.split(" && ")[1].split()):
        for unit in words[4:]:
            assert (ROOT / "infra" / "boot" / "units" / f"{unit}.service").is_file(), unit
    script = (ROOT / "infra" / "boot" / "scripts" / "restore-cache").read_text()
    assert "whole=$PERCH_STORE/models-whole" in script
