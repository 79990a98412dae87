"""Names of what is written: each recording's own, whatever characters its name has.

A result is called as its recording, with the recording's own ending, and one of `ENDINGS` behind:
`a.wav` and `a.mp3` have results of their own.
"""

import hashlib
import re
from typing import Final

JSON: Final = ".json"
"""Of the result by which a recording counts as done."""
ENDINGS: Final = (JSON, ".srt", ".vtt", ".txt")

KEY_BYTES: Final = 1024
"""A key's longest, in UTF-8 (Amazon S3 User Guide, "Naming Amazon S3 objects")."""

SEGMENT_BYTES: Final = 240
"""A folder's or file's own name; file systems take 255, and an ending follows."""
_KEPT_BYTES: Final = 200
_HASH_CHARS: Final = 16

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f%\\]")
"""`%` too: else two names could become one."""


def is_result(name: str, names: frozenset[str] | set[str]) -> bool:
    """Return whether a name is that of a result of another one of them."""
    return any(name.endswith(ending) and name.removesuffix(ending) in names for ending in ENDINGS)


def local_name(name: str) -> str:
    """Return a path below a folder for a name, which may be any key of a bucket.

    It leads nowhere else: parts that mean another folder, or nothing, are written out as `%2E` or
    `%`. Control characters, `%` and the backslash are written as URLs have them. A part that is too
    long for a file system is cut, and has a hash of the whole behind.
    """
    return "/".join(map(_segment, name.split("/")))


def _segment(part: str) -> str:
    if not part:
        return "%"
    if part in {".", ".."}:
        return "%2E" * len(part)
    safe = _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", part)
    # Names of files that are no text come as surrogates, and go as they came.
    coded = safe.encode("utf-8", "surrogateescape")
    if len(coded) <= SEGMENT_BYTES:
        return safe
    digest = hashlib.sha256(part.encode("utf-8", "surrogateescape")).hexdigest()
    return f"{_beginning(coded)}~{digest[:_HASH_CHARS]}"


def _beginning(coded: bytes) -> str:
    """Return the first bytes of a name, up to the end of a character."""
    kept = coded[:_KEPT_BYTES]
    while coded[len(kept)] & 0xC0 == 0x80 and kept:  # noqa: PLR2004 - inside of a character
        kept = kept[:-1]
    return kept.decode("utf-8", "surrogateescape")


def why_no_key(key: str) -> str | None:
    """Return why a bucket cannot have a key, for a sentence; None where it can."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "its name is no text in UTF-8, as a bucket's keys must be; rename it"
    if size > KEY_BYTES:
        return f"its result's key would have {size} bytes; accepted: up to {KEY_BYTES}"
    return None
