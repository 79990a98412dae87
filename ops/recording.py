"""A recording to be recognised, with its words where they are known."""

import json
from dataclasses import dataclass
from pathlib import Path

from ops.errors import ConfigurationError

DEFAULT = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "clean_us_f.flac"
"""Clean English speech of 8 s, committed with the tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording to be recognised.

    Args:
        path: The file.
        reference: What is said in it; None where nobody wrote it down.
    """

    path: Path
    reference: str | None


def find(path: Path | None) -> Recording:
    """Return a recording with its reference.

    The reference is taken from a text file beside the recording (``speech.flac``, ``speech.txt``)
    or from its entry in the folder's ``manifest.json``.

    Args:
        path: The file; None for the one that comes with the repository.

    Raises:
        ConfigurationError: There is no such file.
    """
    path = path or DEFAULT
    if not path.is_file():
        raise ConfigurationError(
            f"there is no recording {path}; name a WAV, FLAC, OGG or MP3 file with --recording"
        )
    beside = path.with_suffix(".txt")
    if beside.is_file():
        return Recording(path=path, reference=beside.read_text(encoding="utf-8").strip())
    manifest = path.with_name("manifest.json")
    if manifest.is_file():
        for entry in json.loads(manifest.read_text(encoding="utf-8")):
            if entry["file"] == path.name:
                return Recording(path=path, reference=entry["text"])
    return Recording(path=path, reference=None)
