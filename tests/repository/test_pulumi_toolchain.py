"""What Pulumi's Python language host runs in `.venv` before it runs the program.

The commands are those of the toolchain `pip` in Pulumi's sources (sdk/python/toolchain/pip.go),
which the policy pack names too (tests/infra/policies/test_pack.py). The host itself is not here:
that it takes what they print is Pulumi's part.
"""

import importlib.metadata
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]


def listed(*words: str) -> list[dict[str, Any]]:
    """Return what `pip list` says of the environment that Pulumi.yaml names, run as Pulumi does."""
    runtime = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))["runtime"]
    assert runtime["options"]["toolchain"] == "pip", "another toolchain runs other commands"
    environment = ROOT / runtime["options"]["virtualenv"]
    run = subprocess.run(
        [environment / "bin" / "python", "-m", "pip", "list", *words, "--format", "json"],
        env={
            "HOME": os.environ.get("HOME", "/"),
            "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
            "VIRTUAL_ENV": str(environment),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    # Pulumi, too, reads the first value and leaves what may follow.
    found: list[dict[str, Any]] = json.JSONDecoder().raw_decode(run.stdout)[0]
    return found


@pytest.mark.parametrize("words", [(), ("-v",)], ids=["now", "until 2025"])
def test_every_preview_finds_its_packages_in_what_make_setup_installs(words: list[str]) -> None:
    versions = {one["name"].lower().replace("_", "-"): one["version"] for one in listed(*words)}
    for package in ("pulumi", "pulumi-aws", "pulumi-policy"):
        assert versions[package] == importlib.metadata.version(package)


def test_the_package_of_aws_says_beside_its_code_which_plugin_it_wants() -> None:
    (package,) = (one for one in listed("-v") if one["name"].replace("_", "-") == "pulumi-aws")
    said = json.loads((Path(package["location"]) / "pulumi_aws" / "pulumi-plugin.json").read_text())
    assert said["name"] == "aws"
    assert said["resource"] is True


def test_pulumi_about_finds_what_nothing_else_requires() -> None:
    assert listed("--not-required")
