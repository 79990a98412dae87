"""One WebSocket to a gateway: opened, spoken over in dialect A, and closed.

`Address` checks where a gateway is and opens a WebSocket there; `Connection` runs sessions on it,
one after the other, until it breaks. `diagnosis` says why it could not be opened, `Inbox` sorts
what comes in, and `Progress` puts off deadlines while a session comes further. Nothing here
reconnects.
"""

from .address import Address, AddressOptions, TokenSource
from .connection import MAX_UNREAD_EVENTS, Connection
from .diagnosis import lacks_authority
from .progress import Progress

__all__ = [
    "MAX_UNREAD_EVENTS",
    "Address",
    "AddressOptions",
    "Connection",
    "Progress",
    "TokenSource",
    "lacks_authority",
]
