"""Writes a body that is the file itself to disk."""

import hashlib
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from typing import BinaryIO, Final, cast

from app.contract import ContractError, ErrorCode

NAME: Final = "The body"
"""What the file is called in a sentence: it has no name."""


class WholeBody:
    """Keeps a body as a file. Every method blocks: they are for a thread.

    Args:
        limit: Most bytes of the file.
        folder: Where the file lies, without a name; None takes the system's own.

    Raises:
        OSError: There is no such folder.
    """

    def __init__(self, limit: int, folder: str | None = None) -> None:
        self.limit = limit
        self.size = 0
        self._digest = hashlib.sha256()
        self.file = cast("BinaryIO", TemporaryFile(dir=folder))  # noqa: SIM115 - `close` does it

    @property
    def sha256(self) -> str:
        """Digest of the file, in hexadecimal digits."""
        return self._digest.hexdigest()

    def feed(self, piece: bytes) -> None:
        """Write the next bytes.

        Raises:
            ContractError: `upload_too_big`.
            OSError: The file could not be written.
        """
        self.size += len(piece)
        if self.size > self.limit:
            raise ContractError(ErrorCode.UPLOAD_TOO_BIG, limit=self.limit)
        self._digest.update(piece)
        self.file.write(piece)

    def finish(self) -> str:
        """Check that there is a file, and rewind it; return what to call it.

        Raises:
            ContractError: `bad_request`: there is none.
            OSError: The file could not be written.
        """
        if not self.size:
            raise ContractError(ErrorCode.BAD_REQUEST, detail="The body is empty")
        self.file.seek(0)
        return NAME

    def texts(self) -> Mapping[str, Sequence[str]]:
        """Return the texts beside the file: there are none."""
        return {}

    def close(self) -> None:
        """Close the file, which frees its space on disk."""
        self.file.close()
