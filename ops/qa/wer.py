"""Word error rate: what was said against what was heard, alone and added up. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import jiwer

from ops.qa.words import normalised

ALL = "all"
"""Name of the total over every clip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Counted words. Adding two counts them together, so totals weigh every word alike.

    Attributes:
        reference: Words that were said.
        substituted: Heard as others.
        deleted: Not heard.
        inserted: Heard and not said.
    """

    reference: int = 0
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0

    @property
    def total(self) -> int:
        """All errors."""
        return self.substituted + self.deleted + self.inserted

    @property
    def rate(self) -> float | None:
        """Word error rate, which can pass 1; None where nothing was said, for it has no meaning."""
        return self.total / self.reference if self.reference else None

    def __add__(self, other: Self) -> "Errors":
        return Errors(
            reference=self.reference + other.reference,
            substituted=self.substituted + other.substituted,
            deleted=self.deleted + other.deleted,
            inserted=self.inserted + other.inserted,
        )


def count_errors(reference: str, heard: str) -> Errors:
    """Align two transcripts and count the differing words, after normalising both.

    Args:
        reference: What was said; empty for silence, where every word heard is an insertion.
        heard: What was recognised.
    """
    said, got = normalised(reference), normalised(heard)
    if not said:
        return Errors(inserted=len(got.split()))
    aligned = jiwer.process_words(said, got)
    return Errors(
        reference=aligned.hits + aligned.substitutions + aligned.deletions,
        substituted=aligned.substitutions,
        deleted=aligned.deletions,
        inserted=aligned.insertions,
    )


def totals(counted: Iterable[tuple[Iterable[str], Errors]]) -> Mapping[str, Errors]:
    """Add errors up by tag, and over everything under `ALL`.

    Args:
        counted: Tags and errors of each clip.

    Returns:
        Errors by tag, sorted by name, `ALL` last.
    """
    by_tag: dict[str, Errors] = {}
    everything = Errors()
    for tags, errors in counted:
        everything += errors
        for tag in tags:
            by_tag[tag] = by_tag.get(tag, Errors()) + errors
    return {**dict(sorted(by_tag.items())), ALL: everything}
