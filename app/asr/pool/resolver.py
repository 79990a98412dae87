"""What a name resolves to."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Resolver(Protocol):
    """Turns a name into addresses."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Every address of the name, each once, at least one.

        Raises:
            OSError: it has none, or nobody could be asked.
        """


class SystemResolver:
    """Asks as every other program on the machine does (`getaddrinfo`), outside the event loop."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Every address of the name, of both families."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError as error:
            # A label that is empty or too long for DNS is refused before anybody is asked.
            raise OSError(str(error)) from None
        return tuple(dict.fromkeys(str(place[0]) for *_, place in found))
