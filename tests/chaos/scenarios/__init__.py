"""Every scenario; importing this registers them in the order of the table."""

from tests.chaos.scenarios import recogniser

__all__ = ["recogniser"]
