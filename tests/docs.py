"""The generated documents: `python -m tests.docs --check` compares them, `--write` writes them.

To add one, put its path and the function that renders it into `DOCUMENTS`.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from app.contract.docs import contract_page, contract_schema
from app.gateway.session.deadlines import LATE_AUDIO_S
from app.gateway.telemetry.docs import logs_page, metrics_page
from infra.config.reference import configuration_page
from infra.policies.page import security_page
from ops.local.open_ports import open_ports_section
from ops.observe.documents import GENERATED
from tests.support.architecture import architecture_page
from tests.support.client_pages import client_page, client_pages
from tests.support.threats.page import threats_section

ROOT: Final = Path(__file__).resolve().parent.parent

DOCUMENTS: Final[Mapping[str, Callable[[], str]]] = {
    "docs/architecture.md": architecture_page,
    **{path: partial(client_page, path, codec) for path, codec in client_pages().items()},
    "docs/configuration.md": configuration_page,
    **{f"ops/observe/generated/{name}": text for name, text in GENERATED.items()},
    "docs/logs.md": logs_page,
    "docs/contract.md": lambda: contract_page(LATE_AUDIO_S),
    "docs/contract.schema.json": contract_schema,
    "docs/metrics.md": metrics_page,
    "docs/security.md": lambda: security_page() + threats_section() + open_ports_section(),
}


def outdated(root: Path = ROOT) -> list[str]:
    """Return the paths of the documents that differ from what the code says."""
    return [
        path
        for path, render in DOCUMENTS.items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != render()
    ]


def write(root: Path = ROOT) -> None:
    """Write every document."""
    for path, render in DOCUMENTS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(render(), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Check or write; 1 when a document is out of step, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs", description=__doc__)
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--check", action="store_true", help="compare; exit 1 for a difference")
    wanted.add_argument("--write", action="store_true", help="write every one of them")
    if parser.parse_args(arguments).write:
        write()
        return 0
    stale = outdated()
    for path in stale:
        sys.stderr.write(f"{path} is out of step; run: python -m tests.docs --write\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
