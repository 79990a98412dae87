"""Starts programs of a machine so that none outlives the test, however that ends."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.tools import SYSTEM_PATH

_TIED = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG of linux/prctl.h
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""


def tied(command: Sequence[str | Path]) -> list[str]:
    """A command that the kernel kills as soon as this process is gone, killed or not."""
    return [sys.executable, "-ISc", _TIED, str(os.getpid()), *map(str, command)]


def machine_path(*before: Path) -> str:
    """The PATH of a machine's programs: systemd names the folders that a user's PATH may lack."""
    return ":".join((*map(str, before), os.environ["PATH"], SYSTEM_PATH))


def start(command: Sequence[str | Path], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start what runs until it is stopped; its errors can be read."""
    return subprocess.Popen(
        tied(command),
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[str]) -> None:
    """End it."""
    process.terminate()
    process.communicate(timeout=10)
