"""Resolve names to addresses."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Resolver(Protocol):
    """Turns a name into addresses."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return every address of the name, each once, at least one.

        Raises:
            OSError: it has none, or no server could be reached.
        """


class SystemResolver:
    """Resolves as every other program on the machine does (`getaddrinfo`), off the event loop."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return every address of the name, of both families."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            # A label that is empty or too long for DNS is refused before any query.
            raise OSError(str(error)) from None
        return tuple(dict.fromkeys(str(place[0]) for *_, place in found))
