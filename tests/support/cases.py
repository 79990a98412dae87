"""Which cases of a test `make test` runs; `make slow` has the others."""

from collections.abc import Collection, Iterable
from typing import TypeVar

import pytest
from _pytest.mark import ParameterSet

Case = TypeVar("Case")


def few(cases: Iterable[Case], kept: Collection[Case]) -> list[ParameterSet]:
    """Mark every case slow but those that are kept, where all of them walk the same branches."""
    return [pytest.param(case, marks=[] if case in kept else pytest.mark.slow) for case in cases]
