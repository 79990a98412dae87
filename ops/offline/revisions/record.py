"""Records stacks in a process of its own.

`python -m ops.offline.revisions.record --job ROOT STACK [--job ROOT STACK ...]`

The process needs no credentials and is given none. Several jobs share it, because importing the
provider's SDK takes longer than running a program; each run still has its own copy of its modules.
stdout gets a JSON list, one entry a job: {"document": ...} or {"error": ...}.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ops.offline.errors import OfflineError
from ops.offline.recorder import record


def outcome(root: Path, stack: str) -> dict[str, Any]:
    """Record one stack, or say why that failed."""
    try:
        return {"document": record(stack, root=root).as_document()}
    except OfflineError as error:
        return {"error": str(error)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Record every job and write the list."""
    parser = argparse.ArgumentParser(prog="python -m ops.offline.revisions.record")
    parser.add_argument(
        "--job",
        nargs=2,
        action="append",
        required=True,
        metavar=("ROOT", "STACK"),
        help="folder of Pulumi.yaml, and a stack of it; again for more",
    )
    options = parser.parse_args(arguments)
    json.dump([outcome(Path(root), stack) for root, stack in options.job], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
