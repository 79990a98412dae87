"""A clock that tests move."""

from types import ModuleType

import pytest


class Clock:
    """Stands in for monotonic(): it shows the same time until a test sets another one."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def stopped(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> Clock:
    """Put one clock in the place of `monotonic` of these modules."""
    clock = Clock()
    for module in modules:
        monkeypatch.setattr(module, "monotonic", clock)
    return clock
