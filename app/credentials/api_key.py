"""What an API key looks like: `perch_<id>_<secret><checksum>`.

The prefix lets scanners of secrets find one that was committed, the id says which one it is to
whoever may not see it, and the checksum tells a key that was typed wrong from one that nobody made.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass, field
from typing import Final

PREFIX: Final = "perch_"
ID_CHARS: Final = 10
SECRET_CHARS: Final = 43
"""Of 62 kinds: 256 bits."""
CHECKSUM_CHARS: Final = 6
"""Of 62 kinds, which hold the 32 bits of a CRC."""
KEY_CHARS: Final = len(PREFIX) + ID_CHARS + 1 + SECRET_CHARS + CHECKSUM_CHARS

_ID_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: ids are read aloud and typed, and have no i, l, o or u."""
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_PATTERN: Final = f"[{_ID_ALPHABET}]{{{ID_CHARS}}}"
KEY_PATTERN: Final = f"{PREFIX}{ID_PATTERN}_[0-9A-Za-z]{{{SECRET_CHARS + CHECKSUM_CHARS}}}"
_KEY: Final = re.compile(KEY_PATTERN)


class MalformedKeyError(ValueError):
    """It is no key; the message says why, and nothing of it."""


class ChecksumError(MalformedKeyError):
    """It looks like a key, and one was never made so: it was typed or copied wrong."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key.

    Attributes:
        key_id: Its id, which is no secret.
        text: The whole of it, which is shown once.
    """

    key_id: str
    text: str = field(repr=False)

    @classmethod
    def generate(cls) -> "ApiKey":
        """Make up a key."""
        key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(ID_CHARS))
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_CHARS))
        body = f"{PREFIX}{key_id}_{secret}"
        return cls(key_id, body + checksum(body))

    @classmethod
    def parse(cls, text: str) -> "ApiKey":
        """Take a text apart.

        Raises:
            ChecksumError: Its end does not fit the rest.
            MalformedKeyError: It is no key.
        """
        # Its length first: nothing is searched in what a stranger may have made long.
        if len(text) != KEY_CHARS or _KEY.fullmatch(text) is None:
            raise MalformedKeyError(f"a key is {KEY_CHARS} characters that match {KEY_PATTERN}")
        body, end = text[:-CHECKSUM_CHARS], text[-CHECKSUM_CHARS:]
        if end != checksum(body):
            raise ChecksumError("the last six characters do not fit the others")
        return cls(text[len(PREFIX) : len(PREFIX) + ID_CHARS], text)

    @property
    def sha256(self) -> str:
        """What is kept of it, in hexadecimal: of id and secret, so that neither fits another."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()


def checksum(body: str) -> str:
    """Return the end of a key, which anybody can tell from the rest of it."""
    number = zlib.crc32(body.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_CHARS):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
