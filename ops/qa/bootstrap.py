"""How sure a word error rate is: drawn again from what was measured, many times. Pure.

Recordings are drawn with replacement, and of a single recording its words. The draw has a fixed
seed: the same run always says the same.
"""

from collections.abc import Sequence

import numpy as np

DRAWS = 2000
SEED = 20261127


def rate_interval(
    wrong: Sequence[int], words: Sequence[int], *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of a word error rate; None where nothing was said.

    Args:
        wrong: Errors of each recording.
        words: Words said in each.
        confidence: 0..1.
    """
    if not sum(words):
        return None
    rates = _drawn(np.asarray(wrong, float), np.asarray(words, float))
    return _ends(rates, confidence)


def difference_interval(
    before: Sequence[int], after: Sequence[int], words: Sequence[int], *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the interval of how much a word error rate rose, the same recordings in both draws.

    Args:
        before: Errors of each recording, or at each word, in the earlier run.
        after: The same in the later one.
        words: Words said in each recording; ones where these are words.
        confidence: 0..1.
    """
    if not sum(words):
        return None
    rose = np.asarray(after, float) - np.asarray(before, float)
    return _ends(_drawn(rose, np.asarray(words, float)), confidence)


def _drawn(
    counts: "np.ndarray[tuple[int], np.dtype[np.float64]]",
    words: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    chance = np.random.default_rng(SEED)
    picked = chance.integers(0, len(counts), (DRAWS, len(counts)))
    said = words[picked].sum(axis=1)
    # A draw of silent recordings alone has no rate.
    rates: np.ndarray[tuple[int], np.dtype[np.float64]] = (
        counts[picked].sum(axis=1)[said > 0] / said[said > 0]
    )
    return rates


def _ends(
    rates: "np.ndarray[tuple[int], np.dtype[np.float64]]", confidence: float
) -> tuple[float, float]:
    low, high = np.quantile(rates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
