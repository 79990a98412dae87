"""What is wrong with a run: sessions that failed, words beyond a threshold, sound where none was.

And what got worse since an earlier one, by more than chance explains. Pure.
"""

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from ops.qa.alignment import word_marks
from ops.qa.bootstrap import difference_interval, rate_interval
from ops.qa.corpus import Clip
from ops.qa.run import ClipRun, QaRun
from ops.qa.thresholds import Environment, Thresholds
from ops.qa.wer import Errors

CLIP_CONFIDENCE: Final = 0.99
"""For a single clip, of which a corpus has many: one of them is unlucky in almost every run."""

Fault = Literal["failed", "heard in silence", "above threshold", "worse"]


class Finding(BaseModel):
    """One thing that is wrong.

    Attributes:
        fault: What kind of thing.
        about: The clip, or the environment.
        sentence: For a person.
    """

    model_config = ConfigDict(frozen=True)

    fault: Fault
    about: str
    sentence: str


def errors_of(clips: Sequence[ClipRun]) -> Errors:
    """Return the errors of clips together."""
    return sum((clip.errors for clip in clips), Errors())


def interval_of(clips: Sequence[ClipRun]) -> tuple[float, float] | None:
    """Return the 95 % interval of their word error rate; None where nothing was said."""
    return rate_interval([clip.errors.total for clip in clips], [clip.words for clip in clips])


def findings(run: QaRun, limits: Thresholds) -> tuple[Finding, ...]:
    """Judge a run by itself.

    Args:
        run: What was measured.
        limits: Of the engine.
    """
    found = [
        Finding(fault="failed", about=clip.name, sentence=f"{clip.name}: {clip.failure}")
        for clip in run.clips
        if clip.failure is not None
    ]
    found += [
        Finding(
            fault="heard in silence",
            about=clip.name,
            sentence=f"{clip.name}: nothing is said in it, and {clip.heard!r} was heard",
        )
        for clip in run.clips
        if not clip.reference and clip.heard
    ]
    for environment, most in limits.most.items():
        clips = _of(run, limits, environment)
        rate = errors_of(clips).rate
        if rate is not None and rate > most:
            found.append(
                Finding(
                    fault="above threshold",
                    about=environment,
                    sentence=(
                        f"{environment} clips: word error rate {100 * rate:.1f} % is above the "
                        f"{100 * most:g} % of {limits.engine}"
                    ),
                )
            )
    return tuple(found)


def regressions(before: QaRun, after: QaRun) -> tuple[Finding, ...]:
    """Say which clips, and whether all of them together, got worse by more than chance explains.

    Only clips in both runs are compared. A single clip is worse where its words, drawn again, are
    worse 99 times of a hundred; the whole where the recordings, drawn again, are 95 times.

    Args:
        before: The earlier run.
        after: The later one.
    """
    earlier = {clip.file: clip for clip in before.clips}
    pairs = [(earlier[clip.file], clip) for clip in after.clips if clip.file in earlier]
    found = [
        Finding(
            fault="worse",
            about=new.name,
            sentence=(f"{new.name}: {_share(old)} before, {_share(new)} now: {why}"),
        )
        for old, new in pairs
        if (why := _why_worse(old, new))
    ]
    whole = difference_interval(
        [old.errors.total for old, _ in pairs],
        [new.errors.total for _, new in pairs],
        [new.words for _, new in pairs],
    )
    if whole is not None and whole[0] > 0:
        rose = [new.name for old, new in pairs if new.errors.total > old.errors.total]
        found.append(
            Finding(
                fault="worse",
                about="all",
                sentence=(
                    f"all clips: word error rate rose by {100 * whole[0]:.1f} to "
                    f"{100 * whole[1]:.1f} points (95 %): {', '.join(rose)}"
                ),
            )
        )
    return tuple(found)


def _why_worse(old: ClipRun, new: ClipRun) -> str | None:
    if new.failure is not None:
        return "the session failed" if old.failure is None else None
    if not new.reference:
        return "something was heard in it" if new.heard and not old.heard else None
    marks, marked = word_marks(old.steps), word_marks(new.steps)
    if len(marks) != len(marked) or new.errors.total <= old.errors.total:
        return None
    interval = difference_interval(marks, marked, [1] * len(marked), confidence=CLIP_CONFIDENCE)
    if interval is None or interval[0] <= 0:
        return None
    return f"{100 * interval[0]:.0f} to {100 * interval[1]:.0f} points more (99 %)"


def _share(clip: ClipRun) -> str:
    return "no rate" if clip.wer is None else f"{100 * clip.wer:.1f} %"


def _of(run: QaRun, limits: Thresholds, environment: Environment) -> tuple[ClipRun, ...]:
    return tuple(
        clip
        for clip in run.clips
        if limits.environment(Clip(file=clip.file, text=clip.reference, tags=clip.tags))
        == environment
    )
