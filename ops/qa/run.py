"""A measured set of recordings as it is kept: what `--json` writes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from ops.console.errors import ConfigurationError
from ops.qa.alignment import Step, alignment
from ops.qa.measure import Result
from ops.qa.wer import Errors


class _Kept(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ClipRun(_Kept):
    """One clip of a run. Seconds; None where something was not measured.

    Attributes:
        file: As the corpus names it.
        tags: Of it.
        reference: What is said in it.
        heard: What was recognised; None where the session failed.
        failure: Why it failed.
        reconnects: Breaks of the connection that healed.
        words: Words said.
        substituted: Words heard as others.
        deleted: Words not heard.
        inserted: Words heard and not said.
        wer: Word error rate as a share; None where nothing is said.
        steps: Where the transcript differs.
        first_interim_s: From the sending of the audio in which speech begins to the first interim.
        final_s: From the end of speech to the last final.
    """

    file: str
    tags: tuple[str, ...]
    reference: str
    heard: str | None
    failure: str | None
    reconnects: int
    words: int
    substituted: int
    deleted: int
    inserted: int
    wer: float | None
    steps: tuple[Step, ...] = ()
    first_interim_s: float | None = None
    final_s: float | None = None

    @property
    def name(self) -> str:
        """The file's name without folder and suffix."""
        return Path(self.file).stem

    @property
    def errors(self) -> Errors:
        """Counted words."""
        return Errors(
            reference=self.words,
            substituted=self.substituted,
            deleted=self.deleted,
            inserted=self.inserted,
        )


class QaRun(_Kept):
    """A whole run.

    Attributes:
        kind: Says what file this is.
        stack: Whose; None for a gateway by its address.
        started: UTC; None in files of before it was kept.
        command: How it was asked for.
        machine: What measured, and how busy it was.
        realtime: Whether audio was sent at the speed of speech; only then there are latencies.
        clips: In the corpus' order.
    """

    kind: Literal["perch qa"] = "perch qa"
    stack: str | None = None
    started: AwareDatetime | None = None
    command: str = ""
    machine: str = ""
    realtime: bool = False
    clips: tuple[ClipRun, ...]


def clip_run(result: Result) -> ClipRun:
    """Return what is kept of a result."""
    outcome = result.outcome
    return ClipRun(
        file=result.clip.file,
        tags=result.clip.tags,
        reference=result.clip.text,
        heard=result.heard,
        failure=result.failure,
        reconnects=0 if outcome is None else len(outcome.reconnects),
        words=result.errors.reference,
        substituted=result.errors.substituted,
        deleted=result.errors.deleted,
        inserted=result.errors.inserted,
        wer=result.errors.rate,
        steps=alignment(result.clip.text, result.heard or ""),
        first_interim_s=None if outcome is None else outcome.first_interim_after_speech_s,
        final_s=result.final_s,
    )


def clip_runs(results: Iterable[Result]) -> tuple[ClipRun, ...]:
    """Return what is kept of results, in their order."""
    return tuple(clip_run(result) for result in results)


def load_run(path: Path) -> QaRun:
    """Read a run that `--json` wrote.

    Raises:
        ConfigurationError: It cannot be read, or is none.
    """
    try:
        return QaRun.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except ValidationError:
        raise ConfigurationError(f"{path} is no run that `perch qa --json` wrote") from None


def by_tag(clips: Sequence[ClipRun]) -> dict[str, tuple[ClipRun, ...]]:
    """Return clips by tag, sorted by name."""
    tags = sorted({tag for clip in clips for tag in clip.tags})
    return {tag: tuple(clip for clip in clips if tag in clip.tags) for tag in tags}
