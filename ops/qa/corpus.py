"""A folder of recordings with what is said in them: `manifest.json` and the files it names."""

import hashlib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ops.console.errors import ConfigurationError

MANIFEST = "manifest.json"
Seconds = Annotated[float, Field(ge=0)]


class Clip(BaseModel):
    """One entry of a manifest. Keys beyond these are for people.

    Attributes:
        file: Name of the recording, beside the manifest.
        text: What is said in it; empty where nobody speaks.
        tags: What totals are formed by.
        sha256: Of the file, where the manifest pins it.
        speech_spans: Begin and end of speech in seconds, where known.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    file: Annotated[str, Field(min_length=1)]
    text: str
    tags: tuple[str, ...] = ()
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    speech_spans: tuple[tuple[Seconds, Seconds], ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return Path(self.file).stem

    @property
    def speech_start_s(self) -> float | None:
        """When speech begins, where the manifest says so."""
        return self.speech_spans[0][0] if self.speech_spans else None


_CLIPS = TypeAdapter(tuple[Clip, ...])


def _problems_of(folder: Path, clip: Clip) -> list[str]:
    path = folder / clip.file
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return [f"{clip.file}: lies outside the corpus"]
        if not path.is_file():
            return [f"{clip.file}: there is no such file"]
        if clip.sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != clip.sha256:
            return [f"{clip.file}: its sha256 is not the manifest's {clip.sha256}"]
    except OSError as error:
        return [f"{clip.file}: {error.strerror}"]
    except ValueError:
        # A NUL in it.
        return [f"{clip.file!r}: is no file's name"]
    return []


def load_corpus(folder: Path) -> tuple[Clip, ...]:
    """Read a manifest and check that its files are there and are the right ones.

    Args:
        folder: Holds `manifest.json`, a JSON list of clips, and the recordings.

    Raises:
        ConfigurationError: The manifest is missing, wrong or empty, or files are; all problems at
            once.
    """
    path = folder / MANIFEST
    try:
        clips = _CLIPS.validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"no corpus in {folder}: {error.strerror}: {path}") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise ConfigurationError(f"{path} is no manifest: {wrong}") from None
    if not clips:
        raise ConfigurationError(f"{path} names no clips")
    if problems := [problem for clip in clips for problem in _problems_of(folder, clip)]:
        raise ConfigurationError(f"the corpus {folder} is not as described: {'; '.join(problems)}")
    return clips
