"""Words as word error rate compares them: without case and punctuation, aligned by edit distance.

A recogniser that hears a moment again from another place may take one word for another: "a" for
"the". That is a substitution. A word that is missing or comes twice is what must not be.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

import jiwer

FIXTURES: Final = Path(__file__).parents[1] / "fixtures"


def bare(text: str) -> list[str]:
    """List the words of a text without case and punctuation."""
    return re.findall(r"[a-z0-9']+", text.lower())


@cache
def _texts() -> dict[str, str]:
    manifest: list[dict[str, Any]] = json.loads((FIXTURES / "manifest.json").read_text())
    return {entry["file"]: entry["text"] for entry in manifest}


def spoken_text(name: str) -> str:
    """Return what is said in a fixture, by its manifest."""
    return _texts()[name]


def lost_or_doubled(heard: list[str], said: list[str], *, cuts: int) -> str | None:
    """Say how the words that were heard differ from those that were said; None if they need not.

    Args:
        heard: What came, as `bare` lists it.
        said: What was said; not empty.
        cuts: In how many places the audio was heard from anew. Each may cost one word's letters,
            never the word.
    """
    difference = jiwer.process_words(" ".join(said), " ".join(heard))
    if difference.deletions == difference.insertions == 0 and difference.substitutions <= cuts:
        return None
    return (
        f"{difference.deletions} words lost, {difference.insertions} added, "
        f"{difference.substitutions} taken for others\nheard: {heard}\nsaid:  {said}"
    )
