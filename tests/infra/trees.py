"""The resources of each stack as a tree of text, kept beside the tests for reviewers to read.

`python -m tests.infra.trees` writes them anew, and what `tests.infra.contents` keeps.
"""

import argparse
from pathlib import Path
from typing import Final

from ops.offline.engine.recording import Recording, Resource
from tests.infra import contents
from tests.infra.building import STACKS, stack

FOLDER: Final = Path(__file__).with_name("trees")


def tree(recording: Recording) -> str:
    """Every resource below its parent: type, name, and the options that protect or ignore."""
    lines: list[str] = []

    def walk(resource: Resource, depth: int) -> None:
        notes = ["protected"] if resource.options.get("protect") else []
        ignored = resource.options.get("ignoreChanges")
        notes += [f"ignores {', '.join(ignored)}"] if ignored else []
        note = f"  ({'; '.join(notes)})" if notes else ""
        lines.append(f"{'  ' * depth}{resource.type.rsplit(':', 1)[-1]} {resource.name}{note}")
        for child in sorted(recording.children(resource.urn), key=lambda one: (one.type, one.name)):
            walk(child, depth + 1)

    walk(recording.of_type("pulumi:pulumi:Stack")[0], 0)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.infra.trees", description=__doc__).parse_args()
    FOLDER.mkdir(exist_ok=True)
    for name in STACKS:
        (FOLDER / f"{name}.txt").write_text(tree(stack(name)), encoding="utf-8")
    contents.FOLDER.mkdir(exist_ok=True)
    path = contents.FOLDER / f"{contents.STACK}.txt"
    path.write_text(contents.contents(stack(contents.STACK)), encoding="utf-8")
