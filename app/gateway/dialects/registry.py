"""The dialects there are, and where each is spoken. A new one is a line here."""

from collections.abc import Sequence
from typing import Final

from app.gateway.dialects.a import CodecA
from app.gateway.dialects.b import CodecB
from app.gateway.dialects.codec import DialectCodec

DIALECTS: Final[Sequence[type[DialectCodec]]] = (
    CodecA,  # the first is spoken wherever no other one is
    CodecB,
)


def dialect_at(path: str) -> type[DialectCodec]:
    """Return the dialect spoken at a WebSocket path."""
    spoken = path.rstrip("/")
    return next((one for one in DIALECTS if spoken in one.paths), DIALECTS[0])


def paths() -> tuple[str, ...]:
    """Return the WebSocket paths that clients are told of."""
    return tuple(path for one in DIALECTS for path in one.paths)
