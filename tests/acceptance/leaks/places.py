"""Where something may come out: processes, files, sockets."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from tests.support.leaks.search import Text


def command_lines(pids: Iterable[int]) -> Iterator[Text]:
    """Yield each process's arguments, its title, and its children's."""
    for process in _with_children(pids):
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            raw = Path(f"/proc/{process.pid}/cmdline").read_bytes()
            yield f"the command line of {process.pid}", raw.replace(b"\0", b" ")


def environments(pids: Iterable[int], but: Collection[str] = ()) -> Iterator[Text]:
    """Yield each process's variables, but for some."""
    for process in _with_children(pids):
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            raw = Path(f"/proc/{process.pid}/environ").read_bytes()
            for variable in raw.split(b"\0"):
                name = variable.partition(b"=")[0].decode()
                if name not in but:
                    yield f"the variable {name} of {process.pid}", variable


def _with_children(pids: Iterable[int]) -> Iterator[psutil.Process]:
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            yield process
            yield from process.children(recursive=True)


def files(folder: Path, but: Collection[Path] = ()) -> Iterator[Text]:
    """Yield each file's content, and the paths, but for files whose purpose a secret is."""
    for path in sorted(folder.rglob("*")):
        yield f"the name of {path}", str(path)
        if path.is_file() and path not in but:
            yield str(path), path.read_bytes()
