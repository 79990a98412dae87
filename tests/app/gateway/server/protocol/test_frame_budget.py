"""No connection has more than its share of a turn, whatever it sends in whatever state.

Turns of the loop are counted, not timed. What a neighbour notices of a real flood is measured by
`make abuse`, not here.
"""

import asyncio
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from app.emulator import Emulator
from app.gateway.server.protocol.frames import (
    BYTES_A_TURN,
    FRAMES_A_TURN,
    FRAMES_AFTER_CLOSE,
    SMALL_FRAME_BYTES,
)
from app.gateway.session.socket import SocketControl
from tests.support.gateways.in_memory import MemoryConnection, masked, rules
from tests.support.gateways.running import client, running_gateway, said_until, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

PING = masked(Opcode.PING)
MANY = 40 * FRAMES_A_TURN


async def sits(_control: SocketControl, _send: object) -> None:
    """Takes no message."""
    await asyncio.Event().wait()


async def takes_all(control: SocketControl, _send: object) -> None:
    while (await control.receive())["type"] != "websocket.disconnect":
        if control.waiting:
            await asyncio.sleep(0)


async def closes_at_once(_control: SocketControl, send: object) -> None:
    await send({"type": "websocket.close", "code": 1008})  # type: ignore[operator]


@pytest.mark.parametrize(
    "frame",
    [
        PING,
        masked(Opcode.PING, bytes(125)),
        masked(Opcode.PONG),
        masked(Opcode.BINARY),
        masked(Opcode.BINARY, bytes(2)),
        masked(Opcode.TEXT, b"{}"),
        masked(Opcode.CONT, fin=False),
    ],
    ids=["ping", "full ping", "pong", "empty", "tiny", "text", "part"],
)
@pytest.mark.parametrize("app", [sits, takes_all, closes_at_once])
async def test_whatever_a_client_sends_so_many_frames_of_it_are_handled_in_a_turn(
    app: object, frame: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = MemoryConnection(app)  # type: ignore[arg-type]
    await connection.opened()
    parsed: list[bytes] = []
    receive_data = connection.protocol.conn.receive_data

    def count(data: bytes) -> None:
        parsed.append(data)
        receive_data(data)

    monkeypatch.setattr(connection.protocol.conn, "receive_data", count)
    begin = masked(Opcode.BINARY, b"-", fin=False) if frame[0] == Opcode.CONT else b""
    connection.transport.arrive(begin + frame * MANY)
    for _ in range(MANY // FRAMES_A_TURN):
        # The session takes one message a turn beside what the connection's own turn brings.
        assert len(parsed) <= 2 * FRAMES_A_TURN
        parsed.clear()
        await asyncio.sleep(0)
    await connection.closed()


@pytest.mark.parametrize(
    ("flood", "handled"),
    [
        (PING, 11),
        (masked(Opcode.PONG), 11),
        (masked(Opcode.CONT, bytes(SMALL_FRAME_BYTES - 1), fin=False), 11),
        # These carry more than they cost, and a whole message is the session's to bound.
        (masked(Opcode.CONT, bytes(SMALL_FRAME_BYTES), fin=False), 300),
        (masked(Opcode.BINARY), 300),
    ],
    ids=["ping", "pong", "small part", "part", "message"],
)
async def test_what_is_no_message_waits_with_the_socket_unread_once_its_burst_is_used_up(
    flood: bytes, handled: int
) -> None:
    # 10 at once, and the next in nine hours.
    connection = MemoryConnection(takes_all, rules(frame_rate=3e-5, frame_burst=10))
    await connection.opened()
    counted = 0
    if flood[0] == Opcode.CONT:
        flood_begin = masked(Opcode.BINARY, bytes(SMALL_FRAME_BYTES), fin=False)
        connection.transport.arrive(flood_begin)
    reader = connection.protocol.conn.reader
    connection.transport.arrive(flood * 300)
    for _ in range(600):
        await asyncio.sleep(0)
        connection.transport.deliver()
    left = len(reader.buffer) // len(flood)
    counted = 300 - left
    assert counted == handled
    assert connection.transport.is_read == (handled == 300)
    # What comes now stays where it is: TCP tells the client.
    connection.transport.arrive(flood)
    assert (connection.transport.unread > 0) == (handled < 300)
    await connection.closed()


async def test_who_sends_one_ping_at_a_time_is_held_back_like_who_sends_them_together() -> None:
    connection = MemoryConnection(sits, rules(frame_rate=3e-5, frame_burst=10))
    await connection.opened()
    for _ in range(300):
        connection.transport.arrive(PING)
        await asyncio.sleep(0)
    assert len(connection.heard()) == 11
    await connection.closed()


async def test_after_the_last_word_only_so_many_frames_are_looked_at_and_the_rest_is_dropped() -> (
    None
):
    connection = MemoryConnection(closes_at_once)
    await connection.opened()
    connection.transport.arrive(masked(Opcode.BINARY, bytes(64)) * (2 * FRAMES_AFTER_CLOSE))
    for _ in range(FRAMES_AFTER_CLOSE):
        await asyncio.sleep(0)
        connection.transport.deliver()
    reader = connection.protocol.conn.reader
    assert (len(reader.buffer), connection.transport.unread) == (0, 0)
    assert connection.transport.has_ended
    # Not even frames: nothing is parsed, nothing is kept, and the client can get rid of it.
    connection.transport.arrive(b"\xff" * 1_000_000)
    for _ in range(40):
        await asyncio.sleep(0)
        connection.transport.deliver()
    assert (len(reader.buffer), connection.transport.unread) == (0, 0)
    assert [frame.opcode for frame in connection.heard()] == [Opcode.CLOSE]
    await connection.closed()


async def test_a_close_behind_the_audio_that_was_under_way_still_ends_the_connection() -> None:
    connection = MemoryConnection(closes_at_once)
    await connection.opened()
    under_way = masked(Opcode.BINARY, bytes(3200)) * (FRAMES_AFTER_CLOSE // 2)
    connection.transport.arrive(under_way + masked(Opcode.CLOSE, b"\x03\xe8"))
    for _ in range(FRAMES_AFTER_CLOSE):
        await asyncio.sleep(0)
        connection.transport.deliver()
    assert connection.transport.is_closing()
    await connection.closed()


async def test_of_a_long_message_so_many_bytes_are_read_in_a_turn() -> None:
    connection = MemoryConnection(sits)
    await connection.opened()
    connection.transport.arrive(masked(Opcode.BINARY, bytes(20 * BYTES_A_TURN)), most=BYTES_A_TURN)
    turns = 0
    while connection.transport.unread:
        assert not connection.transport.is_read
        await asyncio.sleep(0)
        connection.transport.deliver(BYTES_A_TURN)
        turns += 1
    assert turns >= 20
    await connection.closed()


CONTROL = st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=20))
# In hexadecimal they are text, too, and may be cut anywhere.
PARTS = st.lists(st.binary(max_size=40).map(lambda data: data.hex().encode()), min_size=1)
DATA = st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY]), PARTS)


