"""The workflows in .github are what a user's CI runs, so they are held to what exists.

That GitHub runs them as meant is not proven here: actionlint and zizmor (in `make check`) read
them, no runner executes them.
"""

import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from ops.cli import main
from ops.offline.engine.project import stack_names
from tests.support.stacks import SAMPLES
from tests.support.tools import need

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_and_names_its_version(workflow: Path) -> None:
    used = [line.strip() for line in workflow.read_text().splitlines() if "uses:" in line]
    assert used
    for line in used:
        assert PINNED.search(line), line


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_is_permitted_that_a_job_does_not_ask_for(workflow: Path) -> None:
    content = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert content["permissions"] == {}
    signs = {"attestations"} if workflow.name == "up.yml" else set()
    for job in content["jobs"].values():
        assert set(job["permissions"]) <= {"contents", "id-token", "pull-requests"} | signs
        assert job["timeout-minutes"] <= 90


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_command_of_ours_exists_with_its_options(workflow: Path) -> None:
    context = click.Context(main)
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for step in steps(workflow):
        script = step.get("run", "")
        for target in re.findall(r"^\s*make (\w+)", script, re.MULTILINE):
            assert target in targets
        for name, rest in re.findall(r"\.venv/bin/perch (\w+)([^\n>]*)", script):
            command = main.get_command(context, name)
            assert command is not None
            known = {option for parameter in command.params for option in parameter.opts}
            assert set(re.findall(r"--[\w-]+", rest)) <= known


def test_the_same_stacks_are_previewed_applied_and_watched_and_never_the_local_one() -> None:
    """Who adds a stack or removes one lists his own; as delivered they are all there."""
    listed = {
        names
        for name in ("preview.yml", "up.yml", "drift.yml")
        for names in re.findall(r"stack: \[(.+)\]", (WORKFLOWS[0].parent / name).read_text())
    }
    assert len(listed) == 1
    stacks = set(listed.pop().split(", "))
    assert "local" not in stacks
    if set(stack_names(ROOT)) == set(stack_names(SAMPLES)):
        assert stacks == set(stack_names(SAMPLES)) - {"local"}


@pytest.mark.tool
def test_actionlint_finds_nothing() -> None:
    actionlint = need("actionlint", "golang-go, then go install actionlint")
    done = subprocess.run(
        [actionlint], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
