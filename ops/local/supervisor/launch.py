"""Become a program that cannot outlive the process that wanted it.

``python -m ops.local.supervisor.launch PARENT_PID PROGRAM [ARGUMENT ...]`` asks the kernel to kill
this process when its parent is gone, however that ended, and then becomes PROGRAM; the request
survives the exec. Linux only; elsewhere the program simply starts, and ``perch down`` finds it
by its record.
"""

import argparse
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def die_with_parent() -> None:
    """Have the kernel send SIGKILL to this process when the thread that started it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def main(parent: int, program: list[str]) -> None:
    """Become ``program`` (its path and arguments), bound to the life of process ``parent``."""
    if sys.platform == "linux":
        die_with_parent()
    # A parent that died before the request was made sends no signal any more.
    if os.getppid() != parent:
        sys.exit(f"the parent process {parent} is gone")
    os.execv(program[0], program)  # noqa: S606 - no shell wanted


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m ops.local.supervisor.launch", description=__doc__
    )
    parser.add_argument("parent", type=int, help="process whose end is this one's")
    parser.add_argument("program", help="path of what to become")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments, unread")
    options = parser.parse_args()
    main(options.parent, [options.program, *options.arguments])
