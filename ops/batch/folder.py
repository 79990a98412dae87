"""A folder of this machine as a place of recordings and results."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from ops.batch.names import local_name
from ops.batch.place import Entry, Listing, NoSuchNameError, NoSuchRecordingError
from ops.console.errors import CommandFailedError

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

_OF_THE_NAME: Final = frozenset(
    {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ, errno.EINVAL}
)
"""What a file system says of one name and would not say of another."""


class Folder:
    """A folder and everything below it.

    Files and folders whose names begin with a dot are nobody's recordings. Links to files are
    followed, links to folders are not: they may lead in a circle.

    Args:
        path: It need not be there where results go.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def shown(self) -> str:
        """As a person writes it."""
        return str(self.path)

    def listing(self) -> Listing:
        """Return everything in it; none where there is no such folder.

        Raises:
            CommandFailedError: It cannot be listed.
        """
        entries: list[Entry] = []
        unreadable: list[tuple[str, str]] = []

        def note(error: OSError) -> None:
            name = os.path.relpath(error.filename, self.path)
            if name == ".":
                raise CommandFailedError(f"{self.path} cannot be listed: {error.strerror}")
            unreadable.append((name, f"cannot be listed: {error.strerror}"))

        if not self.path.exists():
            return Listing(())
        for folder, folders, files in os.walk(self.path, onerror=note):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for path in (Path(folder, name) for name in files if not name.startswith(".")):
                name = path.relative_to(self.path).as_posix()
                try:
                    about = path.stat()
                except OSError as error:
                    unreadable.append((name, f"cannot be read: {error.strerror}"))
                    continue
                if stat.S_ISREG(about.st_mode):
                    entries.append(_entry(name, about))
        return Listing(sorted(entries, key=lambda entry: entry.name), sorted(unreadable))

    @contextmanager
    def open(self, entry: Entry, stop: threading.Event) -> Iterator[BinaryIO]:
        """Open a recording as a file; see `Place.open`."""
        del stop
        try:
            file = (self.path / entry.name).open("rb")
        except OSError as error:
            raise NoSuchRecordingError(f"cannot be read: {error.strerror}") from None
        with file:
            if _entry(entry.name, os.fstat(file.fileno())) != entry:
                raise NoSuchRecordingError("was changed since it was listed; run this again")
            yield file

    def name_for(self, name: str) -> str:
        """Return what the results of a recording are called here, without their endings."""
        return local_name(name)

    def read(self, name: str) -> bytes | None:
        """Return what lies under a name; see `Place.read`."""
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            if error.errno == errno.ENOENT or error.errno in _OF_THE_NAME:
                return None
            raise CommandFailedError(
                f"{self.path / name} cannot be read: {error.strerror}"
            ) from None

    def write(self, name: str, data: bytes) -> None:
        """Put a result under a name, all of it or nothing; see `Place.write`."""
        path = self.path / name
        # Hidden, so that it is nobody's recording should this process be killed.
        draft = path.with_name(f".perch-{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with draft.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(path)
            finally:
                with suppress(OSError):
                    draft.unlink()
        except OSError as error:
            said = f"cannot be written to {path}: {error.strerror}"
            if error.errno in _OF_THE_NAME:
                raise NoSuchNameError(f"has a result that {said}") from None
            raise CommandFailedError(f"a result {said}") from None


def _entry(name: str, about: os.stat_result) -> Entry:
    seconds, nanoseconds = divmod(about.st_mtime_ns, 1_000_000_000)
    day = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return Entry(name=name, size=about.st_size, modified=f"{day}.{nanoseconds:09}+00:00")
