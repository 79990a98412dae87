"""Opening a connection in place of one that broke or is about to."""

import asyncio
from collections.abc import Callable

from ...contract import ServerMessageA
from ..connection import Address, Connection
from ..deadlines import Deadlines
from ..errors import ClientError, UnauthorizedError
from .policy import Backoff, ReconnectRules


class Replacement:
    """Opens one connection at a time, retrying until it succeeds or is refused for good.

    It may begin before it is needed, so that it is ready when the present connection breaks.

    Args:
        address: Where.
        deadlines: How long to wait for what, one try at a time.
        rules: The waits between tries.
        on_message: As of `Connection.at`.
        bearer: Gives the session's own bearer token; None where it has none.
    """

    def __init__(
        self,
        address: Address,
        deadlines: Deadlines,
        rules: ReconnectRules,
        on_message: Callable[[Connection, ServerMessageA], None],
        bearer: Callable[[], str | None] = lambda: None,
    ) -> None:
        # Where all sessions are in use, a resumed one that asks to wait is let in first.
        self._address = address.waiting(deadlines.reconnect)
        self._deadlines = deadlines
        self._rules = rules
        self._on_message = on_message
        self._bearer = bearer
        self._backoff = Backoff(rules)
        self._opening: asyncio.Task[Connection] | None = None
        self.latest: ClientError | None = None
        """Error of the latest try, None where none failed."""

    def begin(self, retry_after: float | None = None) -> None:
        """Begin to open one, unless it is opening or open already."""
        if self._opening is None:
            self._opening = asyncio.create_task(
                self._open(retry_after), name="perch-client-reconnect"
            )

    async def ready(self) -> bool:
        """Wait until it is open (True) or refused for good (False). Cancelled, it stops nothing."""
        if self._opening is None:
            return False
        await asyncio.wait({self._opening})
        return not self._opening.cancelled() and self._opening.exception() is None

    async def take(self, retry_after: float | None) -> Connection:
        """Return the open connection, which is the caller's from now on.

        Raises:
            ClientError: It was refused for good.
        """
        self.begin(retry_after)
        opening = self._opening
        assert opening is not None  # noqa: S101 - begun above
        await asyncio.wait({opening})
        self._opening = None
        return opening.result()

    def reset(self) -> None:
        """Begin the next break with short waits again."""
        self._backoff = Backoff(self._rules)
        self.latest = None

    async def drop(self) -> None:
        """Close what was opened in advance. Call it again where it was cancelled."""
        opening = self._opening
        if opening is None:
            return
        opening.cancel()
        await asyncio.wait({opening})
        if not opening.cancelled() and opening.exception() is None:
            await opening.result().aclose()
        self._opening = None

    async def _open(self, retry_after: float | None) -> Connection:
        wait = self._backoff.wait(retry_after)
        refused: str | None = None
        while True:
            await asyncio.sleep(wait)
            bearer = self._bearer()
            own = bearer is not None and bearer != refused
            address = self._address.showing(bearer) if bearer is not None and own else self._address
            try:
                return await Connection.at(address, self._deadlines, self._on_message)
            except ClientError as error:
                if own and isinstance(error, UnauthorizedError):
                    # It may be too old; whoever gives tokens for each try can still help.
                    refused = bearer
                elif not error.retryable:
                    raise
                self.latest = error
                wait = self._backoff.wait(error.retry_after)
