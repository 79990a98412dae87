"""Programs that a machine fetches: too large for user data, which names them by their SHA-256."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent / "host"

_PROGRAMS: Final = ("exporter",)
"""Nothing that a boot needs: a machine serves before it has them, and without them."""


@cache
def host_programs() -> Mapping[str, str]:
    """Return name -> text of every program, with its comments and docstrings."""
    return {name: (HERE / f"{name}.py").read_text(encoding="utf-8") for name in _PROGRAMS}


def program_sum(text: str) -> str:
    """Return a program's SHA-256 in hex, under which machines ask for it and check it."""
    return hashlib.sha256(text.encode()).hexdigest()


def program_key(text: str) -> str:
    """Return the key of a program's object.

    Another text has another key, so nothing changes under a machine that is starting.
    """
    return f"host/{program_sum(text)}"
