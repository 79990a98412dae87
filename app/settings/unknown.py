"""Keys with a prefix of ours that mean nothing: misspelt, or somebody else's.

They are warned of and never refused. A `.env` of the predecessor holds RIVA_ keys for its build
scripts, Kubernetes puts RIVA_SERVICE_HOST and the like beside a service of that name, and APP_ or
LOG_ belong to nobody: a variable that is not meant for a program must not keep it from starting.
"""

import os
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from app.settings import env_file

_NEAR: Final = 0.8
"""Of difflib's ratio: two letters changed places in a word of eight, and not another word."""


def unknown_keys(
    known: Collection[str], prefixes: tuple[str, ...], file: Path | None
) -> tuple[str, ...]:
    """Return the keys of the environment and a file that have a prefix and are not known.

    Args:
        known: In capitals.
        prefixes: In capitals.
        file: Of settings; None for none.
    """
    given = {key.upper() for key in os.environ}
    if file is not None:
        given |= env_file.keys(file)
    return tuple(sorted(key for key in given if key.startswith(prefixes) and key not in known))


def nearest(key: str, known: Collection[str]) -> str | None:
    """Return the known key that was perhaps meant."""
    return next(iter(get_close_matches(key, sorted(known), n=1, cutoff=_NEAR)), None)
