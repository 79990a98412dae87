"""The file of settings beside the environment: found, and checked before anything reads it."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

DEFAULT: Final = Path(".env")
ENCODING: Final = "utf-8-sig"
"""UTF-8, with or without the mark that editors of Windows put before it."""


def find(chosen: Path | None) -> Path | None:
    """Return the file to read, None where there is none.

    Args:
        chosen: What was asked for; None for `.env` in the working folder. A folder of that name is
            no file of settings but, as a rule, somebody's virtual environment.
    """
    if chosen is not None:
        return chosen
    return DEFAULT if DEFAULT.exists() and not DEFAULT.is_dir() else None


def problems(path: Path) -> Iterator[str]:
    """Say why a file cannot be read as settings; no value is repeated, it may be a secret.

    Args:
        path: The file; should be there.
    """
    if path.exists() and not path.is_file():
        yield f"{path} is no regular file; accepted: a text file of lines KEY=value"
        return
    try:
        content = path.read_bytes()
    except OSError as error:
        yield f"{path} cannot be read ({error.strerror}); accepted: a readable file of settings"
        return
    try:
        codecs.decode(content, ENCODING)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        yield (
            f"{path} line {line} is not UTF-8 (byte 0x{content[error.start]:02x}); "
            "accepted: text, saved as UTF-8"
        )
        return
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        yield f"{path} line {line} holds a NUL character; accepted: text without any"


def keys(path: Path) -> frozenset[str]:
    """Return the keys that a file sets, in capitals."""
    return frozenset(key.upper() for key in dotenv_values(path, encoding=ENCODING))
