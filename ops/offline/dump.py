"""Writes one stack's recording to stdout, in a process of its own: `python -m ops.offline.dump`.

Two revisions of a program cannot share one process's modules without care, and two processes use
two cores. The process needs no credentials and is given none.
"""

import argparse
import sys
from pathlib import Path

from ops.offline.errors import OfflineError
from ops.offline.recorder import record


def main(arguments: list[str] | None = None) -> int:
    """Record, write, and say in the exit status whether the program ran: 0, or 1 with a message."""
    parser = argparse.ArgumentParser(prog="python -m ops.offline.dump")
    parser.add_argument("--root", type=Path, required=True, help="folder of Pulumi.yaml")
    parser.add_argument("--stack", required=True)
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(record(options.stack, root=options.root).dump())
    except OfflineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
