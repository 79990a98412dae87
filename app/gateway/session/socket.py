"""What a connection needs of its way to the client, and what it ends with below the session."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from app.contract import ContractError

EXTENSION: Final = "perch.control"
"""Key of the ASGI scope's extensions under which the application finds its `SocketControl`."""

HALF_CLOSE: Final = "perch.half_close"
"""Type of an event beside those of ASGI: the client sends nothing more, and still reads."""

GONE: Final = (OSError, RuntimeError)
"""uvicorn raises OSError for a lost connection and RuntimeError for one it closed itself."""


class SocketControl(Protocol):
    """The accepted WebSocket of a connection, or a call that is spoken over as over one."""

    render_end: Callable[[ContractError], Sequence[Any]] | None
    failure: ContractError | None
    owner: bytes

    @property
    def flowing(self) -> bool:
        """Whether the client reads what is sent: False once a write buffer is full."""

    @property
    def waiting(self) -> bool:
        """Whether `receive` has something to return at once."""

    async def receive(self) -> Mapping[str, Any]:
        """Wait for the client's next message or its end, as an ASGI event or `HALF_CLOSE`."""

    async def deliver(self, message: Any, /) -> None:  # noqa: ANN401 - of the codec's own kind
        """Send a message as soon as the client reads; raises one of `GONE` where it is gone."""

    async def end(self, code: int, reason: str) -> None:
        """Close as soon as the client has read everything; raises as `deliver`."""

    def push(self, message: Any, /) -> None:  # noqa: ANN401 - of the codec's own kind
        """Send a message while `flowing`; raises OSError when the connection is closed."""

    def cut(self, messages: Sequence[Any], code: int) -> None:
        """Queue the last messages and a close, not waiting for a client that does not read."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The client is gone.

    Attributes:
        code: Close code of the client, or 1005/1006 where there was none.
        failure: The error the connection ended with below the session, if one did.
    """

    code: int
    failure: ContractError | None
