"""The section of docs/security.md with the threat model, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.support.threats.clients import CLIENTS
from tests.support.threats.operation import OPERATION
from tests.support.threats.row import ASSETS

if TYPE_CHECKING:
    from tests.support.threats.row import Attacker, Threat

ATTACKERS: Final[tuple[Attacker, ...]] = (*CLIENTS, *OPERATION)

_HEAD: Final = """
## Threat model

Who could try what, where, what stands against it, and which test shows that. A test holds that
every test of the table is there and is run; a threat without one is not in it. Paths are those
below `tests/`; where a test is marked slow or `engine`, `make slow` or `make engine` runs it.

What is worth something here:

"""

_COLUMNS: Final = """
| Who | Where it comes in | What it could try | At | What stops it, and what is left | Shown by |
| --- | --- | --- | --- | --- | --- |
"""

_TAIL: Final = """
Not in the table, since no test here can show it: physical access and AWS itself; a person with
rights in the account who means harm (found by the nightly drift check and by AWS's own trail);
holes in native libraries, in the kernel and in the recogniser's container that nobody has
published.
"""


def threats_section() -> str:
    """Return the section."""
    assets = "".join(f"* **{letter}**: {what}\n" for letter, what in ASSETS.items())
    rows = (
        f"| {attacker.who if first else ''} | {attacker.entry if first else ''} "
        f"| {threat.attempt} | {threat.aims_at} | {threat.stopped_by}{_accepted(threat)} "
        f"| {'<br>'.join(f'`{test}`' for test in threat.tests)} |\n"
        for attacker in ATTACKERS
        for first, threat in zip([True, *[False] * 99], attacker.threats, strict=False)
    )
    return f"{_HEAD}{assets}{_COLUMNS}{''.join(rows)}{_TAIL}"


def _accepted(threat: Threat) -> str:
    if threat.accepted is None:
        return ""
    return f" Accepted risk of the {threat.accepted.owner}, review {threat.accepted.review}."
