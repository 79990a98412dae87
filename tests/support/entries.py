"""Everything in the repository that a person can start: found in the source, not listed."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.forking import ROOT

FOLDERS: Final = ("app", "bench", "infra", "ops", "tests")
NOT_OURS_TO_START: Final = ("tests/ops/offline/programs",)
"""Pulumi programs that tests record: no packages of this repository."""


def _is_started_by_name(path: Path) -> bool:
    """Say whether a file has something to do when `python -m` runs it."""
    if path.name == "__main__.py":
        return True
    text = path.read_text(encoding="utf-8")
    return "__main__" in text and any(
        isinstance(node, ast.If) and "__name__ == '__main__'" in ast.unparse(node.test)
        for node in ast.parse(text).body
    )


def _sources() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not path.relative_to(ROOT).as_posix().startswith(NOT_OURS_TO_START):
                yield path


def modules() -> tuple[str, ...]:
    """Return the name of each module that can be started, as `python -m` takes it."""
    return tuple(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for path in _sources()
        if _is_started_by_name(path)
    )
