"""The interface of a dialect.

A dialect is a subclass of `DialectCodec` in a file of its own and a line in `registry`. Nothing
else in the gateway knows which dialects there are.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self, TypeAlias

from app.contract import ContractError
from app.gateway.dialects.events import Event, Result
from app.gateway.dialects.intents import Intent
from app.gateway.dialects.upload import HttpAnswer
from app.gateway.settings.gateway import GatewaySettings

Sent: TypeAlias = str | bytes
"""One message to a client: texts over a WebSocket, bytes where its protocol has those."""

SUBPROTOCOL: Final = "perch"
"""What browsers offer beside `bearer.<token>`, and what is selected: a token is never echoed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What a client sends before the connection is open.

    Attributes:
        connection_id: The gateway's name for the connection.
        path: Of the request, without a slash at its end.
        query: Options of the address; of several with one name the last.
        options: All of them, in their order.
        headers: Of the request, names in lower case.
        subprotocols: As offered.

    The last four may hold a token, so they are not shown.
    """

    connection_id: str
    path: str = "/"
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Sequence[tuple[str, str]] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    subprotocols: Sequence[str] = field(default=(), repr=False)


class DialectCodec(ABC):
    """One connection's dialect: parses what its client sends, renders what it is sent.

    A codec sees plain values, never the session, and may remember what its own messages said.

    Attributes:
        name: Label in metrics and logs.
        paths: Where it is spoken.
        audio_in_text: Whether text messages carry audio: they then count as control messages only
            where they carry none, and may be as long as binary ones.
        binary_is_audio: Whether binary messages are audio and nothing else: none is parsed then.
        texts: Fields that a client may send, with what comes of each, for the documentation.
    """

    name: str
    paths: ClassVar[tuple[str, ...]]
    audio_in_text: ClassVar[bool] = False
    binary_is_audio: ClassVar[bool] = False
    texts: ClassVar[Mapping[str, str]] = {}

    @classmethod
    @abstractmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:
        """Return the codec of a connection; raise ContractError to refuse it before the upgrade."""

    @classmethod
    def select_subprotocol(cls, offered: Sequence[str]) -> str | None:
        """Return the subprotocol to select, None for none."""
        return SUBPROTOCOL if SUBPROTOCOL in offered else None

    @classmethod
    def credentials(cls, handshake: Handshake) -> Iterable[str]:  # noqa: ARG003 - for dialects with places of their own
        """Return access tokens from where only this dialect has them."""
        return ()

    @classmethod
    def refusal(cls, error: ContractError, handshake: Handshake) -> HttpAnswer | None:  # noqa: ARG003 - likewise
        """Return the answer to a handshake that is refused; None for that of the contract."""
        return None

    def headers(self) -> Mapping[str, str]:
        """Return headers of the 101 that opens the connection."""
        return {}

    def begin(self) -> Sequence[Intent]:
        """Return what the handshake itself asks for, once the connection is open.

        It is also asked before: a start that cannot be served is refused while that has a status.
        """
        return ()

    @abstractmethod
    def parse(self, message: str | bytes) -> Sequence[Intent]:
        """Return what a message asks for, in order; raise ContractError for what is no message."""

    def finish(self) -> Sequence[Intent]:
        """Return what a client asks for that sends nothing more and still reads.

        A WebSocket cannot say so. Raise ContractError where it ends too early.
        """
        return ()

    @abstractmethod
    def result(self, result: Result) -> Sequence[Sent]:
        """Return the messages of a result, which every session has by the dozen a minute."""

    @abstractmethod
    def render(self, event: Event) -> Sequence[Sent]:
        """Return the messages of any other event; none where the dialect has none for it."""

    def close_code(self, error: ContractError) -> int | None:
        """Return the code an error closes the connection with, None where it stays open."""
        return error.spec.close_code

    def close_reason(self, error: ContractError) -> str:  # noqa: ARG002 - for dialects whose clients read one
        """Return the reason an error closes the connection with, in at most 123 bytes."""
        return ""

    def name_disguised_audio(self, text: str) -> str | None:  # noqa: ARG002 - for dialects that can tell
        """Return what kind of audio a text carries that is no message of the dialect, in words."""
        return None
