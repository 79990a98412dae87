"""Folders of recordings as others lay them out, beside `manifest.json`.

LibriSpeech: `*.trans.txt` with a line a recording, `ID WORDS`, and `ID.flac` beside it. Common
Voice: a table `test.tsv` (else `validated.tsv`, `dev.tsv`, `train.tsv`) with the columns `path` and
`sentence`, and the recordings in `clips/`. Anything else: a text file of the same name beside each
recording.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ops.console.errors import ConfigurationError
from ops.qa.corpus import MANIFEST, Clip, load_corpus

TABLES: Final = ("test.tsv", "validated.tsv", "dev.tsv", "train.tsv")
SOUND: Final = frozenset({".wav", ".flac", ".ogg", ".mp3", ".opus"})
_TRANSCRIPTS: Final = "*.trans.txt"


def find_clips(folder: Path) -> tuple[Clip, ...]:
    """Return the clips of a folder, in whichever of the known layouts it is.

    Args:
        folder: Where they lie, at any depth.

    Raises:
        ConfigurationError: It is in none of them, or files are missing; all of them at once.
    """
    try:
        if (folder / MANIFEST).is_file():
            return load_corpus(folder)
        table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
        if table is not None:
            found = tuple(_common_voice(table))
        elif lists := sorted(folder.rglob(_TRANSCRIPTS)):
            found = tuple(clip for path in lists for clip in _librispeech(folder, path))
        else:
            found = tuple(_with_texts(folder))
    except OSError as error:
        raise ConfigurationError(f"{error.filename or folder}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"a transcript in {folder} is no text in UTF-8") from None
    missing = [clip.file for clip in found if not (folder / clip.file).is_file()]
    if missing:
        raise ConfigurationError(
            f"{len(missing)} recordings that {folder} names are not there, such as {missing[0]}"
        )
    if not found:
        raise ConfigurationError(
            f"no corpus in {folder}; accepted: {MANIFEST}, LibriSpeech's {_TRANSCRIPTS}, Common "
            f"Voice's {TABLES[0]} with clips/, or recordings with a .txt of the same name beside"
        )
    return found


def _librispeech(folder: Path, transcripts: Path) -> Iterator[Clip]:
    for line in transcripts.read_text(encoding="utf-8").splitlines():
        name, _, text = line.strip().partition(" ")
        if name:
            recording = transcripts.with_name(f"{name}.flac").relative_to(folder)
            yield Clip(file=recording.as_posix(), text=text)


def _common_voice(table: Path) -> Iterator[Clip]:
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if not {"path", "sentence"} <= set(reader.fieldnames or ()):
            raise ConfigurationError(f"{table} lacks the columns path and sentence")
        for row in reader:
            accent = (row.get("accents") or "").strip()
            yield Clip(
                file=f"clips/{row['path']}",
                text=row["sentence"] or "",
                tags=(accent,) if accent else (),
            )


def _with_texts(folder: Path) -> Iterator[Clip]:
    for recording in sorted(folder.rglob("*")):
        beside = recording.with_suffix(".txt")
        if recording.suffix.lower() in SOUND and beside.is_file():
            where = recording.relative_to(folder)
            yield Clip(
                file=where.as_posix(),
                text=beside.read_text(encoding="utf-8-sig").strip(),
                tags=where.parts[:-1][:1],
            )
