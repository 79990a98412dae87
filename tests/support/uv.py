"""uv makes environments and wheels: of what `make setup` left in its cache, else of an index."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 90


def uv_program() -> Path:
    """Path of uv, the Makefile's own or one on PATH; without one the test skips."""
    own = ROOT / ".uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        pytest.skip("uv is missing; `make setup` fetches it")
    return Path(found)


def run_with_uv(
    command: Sequence[str], *, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> str:
    """Run a command that finds uv on its PATH, without the network if that will do.

    Returns:
        Its standard output.
    """
    given = {**os.environ, **(environment or {})}
    given["PATH"] = f"{uv_program().parent}:{given['PATH']}"
    given.pop("VIRTUAL_ENV", None)
    offline = subprocess.run(
        command, cwd=cwd, env={**given, "UV_OFFLINE": "1"}, capture_output=True, check=False
    )
    if offline.returncode == 0:
        return offline.stdout.decode()
    online = subprocess.run(
        command, cwd=cwd, env=given, capture_output=True, check=False, timeout=LIMIT_SECONDS
    )
    assert online.returncode == 0, online.stderr.decode()
    return online.stdout.decode()


def installed(python: Path) -> dict[str, str]:
    """Name -> version of every distribution that an environment has."""
    program = (
        "import importlib.metadata as m, re\n"
        "for d in m.distributions(): print(re.sub(r'[-_.]+', '-', d.name).lower(), d.version)"
    )
    done = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


def _rules_for_the_gateway() -> list[tuple[str, str, str]]:
    # As app/Dockerfile and app/bundle install it.
    which = "--locked --no-dev --extra traces --no-emit-project"
    export = f"uv export {which} --no-hashes --no-annotate --no-header"
    return [line.partition(";") for line in run_with_uv(export.split()).splitlines() if line]


def pinned_for_the_gateway() -> set[tuple[str, ...]]:
    """Name and version of each distribution that uv.lock pins for the gateway.

    One name may stand there twice, for different versions of Python.
    """
    return {tuple(rule.strip().split("==")) for rule, _, _ in _rules_for_the_gateway()}


def assert_locked_for_the_gateway(python: Path) -> None:
    """Check that an environment has perch, what uv.lock pins for the gateway, and nothing else."""
    rules = _rules_for_the_gateway()
    needed = {rule.partition("==")[0].strip() for rule, _, where in rules if not where}
    found = installed(python)
    assert found.pop("perch")
    assert set(found.items()) <= pinned_for_the_gateway()
    assert needed <= found.keys()
