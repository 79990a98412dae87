"""Gives native decoders memory of zeros, where the system's allocator can.

A decoder that does not initialise what it reads decodes what lay there before: libmpg123 does so
for frames that promise more bits than there are, and what lay there may be somebody else's
recording. glibc fills memory as it is allocated if it is asked to (mallopt(3), M_PERTURB); other C
libraries cannot, and there a broken MP3 is decoded as the memory has it.
"""

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_M_PERTURB: Final = -6
"""Of glibc's malloc.h."""

_ZEROS: Final = 0xFF
"""Memory is filled with the complement of this byte."""

_OFF: Final = 0


def _mallopt() -> Callable[[int, int], int] | None:
    try:
        library = ctypes.CDLL(None)
        _ = library.gnu_get_libc_version  # others take the call and do nothing
        found: Callable[[int, int], int] = library.mallopt
    except (AttributeError, OSError, TypeError):
        return None
    return found


_SET: Final = _mallopt()
_lock: Final = threading.Lock()
_users = 0


@contextmanager
def clean_memory() -> Iterator[None]:
    """Have all memory that is allocated in a `with` block be zeros, by whichever thread."""
    _change(1)
    try:
        yield
    finally:
        _change(-1)


def _change(by: int) -> None:
    global _users
    if _SET is None:
        return
    with _lock:
        before, _users = _users, _users + by
        if not (before and _users):
            _SET(_M_PERTURB, _ZEROS if _users else _OFF)
