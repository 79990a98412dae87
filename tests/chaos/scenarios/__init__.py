"""Every scenario; importing this registers them in the order of the table."""

from tests.chaos.scenarios import recogniser  # noqa: I001 - the order of the table
from tests.chaos.scenarios import network
from tests.chaos.scenarios import fleet
from tests.chaos.scenarios import switch
from tests.chaos.scenarios import clients
from tests.chaos.scenarios import machine
from tests.chaos.scenarios import overload

__all__ = ["clients", "fleet", "machine", "network", "overload", "recogniser", "switch"]
