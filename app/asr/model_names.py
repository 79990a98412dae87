"""Which of the models that a recogniser lists is meant by a name as people write it.

A recogniser takes the whole name alone, such as parakeet-1.1b-en-US-asr-streaming-silero-vad;
people leave out its end, and how they write case and separators is up to them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEPARATORS: Final = re.compile(r"[\s_-]+")


def look_up(wanted: str, listed: Sequence[str]) -> tuple[str, ...]:
    """Return the listed names that a wanted one stands for: one, none, or several to choose from.

    The name itself comes first, then one that differs in case and separators alone (`Parakeet_TDT`
    for `parakeet-tdt`), then those that it is the beginning of, up to a separator, as RFC 4647,
    3.3.1 has it for languages. A name that says more than a listed one is another model's.

    Args:
        wanted: As a caller wrote it.
        listed: Those there are.
    """
    names = tuple(dict.fromkeys(listed))
    if wanted in names:
        return (wanted,)
    asked = _plain(wanted)
    if not asked:
        return ()
    same = tuple(name for name in names if _plain(name) == asked)
    return same or tuple(name for name in names if _plain(name).startswith(f"{asked}-"))


def _plain(name: str) -> str:
    return _SEPARATORS.sub("-", name.strip().lower()).strip("-")
