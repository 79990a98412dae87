"""A bound on a request's head that holds however the head arrives.

h11 bounds what waits for its end. A head that comes whole in one read is never looked at, and so
may be as long as a read of the socket: a quarter of a megabyte, and what was pipelined with it.
"""

from typing import Final

import h11

MAX_HEAD_BYTES: Final = 16 * 1024
"""Of a request's line and headers together. The load balancer's bounds are 16 KiB for the line and
for one header, and 64 KiB in all (Elastic Load Balancing quotas for application load balancers)."""

_TOO_LARGE: Final = 431
_LINE_BYTES: Final = 4
"""A colon, a space and a line end; of the request line two spaces and its end."""


class BoundedConnection(h11.Connection):
    """A server's HTTP connection whose requests have heads of at most `MAX_HEAD_BYTES`."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD_BYTES)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return what comes next.

        Raises:
            h11.RemoteProtocolError: It is no HTTP, or a head that is too long (status hint 431).
        """
        event = super().next_event()
        if isinstance(event, h11.Request) and head_bytes(event) > MAX_HEAD_BYTES:
            raise h11.RemoteProtocolError("too long a head", error_status_hint=_TOO_LARGE)
        return event


def head_bytes(request: h11.Request) -> int:
    """Return how long a request's line and headers are, without the version."""
    first = len(request.method) + len(request.target) + _LINE_BYTES
    return first + sum(len(name) + len(value) + _LINE_BYTES for name, value in request.headers)
