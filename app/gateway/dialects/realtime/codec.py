"""What the codecs of realtime dialects have in common: where keys stand, and audio in text."""

from collections.abc import Iterable, Sequence

from app.gateway.dialects.codec import DialectCodec, Handshake
from app.gateway.dialects.realtime.credentials import SUBPROTOCOL, keys


class RealtimeCodec(DialectCodec):
    """Speaks a realtime dialect to one connection."""

    audio_in_text = True

    @classmethod
    def select_subprotocol(cls, offered: Sequence[str]) -> str | None:
        """Return `realtime` where it is offered; a key is never echoed."""
        return SUBPROTOCOL if SUBPROTOCOL in offered else super().select_subprotocol(offered)

    @classmethod
    def credentials(cls, handshake: Handshake) -> Iterable[str]:
        """Return the keys of the subprotocols, and short-lived ones from the header."""
        return keys(handshake)
