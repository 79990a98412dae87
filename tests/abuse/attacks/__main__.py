"""One attack as a process; prints one JSON object a line: `prepared`, `done`.

It begins when it gets SIGUSR1: what takes time to make is made while nothing is measured yet.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import sys
from dataclasses import asdict
from time import monotonic

from tests.abuse.attacks import ATTACKS
from tests.abuse.wire import Target


def say(event: str, **fields: object) -> None:
    """Tell whoever started it."""
    print(json.dumps({"event": event, **fields}), flush=True)  # noqa: T201


def main(arguments: list[str]) -> int:
    """Run one attack."""
    parser = argparse.ArgumentParser(prog="python -m tests.abuse.attacks")
    parser.add_argument("name", choices=sorted(ATTACKS))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca")
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    begun: list[float] = []

    def begin() -> None:
        say("prepared")
        signal.sigwait({signal.SIGUSR1})
        begun.append(monotonic())

    target = Target(
        port=options.port,
        ca=options.ca,
        seconds=options.seconds,
        begin=begin,
    )
    tally = ATTACKS[options.name](target)
    say("done", begun=begun[0], ended=monotonic(), tally=asdict(tally))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
