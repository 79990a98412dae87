"""What a client may do."""

from enum import StrEnum


class Scope(StrEnum):
    """What a client may do, by the names that tokens and keys have for it."""

    STREAM = "stream"
    FILE = "file"
    ADMIN = "admin"
