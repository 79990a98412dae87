"""`/v1/realtime`, which both OpenAI's clients and the NIM's connect to.

Both come with the same query, and only one hello may be sent. The handshake says which it is as far
as it can; the first event corrects a wrong guess, after which only the hello was the other's: the
NIM's client warns about that and goes on.
"""

from collections.abc import Sequence
from typing import Final, Self

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.dialects.codec import DialectCodec, Handshake, Sent
from app.gateway.dialects.events import Event, Result
from app.gateway.dialects.intents import Intent
from app.gateway.dialects.realtime.codec import RealtimeCodec
from app.gateway.dialects.realtime.credentials import NIM_TOKEN
from app.gateway.dialects.realtime.messages import event_of
from app.gateway.dialects.realtime.nim import UPDATE, NimCodec
from app.gateway.dialects.realtime.openai import OpenAIRealtimeCodec
from app.gateway.settings.gateway import GatewaySettings

_OF_NIM_ALONE: Final = ("input_audio_params", "recognition_config")


class SharedPathCodec(RealtimeCodec):
    """Speaks what the client turns out to speak.

    Args:
        handshake: Of the connection.
        settings: For the dialects.
    """

    name = "realtime"
    paths = ("/v1/realtime",)

    def __init__(self, handshake: Handshake, settings: GatewaySettings) -> None:
        offered = [one for one in (OpenAIRealtimeCodec, NimCodec) if settings.speaks(one.name)]
        if not offered:
            raise ContractError(ErrorCode.NOT_FOUND, path=handshake.path[:MAX_ECHO_CHARS])
        guess = spoken(handshake)
        dialect = guess if guess in offered else offered[0]
        self._handshake, self._settings = handshake, settings
        self._codec: DialectCodec = dialect.open(handshake, settings)
        self._may_be_wrong = len(offered) > 1
        self.name = self._codec.name

    @classmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:
        """Return the codec of a connection."""
        return cls(handshake, settings)

    def parse(self, message: str | bytes) -> Sequence[Intent]:
        """Return what an event asks for; the first one says whose it is."""
        if self._may_be_wrong:
            self._may_be_wrong = False
            dialect = _told(message)
            if dialect is not None and not isinstance(self._codec, dialect):
                self._codec = dialect.open(self._handshake, self._settings)
        return self._codec.parse(message)

    def result(self, result: Result) -> Sequence[Sent]:
        """Return the texts of a result."""
        return self._codec.result(result)

    def render(self, event: Event) -> Sequence[Sent]:
        """Return the texts of any other event."""
        return self._codec.render(event)

    def close_code(self, error: ContractError) -> int | None:
        """Return the code an error closes the connection with."""
        return self._codec.close_code(error)


def spoken(handshake: Handshake) -> type[NimCodec] | type[OpenAIRealtimeCodec]:
    """Return the dialect that a handshake speaks for."""
    if any(name.startswith(NIM_TOKEN) for name in handshake.subprotocols):
        return NimCodec
    says_openai = (
        "authorization" in handshake.headers
        or "openai-beta" in handshake.headers
        or "model" in handshake.query
        or any(name.startswith("openai-") for name in handshake.subprotocols)
    )
    return OpenAIRealtimeCodec if says_openai else NimCodec


def _told(message: str | bytes) -> type[NimCodec] | type[OpenAIRealtimeCodec] | None:
    """Return the dialect that only this event can be of; None where it may be of either."""
    try:
        said = event_of(message)
    except ContractError:
        return None
    kind, session = said.get("type"), said.get("session")
    if kind == "session.update":
        return OpenAIRealtimeCodec
    if kind == UPDATE and isinstance(session, dict):
        return NimCodec if any(key in session for key in _OF_NIM_ALONE) else None
    return None
