"""Where Deepgram's clients show their keys, beside the header every dialect has.

A browser has no header, so the SDK offers the subprotocols `token, <key>`, or `bearer, <token>` for
one that was granted (`@deepgram/sdk` 5.13.0).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_SCHEMES: Final = ("token", "bearer")


def keys(subprotocols: Sequence[str]) -> list[str]:
    """Return the keys that stand behind a scheme."""
    return [key for scheme, key in pairwise(subprotocols) if scheme.lower() in _SCHEMES]


def selected(subprotocols: Sequence[str]) -> str | None:
    """Return the scheme as it was offered: a browser wants one of its own back, and no key."""
    return next((one for one in subprotocols if one.lower() in _SCHEMES), None)
