"""Environments with other services' SDKs, whose dependencies need not fit ours.

Each is made when it is first needed, in `.tools/clients`, with the newest version that the index
has for this machine's Python or Node, and renewed in each later run that has a network. Where it
cannot be had the test skips by name, or fails under PERCH_REQUIRE_TOOLS=1.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.support.uv import ROOT, uv_program

_FOLDER: Final = ROOT / ".tools" / "clients"
_MAKE_S: Final = 120
_RUN_S: Final = 500


def python_with(package: str, *more: str, module: str = "") -> Path:
    """Return the Python of an environment that has the newest version of a package.

    Args:
        package: Of PyPI.
        more: What it needs beside what it says itself, such as `package[extra]`.
        module: What it is imported as, where that is another name.
    """
    uv, folder = str(uv_program()), _FOLDER / f"python-{package}"
    python = folder / "bin" / "python"
    command = [uv, "pip", "install", "--quiet", "--upgrade", "--python", str(python)]
    install = [*command, package, *more]
    with _alone(folder):
        if not python.exists():
            _must([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], package)
        # Without a network an older version will do.
        if not _done(install):
            _must([str(python), "-c", f"import {module or package}"], package)
    return python


def node_project(package: str, node: str, npm: str, *more: str) -> Path:
    """Return the folder of a project that has the newest version of a package.

    Args:
        package: Of npm.
        node: Path of Node.
        npm: Path of npm.
        more: Packages that it needs and does not bring.
    """
    folder = _FOLDER / f"node-{package}"
    with _alone(folder):
        folder.mkdir(exist_ok=True)
        if not _done(
            [npm, "install", "--silent", "--no-audit", "--no-fund", package, *more], folder
        ):
            _must([node, "-e", f"require({package!r})"], package, folder)
    return folder


def run(command: Sequence[str], *, cwd: Path | None = None, environment: Mapping[str, str]) -> str:
    """Run a program that must succeed; return what it wrote.

    Args:
        command: With its arguments.
        cwd: Where it runs.
        environment: Beside PATH; nothing else of this machine's is handed on.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other test processes from making the same environment at the same time."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _done(command: Sequence[str], cwd: Path = ROOT) -> bool:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, check=False, timeout=_MAKE_S)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _must(command: Sequence[str], package: str, cwd: Path = ROOT) -> None:
    if not _done(command, cwd):
        _cannot_be_had(package)


def _cannot_be_had(package: str) -> None:
    sentence = f"the package {package} cannot be had: no index answers, or it has none for us"
    if os.environ.get("PERCH_REQUIRE_TOOLS") == "1":
        pytest.fail(sentence)
    pytest.skip(sentence)
