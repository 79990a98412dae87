"""Headers of recordings, as their specifications write them."""

import io
import struct

from app.recordings.sources import FileSource


def source(data: bytes) -> FileSource:
    return FileSource(io.BytesIO(data), None)


def chunk(order: str, name: bytes, body: bytes) -> bytes:
    return name + struct.pack(f"{order}I", len(body)) + body + b"\0" * (len(body) % 2)


def extended(rate: int) -> bytes:
    """IEEE 754's extended precision: an exponent, and the number from its first set bit on."""
    power = rate.bit_length() - 1
    return struct.pack(">HQ", 16_383 + power, rate << 63 - power)


def sphere(size: str, **fields: str) -> bytes:
    lines = [
        f"{name} -{'i' if name in NUMBERS else f's{len(value)}'} {value}"
        for name, value in fields.items()
        if value
    ]
    text = "\n".join(["NIST_1A", f"{size:>7}", *lines, "end_head"]) + "\n"
    return text.encode().ljust(int(size) if size.isdigit() else 0)


NUMBERS = {"channel_count", "sample_rate", "sample_n_bytes", "sample_count"}


def ogg_page(number: int, flags: int, body: bytes, stream: int = 7) -> bytes:
    """A page of an Ogg, its checksum computed bit by bit."""
    sizes = b"\xff" * (len(body) // 255) + bytes([len(body) % 255])
    page = bytearray(struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, stream, number, 0, len(sizes)))
    page += sizes + body
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 1 << 31 else 0)) & 0xFFFFFFFF
    struct.pack_into("<I", page, 22, crc)
    return bytes(page)
