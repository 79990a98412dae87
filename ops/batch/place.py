"""Where recordings come from and results go: a folder of this machine, or a bucket's prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A recording as it was listed.

    Attributes:
        name: Of the place: path or key below it, with `/` between.
        size: Bytes.
        modified: When it was last changed, UTC with offset: to the nanosecond in a folder.
        etag: Of the object's bytes; None in a folder.
    """

    name: str
    size: int
    modified: str
    etag: str | None = None

    @property
    def identity(self) -> tuple[str, int, str]:
        """What another recording under the same name would have otherwise.

        A bucket's recording is the one with the same bytes, whenever it was put there.
        """
        return self.name, self.size, self.etag or self.modified


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a place.

    Attributes:
        entries: In order of their names.
        unreadable: What could not be looked into, each with why.
    """

    entries: Sequence[Entry]
    unreadable: Sequence[tuple[str, str]] = ()


class NoSuchRecordingError(Exception):
    """A recording cannot be had, or is not what was listed; others may be.

    Args:
        sentence: Why, without a subject.
    """


class NoSuchNameError(Exception):
    """A place cannot have a result of that name; it may have others.

    Args:
        sentence: Why, without a subject.
    """


class StoppedError(Exception):
    """The run ends, and what was under way with it."""


class Place(Protocol):
    """A folder or a bucket; every method blocks."""

    @property
    def shown(self) -> str:
        """As a person writes it."""

    def listing(self) -> Listing:
        """Return everything in it.

        Raises:
            CommandFailedError: It cannot be listed.
        """

    def open(self, entry: Entry, stop: threading.Event) -> AbstractContextManager[BinaryIO]:
        """Open a recording as a file that can seek.

        Args:
            entry: As it was listed.
            stop: Set when the run ends.

        Raises:
            NoSuchRecordingError: It is gone, changed, or not given out.
            StoppedError: The run ended meanwhile.
        """

    def name_for(self, name: str) -> str:
        """Return what the results of a recording are called here, without their endings.

        Raises:
            NoSuchNameError: They cannot be called anything.
        """

    def read(self, name: str) -> bytes | None:
        """Return what lies under a name of a result; None where nothing does.

        Raises:
            CommandFailedError: That cannot be found out.
        """

    def write(self, name: str, data: bytes) -> None:
        """Put a result under a name, all of it or nothing.

        Raises:
            NoSuchNameError: Not under this name.
            CommandFailedError: Nothing can be written there.
        """
