"""A gateway whose wall clock jumps: SIGUSR1 moves it an hour on, SIGUSR2 an hour back.

Moved are all of Python's ways to ask for the time of day, in C too. Not moved are the clocks that
C libraries ask by themselves (gRPC, OpenSSL), and the monotonic clock, which cannot jump.
"""

from __future__ import annotations

import runpy
import signal
from datetime import UTC, datetime, timedelta

import time_machine

JUMP = timedelta(hours=1)


def main() -> None:
    """Run the gateway under a clock that can be moved."""
    clock = time_machine.travel(datetime.now(UTC), tick=True).start()
    signal.signal(signal.SIGUSR1, lambda _number, _frame: clock.shift(JUMP))
    signal.signal(signal.SIGUSR2, lambda _number, _frame: clock.shift(-JUMP))
    runpy.run_module("app.gateway", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
