"""What a target of the fuzzers is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from app.contract import ContractError, ErrorCode


def check_code(refused: ContractError, allowed: Collection[ErrorCode]) -> None:
    """Look at why an input was refused."""
    assert refused.code in allowed, refused.code


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser, and what is promised of it whatever it is given.

    Attributes:
        name: For `--only`, and the folder of its findings.
        title: What is parsed.
        seeds: Makes inputs to begin with; the same in every process.
        check: Parses an input. Whatever it raises is a finding.
        longest: Bytes of an input.
        grown_mib: How much memory the process may take beyond what it has after the seeds.
        input_s: Seconds that one input may take, on a machine that does something else too.
    """

    name: str
    title: str
    seeds: Callable[[], Sequence[bytes]]
    check: Callable[[bytes], None]
    longest: int = 4096
    grown_mib: int = 128
    input_s: int = 20
