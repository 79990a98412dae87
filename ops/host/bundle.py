"""A diagnosis in one file: what a machine says of itself, without secrets."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ops.console.errors import CommandFailedError
from ops.host.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

PART_BYTES: Final = 2_000_000
"""Of one part; what is longer is cut, and says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of a bundle.

    Attributes:
        name: Its name there.
        text: What it holds; still with its secrets.
        about: What there is to know of it: the command, its exit status, whether it was cut.
    """

    name: str
    text: str
    about: Mapping[str, object]


def write(path: Path, parts: Iterator[Part], *, about: Mapping[str, object], now: datetime) -> int:
    """Write a bundle, readable by its owner alone.

    Args:
        path: The file, which must not be there yet.
        parts: What goes into it; taken one by one, so that a long diagnosis is not kept twice.
        about: Of the whole: which stack, which machine.
        now: When it is made.

    Returns:
        Its size in bytes.

    Raises:
        CommandFailedError: It cannot be written; then nothing is left of it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandFailedError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            gzip.GzipFile(fileobj=file, mode="wb", filename="") as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            contents = []
            for part in parts:
                contents.append({"file": part.name, **part.about})
                _add(archive, part.name, masked(part.text), now)
            manifest = {"made": now.isoformat(timespec="seconds"), **about, "files": contents}
            _add(archive, "manifest.json", masked(json.dumps(manifest, indent=2)), now)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CommandFailedError(f"{path} cannot be written: {error.strerror}") from None
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path.stat().st_size


def _add(archive: tarfile.TarFile, name: str, text: str, now: datetime) -> None:
    body = text.encode("utf-8", "replace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(body), 0o600, int(now.timestamp())
    archive.addfile(entry, io.BytesIO(body))
