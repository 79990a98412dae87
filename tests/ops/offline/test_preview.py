"""The command `perch preview` on a git repository, as a person and as CI call it.

Proves exit codes, formats and isolation; the classes of changes are proved by test_compare.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ops.preview import command
from tests.ops.offline.conftest import HARBOUR
from tests.support.git import git


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits of the tests' program, and a change in the working tree."""
    root = tmp_path_factory.mktemp("a repository")
    shutil.copytree(HARBOUR, root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    stack = root / "stacks" / "Pulumi.quay.yaml"
    shutil.copy(stack, root / "stacks" / "Pulumi.pier.yaml")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "second")
    stack.write_text(stack.read_text().replace("gateway: 8080", "gateway: 9090"))
    basin = root / "harbour" / "basin.py"
    basin.write_text(basin.read_text().replace("enable_dns_hostnames=True", "tags={'a': 'b'}"))
    return root


def _run(monkeypatch: pytest.MonkeyPatch, repository: Path, *arguments: str) -> Result:
    monkeypatch.chdir(repository)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "must-not-be-passed-on")
    return CliRunner().invoke(command, list(arguments))


def test_the_working_tree_is_compared_with_the_last_commit(
    monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    result = _run(monkeypatch, repository, "--stack", "quay", "--fail-on", "replace")
    assert result.exit_code == 0, result.output
    assert "quay: HEAD -> working tree" in result.output
    assert "~ update   aws:ec2/vpc:Vpc basin-vpc  (harbour/basin.py:22)" in result.output
    assert "~ gateway_port: 8080 -> 9090" in result.output
    assert "policies: not judged\n    warning: working tree has no infra/policies" in result.output
    assert "cost a month: " in result.output
    assert result.output.endswith("  1 to update, 7 unchanged\n")


def test_two_commits_are_compared_and_a_stack_that_is_new_is_created(
    monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    result = _run(
        monkeypatch,
        repository,
        *("--base", "HEAD~1", "--head", "HEAD", "--stack", "pier"),
        *("--format", "json", "--fail-on", "change"),
    )
    assert result.exit_code == 1
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["changeSummary"] == {"create": 8}
    assert found["perch"]["base"] == "HEAD~1"
    assert found["perch"]["policyFindings"]["judged"] is False
    assert found["perch"]["monthlyCost"]["before"] == 0
    assert "stopped by --fail-on (pier: change)" in result.stderr
    assert "offline-stand-in" not in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--base", "nowhere"), "revision 'nowhere': git knows no such commit"),
        (("--stack", "lagoon"), "stack 'lagoon' has no file; stacks: pier, quay"),
    ],
)
def test_what_does_not_exist_is_one_clear_sentence(
    monkeypatch: pytest.MonkeyPatch, repository: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = _run(monkeypatch, repository, *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_program_that_fails_is_named_with_its_revision(
    monkeypatch: pytest.MonkeyPatch, repository: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(repository, broken)
    (broken / "harbour" / "basin.py").write_text("raise RuntimeError('aground')\n")
    result = _run(monkeypatch, broken, "--stack", "pier", "--base", "HEAD~1")
    assert result.exit_code == 2
    assert "pier at working tree: harbour pier: harbour/basin.py:1: RuntimeError: aground" in (
        result.stderr
    )