@dataclass
class Said:
    """What a client writes.

    Attributes:
        octets: On the wire.
        messages: Those in it.
        pings: What its pings hold.
    """

    octets: bytes = b""
    messages: list[str | bytes] = field(default_factory=list)
    pings: list[bytes] = field(default_factory=list)

    def say(self, opcode: Opcode, content: bytes | list[bytes]) -> None:
        if isinstance(content, bytes):
            self.octets += masked(opcode, content)
            self.pings += [content] if opcode is Opcode.PING else []
            return
        for at, part in enumerate(content):
            is_last = at == len(content) - 1
            self.octets += masked(opcode if at == 0 else Opcode.CONT, part, fin=is_last)
        whole = b"".join(content)
        self.messages.append(whole.decode() if opcode is Opcode.TEXT else whole)


@settings(max_examples=60, deadline=None)
@given(
    sent=st.lists(st.tuples(st.integers(1, 30), DATA | CONTROL), max_size=8),
    cut=st.integers(1, 400),
    pauses=st.lists(st.integers(0, 3), min_size=1, max_size=5),
    bounded=st.booleans(),
)
@example(sent=[(30, (Opcode.PING, b""))], cut=400, pauses=[0], bounded=True)
async def test_every_message_and_ping_arrives_once_in_order_however_it_is_cut_and_taken(
    sent: list[tuple[int, tuple[Opcode, bytes | list[bytes]]]],
    cut: int,
    pauses: list[int],
    bounded: bool,
) -> None:
    said = Said()
    for times, (opcode, content) in sent:
        for _ in range(times):
            said.say(opcode, content)
    taken: list[str | bytes] = []

    async def takes_its_time(control: SocketControl, _send: object) -> None:
        while (message := await control.receive())["type"] != "websocket.disconnect":
            taken.append(message["text"] if "text" in message else message["bytes"])
            for _ in range(pauses[len(taken) % len(pauses)]):
                await asyncio.sleep(0)

    # Where it is bounded, every frame waits for a moment.
    incoming = rules(frame_rate=50_000, frame_burst=1) if bounded else rules()
    connection = MemoryConnection(takes_its_time, incoming)
    await connection.opened()
    heard: list[Frame] = []
    connection.transport.arrive(said.octets, most=cut)
    async with asyncio.timeout(20):
        while len(taken) < len(said.messages) or len(heard) < len(said.pings):
            await asyncio.sleep(0)
            connection.clock.pass_time(1.0)
            connection.transport.deliver(cut)
            heard += connection.heard()
    assert taken == said.messages
    assert [bytes(frame.data) for frame in heard if frame.opcode is Opcode.PONG] == said.pings
    assert len(heard) == len(said.pings)
    await connection.closed()


async def test_a_flood_of_pings_is_answered_at_its_rate_and_its_session_goes_on(
    emulator: Emulator,
) -> None:
    async with (
        running_gateway(emulator, ws_frame_rate=2_000, ws_frame_burst=10) as gateway,
        client(gateway) as socket,
    ):
        await send(socket, "start_transcription")
        await said_until(socket, "session_started")
        socket.transport.write(PING * 400)
        await socket.send(bytes(32_000))
        await send(socket, "stop_transcription")
        heard = await said_until(socket, "session_stopped")
    finals = [message["text"] for message in heard if message["type"] == "transcription"]
    assert finals == ["hello", "world"]


async def test_audio_outside_a_session_is_paced_like_audio_in_one(emulator: Emulator) -> None:
    async with (
        # 0.2 s of credit is 40 messages; the 41st waits for a moment and all after it with it.
        running_gateway(
            emulator, audio_max_realtime_factor=1, audio_realtime_burst_s=0.2
        ) as gateway,
        client(gateway) as socket,
    ):
        begun = asyncio.get_running_loop().time()
        for _ in range(100):
            await socket.send(b"")
        await socket.send(json.dumps({"type": "ping"}))
        heard = await said_until(socket, "pong")
        taken = asyncio.get_running_loop().time() - begun
    assert [message["type"] for message in heard] == ["error", "pong"]
    # 60 messages beyond the credit, 5 ms each: less is not possible.
    assert taken >= 0.3
