"""What is to be done: every recording that has no whole result of itself yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.batch.folder import Folder
from ops.batch.names import JSON, is_result
from ops.batch.place import NoSuchNameError
from ops.batch.transcript import VERSION, Transcript, read, written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ops.batch.place import Entry, Place

_AT_ONCE: Final = 32
"""Results looked at."""

_OURS: Final = f'{{\n "version": "{VERSION[:5]}'.encode()
"""How a result begins, also one that is not whole."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A recording without a result.

    Attributes:
        name: Of the place it lies in.
        reason: Why, without a subject.
    """

    name: str
    reason: str

    @property
    def sentence(self) -> str:
        """The reason with its subject."""
        return f"{printable(self.name)} {self.reason}"


def printable(name: str) -> str:
    """Return a name as a terminal may be shown it: one with what is no character is written out."""
    return name if name.isprintable() else ascii(name)


@dataclass(frozen=True, slots=True)
class Work:
    """A recording to be heard.

    Attributes:
        entry: As it was listed.
        name: Of its results, without their endings.
    """

    entry: Entry
    name: str


@dataclass(slots=True)
class Plan:
    """What is to be done, and what needs not or cannot be.

    Attributes:
        work: To be heard, in order of the names.
        whole: Recordings that have their results, all that were asked for.
        failures: What cannot be done.
    """

    work: list[Work] = field(default_factory=list)
    whole: int = 0
    failures: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person wants of each recording.

    Attributes:
        asked: Of the recogniser; see `transcript.asked_of`.
        endings: Of the files beside the JSON.
        patterns: Names that are taken, as shells match them; all where there are none.
    """

    asked: Mapping[str, object]
    endings: Sequence[str] = ()
    patterns: Sequence[str] = ()

    def takes(self, name: str) -> bool:
        """Return whether a recording is to be heard, by its name or the last part of it."""
        last = name.rpartition("/")[2]
        return not self.patterns or any(
            fnmatchcase(one, pattern) for pattern in self.patterns for one in (name, last)
        )


def plan(source: Place, to: Place, wanted: Wanted, *, write: bool = True) -> Plan:
    """List the recordings, and look which have their results; blocks.

    Args:
        source: Where recordings lie.
        to: Where results go.
        wanted: What is wanted of each.
        write: Whether captions that are asked for and missing are made of the JSON that is there.

    Raises:
        CommandFailedError: A place cannot be listed, read or written.
    """
    listing = source.listing()
    names = {entry.name for entry in listing.entries}
    below = _below(source, to)
    taken = [
        entry
        for entry in listing.entries
        if wanted.takes(entry.name)
        and not is_result(entry.name, names)
        and not (below and entry.name.startswith(below))
    ]
    found = Plan(failures=[Failure(name, why) for name, why in listing.unreadable])
    by_name: dict[str, Work] = {}
    for entry in taken:
        try:
            work = Work(entry, to.name_for(entry.name))
        except NoSuchNameError as error:
            found.failures.append(Failure(entry.name, str(error)))
            continue
        other = by_name.setdefault(work.name, work)
        if other is not work:
            found.failures.append(_collision(entry, other.entry.name))
    with ThreadPoolExecutor(_AT_ONCE, "look at a result") as pool:
        try:
            states = list(
                pool.map(partial(_state, to=to, wanted=wanted, write=write), by_name.values())
            )
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    for work, state in zip(by_name.values(), states, strict=True):
        if state is None:
            found.work.append(work)
        elif isinstance(state, Failure):
            found.failures.append(state)
        else:
            found.whole += 1
    return found


def owner_of(work: Work, to: Place) -> Failure | None:
    """Return why a result may not be written: what lies there is somebody else's."""
    data = to.read(work.name + JSON)
    there = read(data)
    if there is not None and there.recording.name != work.entry.name:
        return _collision(work.entry, there.recording.name)
    if data is not None and there is None and not data.startswith(_OURS):
        return Failure(
            work.entry.name,
            f"has no result: {work.name}{JSON} in {to.shown} is not of `perch batch`, and is left "
            "as it is; take it away, or name another folder",
        )
    return None


def _state(work: Work, *, to: Place, wanted: Wanted, write: bool) -> Failure | bool | None:
    """Return a failure, True for a whole result, None for none."""
    there = read(to.read(work.name + JSON))
    if there is None or not there.is_of(work.entry, wanted.asked):
        return owner_of(work, to)
    if write:
        _complete(there, work.name, to, wanted.endings)
    return True


def _complete(there: Transcript, name: str, to: Place, endings: Sequence[str]) -> None:
    """Write what is missing beside a result."""
    missing = [ending for ending in endings if to.read(name + ending) is None]
    if missing:
        for ending, data in written(there, missing):
            if ending != JSON:
                to.write(name + ending, data)


def _collision(entry: Entry, other: str) -> Failure:
    return Failure(
        entry.name,
        f"has no result: that of {other!a} has the same name; rename one of them",
    )


def _below(source: Place, to: Place) -> str:
    """Return how names of results begin that lie among the recordings; empty where none do."""
    if isinstance(source, Folder) and isinstance(to, Folder):
        above, inner = Path(source.path).resolve(), Path(to.path).resolve()
        if inner != above and inner.is_relative_to(above):
            return f"{inner.relative_to(above).as_posix()}/"
        return ""
    if isinstance(source, Folder) or isinstance(to, Folder):
        return ""
    inside = to.shown.removeprefix(source.shown)
    return inside if inside not in {to.shown, ""} else ""
