"""WebSocket frames as a test wants them, right or wrong."""

from typing import Final

MASK: Final = b"\x11\x00\xee\x5a"


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, mask: bytes | None = MASK) -> bytes:
    """Return a frame (RFC 6455, 5.2), the same each time."""
    is_masked = 0 if mask is None else 0x80
    if len(data) < 126:
        head = bytes([is_masked | len(data)])
    elif len(data) < 65_536:
        head = bytes([is_masked | 126]) + len(data).to_bytes(2, "big")
    else:
        head = bytes([is_masked | 127]) + len(data).to_bytes(8, "big")
    body = data if mask is None else mask + masked(data, mask)
    return bytes([0x80 * fin | opcode]) + head + body


def masked(data: bytes, mask: bytes) -> bytes:
    """Mask or unmask a frame's data (RFC 6455, 5.3)."""
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
