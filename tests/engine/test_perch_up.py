"""`perch up --engine`, as far as the stack: what starts from its outputs is tests/ops/local's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from pulumi.automation import PulumiCommand

from ops.cli import main
from ops.offline.engine.project import CHECKOUT
from ops.stack import read_file
from tests.engine.worlds import simulated_aws


def test_the_engine_applies_the_local_stack_from_an_empty_state_each_time(
    tmp_path: Path, pulumi_command: PulumiCommand
) -> None:
    assert pulumi_command.version is not None
    outputs, engine = tmp_path / "outputs.json", tmp_path / "engine"
    for port in (18443, 18444):
        with simulated_aws(tmp_path / "aws") as api:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "ops.local.provision", "--stack", "local"),
                    *(
                        "--root",
                        str(CHECKOUT),
                        "--endpoint",
                        api.client("sts", "us-east-2").meta.endpoint_url,
                    ),
                    *("--credentials", str(tmp_path / "aws" / "aws-credentials")),
                    *("--overrides", json.dumps({"load_balancer": {"port": port}})),
                    *("--outputs", str(outputs), "--engine", str(engine)),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.endswith("resources\n")
            arn = read_file(outputs, stack="local").listener_arn
            found = api.call("elbv2", "describe_listeners", "us-east-2", {"ListenerArns": [arn]})
        assert found["Listeners"][0]["Port"] == port


def test_without_a_cli_it_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.local.up.project_root", lambda: tmp_path)
    path = [folder for folder in os.environ["PATH"].split(":") if not _has_cli(folder)]
    monkeypatch.setenv("PATH", ":".join(path))
    said = CliRunner().invoke(main, ["up", "--engine"])
    assert said.exit_code == 2
    assert "`make engine` builds one" in said.output


def _has_cli(folder: str) -> bool:
    return (Path(folder) / "pulumi").exists()
