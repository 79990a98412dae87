"""Rows of free ports that nobody else takes meanwhile: other workers, other checkouts, other users.

Between a look and the listening others may look, too. So a row is claimed by a lock on a file that
all of them know; the system gives it back when the process ends, however it ends.
"""

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ops.local.plan import PORTS_IN_A_ROW
from ops.local.supervisor import ports

FIRST, LAST = 21_000, 31_000
"""Below those that the kernel gives out by itself."""
_claimed: list[int] = []


def free_row(folder: Path | None = None) -> int:
    """Claim enough free ports in a row until this process ends; return the first."""
    for first in range(FIRST, LAST - PORTS_IN_A_ROW, PORTS_IN_A_ROW):
        if all(ports.is_free(port) for port in range(first, first + PORTS_IN_A_ROW)) and claim(
            folder or Path(tempfile.gettempdir()), first
        ):
            return first
    raise AssertionError("no free ports")


def claim(folder: Path, first: int) -> bool:
    """Claim a row by its first port; False where somebody has it."""
    file = folder / f"perch-tests-{first}.lock"
    try:
        # Another user's file may be opened and locked, though not made again.
        descriptor = os.open(file, os.O_RDONLY if file.exists() else os.O_RDONLY | os.O_CREAT)
    except OSError:
        return False
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _claimed.append(descriptor)
        return True
    os.close(descriptor)
    return False
