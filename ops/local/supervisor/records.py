"""Which process is ours.

The kernel uses process ids again, so each is kept with the time at which its process started, and
only a process that agrees in both is taken for ours.
"""

from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

CLOCK_SECONDS = 2.0
"""How far two readings of one start may lie apart: boot time is a whole second that can waver."""


class ProcessRecord(BaseModel):
    """One process that belongs to a stack.

    Attributes:
        name: What it is, as in `gateway-blue`.
        pid: Its process id; it leads a process group of that number.
        started: When it started, in seconds since the epoch by the clock of then.
        address: Where it listens; None when it does not.
        log: File of its output; None for the supervisor, which speaks to its terminal.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    started: float
    address: str | None = None
    log: Path | None = None


def record(
    name: str, pid: int, *, address: str | None = None, log: Path | None = None
) -> ProcessRecord:
    """Return the record of a process that has just been started, or that asks about itself."""
    return ProcessRecord(name=name, pid=pid, started=started(pid) or 0.0, address=address, log=log)


def started(pid: int) -> float | None:
    """Return when a process started, in seconds since the epoch; None when it has ended."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.create_time()
    except psutil.NoSuchProcess:
        return None


def alive(running: ProcessRecord) -> bool:
    """Say whether that very process still runs, and not another with its number."""
    now = started(running.pid)
    return now is not None and abs(now - running.started) <= CLOCK_SECONDS
