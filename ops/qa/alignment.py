"""Where a transcript differs from what was said, word by word. Pure."""

from collections.abc import Iterable
from html import escape
from typing import Literal

import jiwer
from pydantic import BaseModel, ConfigDict

from ops.qa.words import normalised

Kind = Literal["equal", "substituted", "deleted", "inserted"]


class Step(BaseModel):
    """A run of words that were heard as said, or differently.

    Attributes:
        kind: How they differ.
        said: Words of the reference; empty where words were inserted.
        heard: Words of the transcript; empty where words were deleted.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    said: str = ""
    heard: str = ""


_AROUND = 3
"""Words shown beside a difference."""
_KINDS: dict[str, Kind] = {
    "equal": "equal",
    "substitute": "substituted",
    "delete": "deleted",
    "insert": "inserted",
}


def alignment(reference: str, heard: str) -> tuple[Step, ...]:
    """Align two transcripts after normalising both, as `count_errors` does.

    Args:
        reference: What was said; empty for silence.
        heard: What was recognised.
    """
    said, got = normalised(reference), normalised(heard)
    if not said:
        return (Step(kind="inserted", heard=got),) if got else ()
    aligned = jiwer.process_words(said, got)
    left, right = said.split(), got.split()
    return tuple(
        Step(
            kind=_KINDS[chunk.type],
            said=" ".join(left[chunk.ref_start_idx : chunk.ref_end_idx]),
            heard=" ".join(right[chunk.hyp_start_idx : chunk.hyp_end_idx]),
        )
        for chunk in aligned.alignments[0]
    )


def as_text(steps: Iterable[Step]) -> str:
    """Return the differences for a terminal: `[said -> heard]`, `[-said-]`, `[+heard+]`.

    Of words between them that were heard as said, a few at each end.
    """
    shown = {
        "equal": "{1}",
        "substituted": "[{0.said} -> {0.heard}]",
        "deleted": "[-{0.said}-]",
        "inserted": "[+{0.heard}+]",
    }
    return " ".join(shown[step.kind].format(step, _ends(step.said)) for step in steps)


def _ends(words: str) -> str:
    split = words.split()
    if len(split) <= 2 * _AROUND + 1:
        return words
    return " ".join((*split[:_AROUND], "...", *split[-_AROUND:]))


def as_html(steps: Iterable[Step]) -> str:
    """Return the differences as HTML: what was not heard struck, what was not said marked."""
    parts = []
    for step in steps:
        said, heard = escape(step.said), escape(step.heard)
        if step.kind == "equal":
            parts.append(said)
            continue
        parts.append(f"<del>{said}</del>" if said else "")
        parts.append(f"<ins>{heard}</ins>" if heard else "")
    return " ".join(filter(None, parts))


def word_marks(steps: Iterable[Step]) -> tuple[int, ...]:
    """Return the errors at each word of the reference, in order: what resampling draws from.

    A word that was inserted counts at the word before it, or at the first one.
    """
    marks: list[int] = []
    waiting = 0
    for step in steps:
        words = len(step.said.split())
        if step.kind == "inserted":
            extra = len(step.heard.split())
            if marks:
                marks[-1] += extra
            else:
                waiting += extra
            continue
        wrong = 0 if step.kind == "equal" else 1
        marks += [wrong] * words
    if marks:
        marks[0] += waiting
    return tuple(marks)
