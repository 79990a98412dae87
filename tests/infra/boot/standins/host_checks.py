"""What reads user data on a machine, reading it here: cloud-init, bash and systemd."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra.boot.files import UNITS
from tests.support.tools import need

Done = subprocess.CompletedProcess[str]

# Programs and units that the machine image has and the units lean on.
PROGRAMS = (
    "/usr/bin/docker",
    "/usr/bin/systemctl",
    "/usr/bin/python3",
    "/usr/bin/true",
    "/opt/perch/gateway/bin/python",
)
DOCKER = "[Service]\nExecStart=/usr/bin/docker\n"


def _run(command: list[str | Path], given: str | None = None) -> Done:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def cloud_init_reads(text: str, folder: Path) -> Done:
    """What cloud-init's own schema says of a cloud-config."""
    path = folder / "user-data"
    path.write_text(text)
    return _run([need("cloud-init", "cloud-init"), "schema", "--config-file", path])


def bash_reads(script: str) -> Done:
    """Whether bash can parse a script."""
    return _run(["bash", "-n"], script)


def machine_root(files: Mapping[str, str], root: Path) -> None:
    """A root directory with what cloud-init would write, and what that leans on.

    Args:
        files: Absolute path -> content.
        root: An empty folder.
    """
    system = root / "lib" / "systemd" / "system"
    system.mkdir(parents=True)
    _run(["cp", "-a", "/lib/systemd/system/.", system]).check_returncode()
    stand_ins = dict.fromkeys(PROGRAMS, "#!/bin/sh\n")
    for name, content in {**files, **stand_ins, f"{UNITS}/docker.service": DOCKER}.items():
        path = root / name.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o755 if content.startswith("#!") else 0o644)


def verify_units(root: Path) -> Done:
    """What systemd says of our units below a root directory."""
    systemd_analyze = need("systemd-analyze", "systemd")
    units = [path for path in (root / UNITS.removeprefix("/")).glob("perch*") if path.is_file()]
    assert units
    return _run([systemd_analyze, "verify", "--man=no", f"--root={root}", *units])
