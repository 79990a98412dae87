"""A folder to start the gateway in, without anything of the person's environment."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.gateway.__main__ import main
from app.gateway.settings.gateway import PREFIXES


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for key in os.environ:
        if key.upper().startswith((*PREFIXES, "OTEL_", "RIVA_")):
            monkeypatch.delenv(key)
    return tmp_path


def start(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="perch gateway")
