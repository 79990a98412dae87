"""Small programs, and moto in this process."""

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from moto import mock_aws

from ops.offline.simulator import moto_patches

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


@pytest.fixture(scope="package")
def aws_in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """moto with the patches, once for this folder: to end it takes seconds."""
    folder = tmp_path_factory.mktemp("aws")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "offline")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "offline")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
        moto_patches.install()
        with mock_aws():
            yield
