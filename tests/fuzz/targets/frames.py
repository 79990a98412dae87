"""Bytes behind a WebSocket's handshake: messages that were sent, or the contract's error.

What an application receives is compared with what a decoder of our own makes of the same bytes, so
no byte of it can be anybody else's.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from websockets.frames import Opcode

from app.contract.codes import ErrorCode
from app.gateway.server.protocol.buffers import FREE_BYTES, Buffers
from tests.fuzz.target import Target
from tests.fuzz.targets.looping import ran
from tests.support.frames import MASK, frame, masked
from tests.support.gateways.in_memory import MemoryConnection, rules

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from typing import Any

    from app.contract import ContractError
    from app.gateway.session.socket import SocketControl

MAX_SIZE: Final = 2048
_READS: Final = (1, 2, 7, 64, 1000, 65_536)
"""Sizes of what the transport reads at once; the first byte of an input chooses."""
_STILL: Final = 6
"""Turns of the loop without anything new, after which nothing is to come."""
_buffers: Final = Buffers(2**20, 2**19)


def messages_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the messages that are in some frames, whatever else is wrong with those."""
    kind, parts, at = 0, b"", 0
    while at + 2 <= len(data):
        first, second = data[at], data[at + 1]
        at, size = at + 2, second & 0x7F
        if size >= 126:
            wide = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + wide], "big")
            at += wide
        mask = data[at : at + 4] if second & 0x80 else b""
        at += len(mask)
        body = data[at : at + size]
        at += size
        if len(body) < size or (second & 0x80 and len(mask) < 4):
            return
        opcode = first & 0x0F
        if opcode & 0x08:
            continue
        kind = opcode or kind
        parts = (parts if opcode == 0 else b"") + (masked(body, mask) if mask else body)
        if first & 0x80:
            yield kind, parts
            parts = b""


def seeds() -> Sequence[bytes]:
    """Messages whole and in parts, control frames between them, and each kind of wrong frame."""
    text, binary, cont = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
    ping, pong, close = Opcode.PING, Opcode.PONG, Opcode.CLOSE
    conversations = [
        frame(text, b'{"type": "ping"}') + frame(binary, bytes(range(256))),
        frame(text, "grüße".encode()[:4], fin=False) + frame(cont, "grüße".encode()[4:]),
        frame(binary, b"ab", fin=False) + frame(ping, b"?") + frame(cont, b"cd") + frame(pong),
        frame(binary, bytes(700)) + frame(binary, fin=False) + frame(cont, fin=False) * 4,
        frame(close, (1000).to_bytes(2, "big") + b"bye") + frame(text, b"after"),
        frame(close) + frame(ping) * 3,
        frame(close, b"\x03"),
        frame(text, b"\xff\xfe"),
        frame(text, bytes(MAX_SIZE + 1)),
        frame(binary, bytes(MAX_SIZE)) + frame(binary, bytes(2)),
        frame(binary, bytes(1200), fin=False) + frame(cont, bytes(1200)),
        frame(text, b"not masked", mask=None),
        frame(cont, b"of nothing"),
        frame(text, b"one", fin=False) + frame(text, b"two"),
        frame(ping, bytes(126)),
        frame(ping, b"x", fin=False),
        frame(3) + frame(11),
        bytes([0xC2, 0x80, 0, 0, 0, 0]),
        bytes([0x82, 0xFF]) + (2**63).to_bytes(8, "big") + MASK,
        bytes([0x82, 0xFE]) + (5).to_bytes(2, "big") + MASK + b"short",
    ]
    return [bytes([at % len(_READS)]) + one for at, one in enumerate(conversations)]


def check(data: bytes) -> None:
    """The first byte chooses how much is read at once."""
    if data:
        ran(_conversation(data[1:], _READS[data[0] % len(_READS)]))


async def _conversation(data: bytes, most: int) -> None:
    received: list[tuple[int, bytes]] = []
    connection = MemoryConnection(
        _noting(received), rules(buffers=_buffers, frame_rate=10.0**9), max_size=MAX_SIZE
    )
    connection.protocol.owner = b"a client"
    await connection.opened()
    connection.heard()
    connection.transport.arrive(data, most=most)
    transport, reader = connection.transport, connection.protocol.conn.reader
    still, last = 0, (-1, -1, -1, -1)
    while still < _STILL:
        await asyncio.sleep(0)
        transport.deliver(most)
        assert len(reader.buffer) <= most + FREE_BYTES
        now = (len(received), len(transport.written), transport.unread, len(reader.buffer))
        still, last = (still + 1 if now == last else 0), now
    sent = bytes(connection.transport.written)
    answers = [one for one in connection.heard() if one.opcode is Opcode.TEXT]
    await connection.closed()
    assert connection.client.parser_exc is None, connection.client.parser_exc
    expected = list(messages_of(data))
    assert received == expected[: len(received)], (received, expected)
    for answer in answers:
        _check_answer(json.loads(bytes(answer.data)), received, sent)
    assert _buffers.held == 0, _buffers.held
    assert asyncio.all_tasks() == {asyncio.current_task()}


def _noting(
    received: list[tuple[int, bytes]],
) -> Callable[[SocketControl, Callable[[dict[str, Any]], Awaitable[None]]], Awaitable[None]]:
    """Return an application that answers each message with its length."""

    async def app(control: SocketControl, _send: object) -> None:
        control.render_end = _rendered
        while (message := await control.receive())["type"] == "websocket.receive":
            is_text = message.get("text") is not None
            body = message["text"].encode() if is_text else message["bytes"]
            received.append((Opcode.TEXT if is_text else Opcode.BINARY, body))
            with suppress(OSError):
                control.push(json.dumps({"length": len(body)}))

    return app


def _rendered(error: ContractError) -> Sequence[str]:
    return (error.body().model_dump_json(),)


def _check_answer(
    answer: dict[str, object], received: Sequence[tuple[int, bytes]], sent: bytes
) -> None:
    if "length" in answer:
        assert answer["length"] in {len(body) for _, body in received}
        return
    assert ErrorCode(str(answer["code"])) in {
        ErrorCode.MESSAGE_TOO_BIG,
        ErrorCode.INVALID_UTF8,
        ErrorCode.PROTOCOL_ERROR,
    }, sent


FRAMES: Final = Target(
    name="frames",
    title="WebSocket frames",
    seeds=seeds,
    check=check,
    longest=8192,
)
