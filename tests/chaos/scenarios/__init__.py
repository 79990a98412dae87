"""Every scenario; importing this registers them in the order of the table."""

from tests.chaos.scenarios import recogniser  # noqa: I001 - the order of the table
from tests.chaos.scenarios import network
from tests.chaos.scenarios import fleet

__all__ = ["fleet", "network", "recogniser"]
