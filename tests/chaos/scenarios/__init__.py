"""Every scenario; importing this registers them in the order of the table."""

from tests.chaos.scenarios import network, recogniser

__all__ = ["fleet", "network", "recogniser"]
