"""A recording to be recognised, with its words where they are known."""

import json
from dataclasses import dataclass
from pathlib import Path

from ops.console.errors import ConfigurationError

DEFAULT = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "clean_us_f.flac"
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
    try:
        if not path.is_file():
            raise ConfigurationError(
                f"there is no recording {path}; name a WAV, FLAC, OGG or MP3 file with --recording"
            )
        beside, manifest = path.with_suffix(".txt"), path.with_name("manifest.json")
        if beside.is_file():
            return Recording(path=path, reference=_text(beside).strip())
        reference = _in_manifest(_text(manifest), path.name) if manifest.is_file() else None
    except OSError as error:
        where = error.filename or path
        raise ConfigurationError(f"{where} cannot be read: {error.strerror}") from None
    return Recording(path=path, reference=reference)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is no text in UTF-8; save it so, or remove it") from None


def _in_manifest(text: str, name: str) -> str | None:
    """Return what a manifest says of a file; None where it is none, or does not know it."""
    try:
        entries = json.loads(text)
        return next((str(one["text"]) for one in entries if one["file"] == name), None)
    except (ValueError, TypeError, KeyError, RecursionError):
        # Many files are called so; this one is somebody else's.
        return None
