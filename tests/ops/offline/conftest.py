"""Small programs, and moto in this process."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.support.moto import aws_in_process

__all__ = ["aws_in_process"]

HARBOUR = Path(__file__).parent / "programs" / "harbour"
"""A program of the tests' own: a component, a provider with default tags, a secret, two subnets."""

MakeProgram: TypeAlias = Callable[..., Path]


@pytest.fixture
def make_program(tmp_path: Path) -> MakeProgram:
    """Write a project with one stack `one`; returns its root."""

    def make(code: str, config: str = "", project: str = "name: demo\nruntime: python\n") -> Path:
        (tmp_path / "Pulumi.yaml").write_text(f"{project}main: program.py\n")
        (tmp_path / "Pulumi.one.yaml").write_text(
            "config:\n" + textwrap.indent(textwrap.dedent(config) or "aws:region: eu-west-1", "  ")
        )
        prelude = "import pulumi\nimport pulumi_aws as aws\n"
        (tmp_path / "program.py").write_text(prelude + textwrap.dedent(code))
        return tmp_path

    return make
