"""What can be broken without any difference that a user, a program or an operator could notice.

Such a mutant is drawn as every other one, said to be equivalent, and counts neither way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.mutants.source import Mutant


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """One replacement that changes nothing.

    Attributes:
        path: Of the file, from the root of the repository.
        line: The text of the line in which it begins, without the space about it: numbers change.
        old: What is taken away.
        new: What is put there.
        why: Why nothing changes.
    """

    path: str
    line: str
    old: str
    new: str
    why: str

    def is_of(self, mutant: Mutant, line: str) -> bool:
        """Say whether a mutant, which begins in a line of this text, is this one."""
        wanted = (self.path, self.line, self.old, self.new)
        return wanted == (mutant.path, line.strip(), mutant.old, mutant.new)


EQUIVALENTS: Final[tuple[Equivalent, ...]] = (
    Equivalent(
        path="app/asr/session/buffer.py",
        line="_JOINED = 8192",
        old="8192",
        new="8193",
        why="how long joined chunks are is nobody's affair; any number near it is as quick",
    ),
    Equivalent(
        path="app/asr/files/audio.py",
        line="self._begin = 0 if isinstance(file, bytes | Path) else file.tell()",
        old="0",
        new="1",
        why="it is read where an open file is given alone",
    ),
    Equivalent(
        path="app/gateway/telemetry/log_writer.py",
        line="return False",
        old="False",
        new="None",
        why="both callers ask only whether it is true",
    ),
    Equivalent(
        path="ops/host/command.py",
        line="CONNECT_SECONDS: Final = 30.0",
        old="30.0",
        new="31.0",
        why="nobody notices a second more of patience; that it ends is tested with a shorter one",
    ),
    Equivalent(
        path="app/contract/fields.py",
        line='model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)',
        old='extra="ignore", ',
        new="",
        why="pydantic's default, written down because the contract asks for it",
    ),
    Equivalent(
        path="app/contract/parsing.py",
        line="first = error.errors(include_url=False, include_context=False)[0]",
        old="False",
        new="True",
        why="only the place, the kind and the input of the error are read",
    ),
    Equivalent(
        path="app/contract/parsing.py",
        line='accepted = node.get("accepted", accepted)',
        old='"accepted"',
        new="'XXaccepted'",
        why="the variants of a node begin with the node itself, so it was found there already",
    ),
    Equivalent(
        path="app/contract/parsing.py",
        line="return _cut(json.dumps(value, ensure_ascii=False, default=str, allow_nan=False))",
        old="default=str, ",
        new="",
        why="what came out of JSON goes into it",
    ),
)


def reason(
    root: Path, mutant: Mutant, equivalents: Iterable[Equivalent] = EQUIVALENTS
) -> str | None:
    """Return why a mutant changes nothing; None where it may."""
    near = [equivalent for equivalent in equivalents if equivalent.path == mutant.path]
    if not near:
        return None
    line = (root / mutant.path).read_text().splitlines()[mutant.line - 1]
    return next((one.why for one in near if one.is_of(mutant, line)), None)
