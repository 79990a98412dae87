"""Runbooks as data: pages, their sections, and the blocks of commands in them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "runbooks"
HEADINGS: Final = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verification", "Escalation")
HERE: Final = "sh"
"""Info string of a block that runs on the stack of this machine, too."""
IN_AWS: Final = "sh aws"
"""Of one that needs machines, log groups or a bucket in AWS."""
BY_HAND: Final = "sh by-hand"
"""Of one that nothing here can run; `test_executed.NOT_RUN` has each with the reason."""
KINDS: Final = frozenset({HERE, IN_AWS, BY_HAND})
SAID_ABOVE: Final = {IN_AWS: "_On a stack in AWS:_", BY_HAND: "_By hand, on an account:_"}
"""The line above such a block: a page that is rendered does not show the kind."""
PAGES: Final = tuple(sorted(FOLDER.glob("*.md")))
RUNBOOKS: Final = tuple(page for page in PAGES if page.stem not in {"README", "known-issues"})
_FENCE: Final = re.compile(
    r"^## (?P<section>.*)$|^```(?P<kind>.*)\n(?P<text>[\s\S]*?)^```$", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Commands that are pasted at once.

    Attributes:
        page: Name of the file without its ending.
        section: Heading above it; empty before the first.
        kind: What the block needs, one of `KINDS`.
        text: The commands.
    """

    page: str
    section: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}, {self.section or 'first look'}:\n{self.text}"


def blocks(page: Path) -> tuple[Block, ...]:
    """The blocks of a page in their order."""
    section, found = "", []
    for match in _FENCE.finditer(page.read_text()):
        if match["section"] is not None:
            section = match["section"]
        else:
            found.append(
                Block(page=page.stem, section=section, kind=match["kind"], text=match["text"])
            )
    return tuple(found)
