"""What connections hold of what came in: bounded in bytes over all of them, and in time.

How much memory a process takes for it is measured by `make abuse`, not here.
"""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from websockets.frames import Opcode

from app.emulator import Emulator
from app.gateway.server.protocol.buffers import FREE_BYTES, Buffers
from app.gateway.session.socket import SocketControl
from tests.support.gateways.in_memory import App, MemoryConnection, masked, rules
from tests.support.gateways.running import (
    client,
    eventually,
    last_words,
    running_gateway,
    said,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1_048_576
LIMIT = 4 * MIB
HEAD_OF_1_MIB = bytes([0x82, 0xFF]) + MIB.to_bytes(8, "big") + bytes(4)


async def sits(_control: SocketControl, _send: object) -> None:
    """Takes no message."""
    await asyncio.Event().wait()


async def takes_one(control: SocketControl, _send: object) -> None:
    """Takes a message and is busy with it for ever."""
    await control.receive()
    await asyncio.Event().wait()


async def takes_all(control: SocketControl, _send: object) -> None:
    while (await control.receive())["type"] != "websocket.disconnect":
        pass


async def connected(
    buffers: Buffers, owner: bytes, app: App = sits, timeout_s: float = 3600.0
) -> MemoryConnection:
    incoming = rules(buffers=buffers, message_timeout_s=timeout_s)
    connection = MemoryConnection(app, incoming, max_size=2 * MIB)
    connection.protocol.owner = owner
    await connection.opened()
    return connection


async def send_through(connection: MemoryConnection, octets: bytes) -> None:
    """Have bytes arrive until they are there or nobody reads any more."""
    connection.transport.arrive(octets, most=FREE_BYTES)
    for _ in range(len(octets) // FREE_BYTES + 8):
        await asyncio.sleep(0)
        connection.transport.deliver(FREE_BYTES)


class StandIn:
    """A connection for the count alone."""

    def __init__(self, buffers: Buffers, owner: bytes) -> None:
        self.owner = owner
        self.buffers = buffers
        self.unfinished = self.complete = self.counted = 0
        self.was_ended = False

    def change(self, unfinished: int, complete: int) -> None:
        self.unfinished, self.complete = unfinished, complete
        beyond = max(0, unfinished + complete - FREE_BYTES)
        by, self.counted = beyond - self.counted, beyond
        self.buffers.change(self, by)

    def evict(self) -> None:
        self.was_ended = True
        self.change(0, self.complete)


class BuffersMachine(RuleBasedStateMachine):
    """Messages that begin, grow, end, are taken and are broken off, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.buffers = Buffers(LIMIT, LIMIT // 2)
        self.all: list[StandIn] = []

    @rule(owner=st.sampled_from([b"ann", b"ben", b"eve"]))
    def come(self, owner: bytes) -> None:
        if len(self.all) < 20:
            self.all.append(StandIn(self.buffers, owner))

    def _pick(self, at: int) -> StandIn | None:
        alive = [one for one in self.all if not one.was_ended]
        return alive[at % len(alive)] if alive else None

    @rule(at=st.integers(0, 19), more=st.integers(1, MIB))
    def grow(self, at: int, more: int) -> None:
        if one := self._pick(at):
            one.change(one.unfinished + more, one.complete)

    @rule(at=st.integers(0, 19))
    def end_a_message(self, at: int) -> None:
        if one := self._pick(at):
            one.change(0, one.complete + one.unfinished)

    @rule(at=st.integers(0, 19), share=st.floats(0, 1))
    def take(self, at: int, share: float) -> None:
        if one := self._pick(at):
            one.change(one.unfinished, int(one.complete * share))

    @invariant()
    def what_counts_is_what_is_held(self) -> None:
        assert self.buffers.held == sum(one.counted for one in self.all)

    @invariant()
    def nobody_is_ended_but_for_too_much_and_the_limits_are_kept(self) -> None:
        free = [one for one in self.all if one.unfinished > FREE_BYTES]
        if free:
            assert self.buffers.held <= LIMIT
        for owner in {one.owner for one in free}:
            held = sum(one.counted for one in self.all if one.owner == owner)
            assert held <= LIMIT // 2

    @invariant()
    def nothing_is_remembered_of_who_holds_nothing(self) -> None:
        if not any(one.counted for one in self.all):
            assert not self.buffers._shares
            assert not self.buffers._of_client


TestBuffers = BuffersMachine.TestCase
TestBuffers.settings = settings(max_examples=40, stateful_step_count=30)


@pytest.mark.parametrize(
    "unfinished",
    [HEAD_OF_1_MIB + bytes(MIB - 1), masked(Opcode.BINARY, bytes(MIB), fin=False)],
    ids=["one frame", "fragments"],
)
@pytest.mark.parametrize("owners", [1, 20], ids=["one client", "many clients"])
async def test_messages_that_do_not_end_hold_no_more_than_the_budget_whoever_sends_them(
    unfinished: bytes, owners: int
) -> None:
    buffers = Buffers(LIMIT, LIMIT // 2)
    crowd = [await connected(buffers, bytes([number % owners])) for number in range(20)]
    for one in crowd:
        await send_through(one, unfinished)
    most = LIMIT if owners > 1 else LIMIT // 2
    assert most - MIB <= buffers.held <= most
    held = [len(one.protocol.conn.reader.buffer) + one.protocol.unfinished for one in crowd]
    assert sum(size > 0 for size in held) <= most // (MIB - FREE_BYTES)
    for one in crowd:
        (closed,) = [frame.data for frame in one.heard()] or [b""]
        # 1013, and only to those whose message was given up.
        assert closed[:2] == (b"\x03\xf5" if one.protocol.close_sent else b"")
        await one.closed()
    assert buffers.held == 0


async def test_of_two_it_is_the_larger_message_that_is_given_up_whoever_came_first() -> None:
    buffers = Buffers(MIB, MIB)
    small, large = await connected(buffers, b"ann"), await connected(buffers, b"ben")
    await send_through(large, HEAD_OF_1_MIB + bytes(700_000))
    await send_through(small, masked(Opcode.BINARY, bytes(600_000)))
    assert (small.protocol.close_sent, large.protocol.close_sent) == (False, True)
    await small.closed()
    await large.closed()


async def test_messages_of_the_free_size_always_have_room() -> None:
    buffers = Buffers(MIB, MIB)
    crowd = [await connected(buffers, b"eve", takes_one) for _ in range(3)]
    for one in crowd:
        await send_through(one, masked(Opcode.BINARY, bytes(MIB // 2)))
    assert buffers.held > MIB - 3 * FREE_BYTES
    live = await connected(buffers, b"eve", takes_all)
    for _ in range(100):
        await send_through(live, masked(Opcode.BINARY, bytes(FREE_BYTES - 20)))
    assert not live.protocol.close_sent
    for one in (*crowd, live):
        await one.closed()


async def test_a_message_counts_until_the_session_has_done_with_it_also_after_its_client_left() -> (
    None
):
    buffers = Buffers(LIMIT, LIMIT)
    busy = await connected(buffers, b"ann", takes_one)
    await send_through(busy, masked(Opcode.BINARY, bytes(MIB)))
    held = buffers.held
    assert held == MIB - FREE_BYTES
    busy.transport.close()
    await asyncio.sleep(0)
    assert (busy.protocol.disconnected, buffers.held) == (True, held)
    await busy.closed()
    assert buffers.held == 0
    quick = await connected(buffers, b"ann", takes_all)
    for _ in range(8):
        await send_through(quick, masked(Opcode.BINARY, bytes(MIB)))
    # As soon as it asks for the next one.
    assert buffers.held == 0
    await quick.closed()


async def test_who_was_told_goodbye_in_the_middle_of_a_message_gives_its_bytes_back() -> None:
    buffers = Buffers(MIB, MIB)
    leaving = await connected(buffers, b"ann")
    await send_through(leaving, HEAD_OF_1_MIB + bytes(900_000))
    await leaving.protocol.send({"type": "websocket.close", "code": 1001, "reason": ""})
    other = await connected(buffers, b"ben")
    await send_through(other, HEAD_OF_1_MIB + bytes(500_000))
    assert not other.protocol.close_sent
    assert buffers.held == 500_000 + len(HEAD_OF_1_MIB) - FREE_BYTES - 14
    await leaving.closed()
    await other.closed()


def begin_a_frame(connection: MemoryConnection) -> None:
    connection.transport.arrive(HEAD_OF_1_MIB[:3])
    connection.clock.pass_time(60)


def begin_fragments(connection: MemoryConnection) -> None:
    connection.transport.arrive(masked(Opcode.BINARY, b"", fin=False))
    for _ in range(59):
        connection.clock.pass_time(1)
        connection.transport.arrive(masked(Opcode.PING) + masked(Opcode.CONT, b"-", fin=False))
    connection.clock.pass_time(1)


def begin_again_and_again(connection: MemoryConnection) -> None:
    """Each read ends inside a frame, as reads of TCP do, and each frame ends in time."""
    whole = masked(Opcode.BINARY, bytes(100))
    connection.transport.arrive(whole[:50])
    for _ in range(9):
        connection.clock.pass_time(59)
        connection.transport.arrive(whole[50:] + whole[:50])


def end_and_be_silent(connection: MemoryConnection) -> None:
    for part in (masked(Opcode.BINARY, fin=False), masked(Opcode.CONT)):
        connection.clock.pass_time(59)
        connection.transport.arrive(part)
    connection.clock.pass_time(3600)


@pytest.mark.parametrize(
    ("talk", "is_late"),
    [
        (begin_a_frame, True),
        (begin_fragments, True),
        (begin_again_and_again, False),
        (end_and_be_silent, False),
    ],
)
async def test_a_message_that_was_begun_has_to_end_in_time(
    talk: Callable[[MemoryConnection], None], is_late: bool
) -> None:
    connection = await connected(Buffers(LIMIT, LIMIT), b"ann", takes_all, timeout_s=60)
    connection.protocol.render_end = lambda error: [error.code.value]
    talk(connection)
    told = [bytes(frame.data) for frame in connection.heard() if frame.opcode is Opcode.TEXT]
    assert told == ([b"message_timeout"] if is_late else [])
    await connection.closed()


async def test_the_time_in_which_the_session_takes_nothing_does_not_count() -> None:
    connection = await connected(Buffers(LIMIT, LIMIT), b"ann", sits, timeout_s=60)
    connection.transport.arrive(masked(Opcode.BINARY, bytes(10)))
    connection.transport.arrive(HEAD_OF_1_MIB)
    connection.clock.pass_time(600)
    assert not connection.protocol.close_sent
    await connection.closed()


async def test_a_client_hears_why_its_message_is_given_up(emulator: Emulator) -> None:
    async with running_gateway(
        emulator, ws_max_message_size_mb=1, ws_buffer_mb=2, ws_message_timeout_s=0.2
    ) as gateway:
        async with client(gateway) as slow:
            slow.transport.write(HEAD_OF_1_MIB)
            error, code = await last_words(slow)
        assert (error["code"], error["retryable"], code) == ("message_timeout", True, 1008)
        assert "was not complete 0.2 s after it began" in error["error"]
    async with (
        running_gateway(emulator, ws_max_message_size_mb=1, ws_buffer_mb=2) as gateway,
        client(gateway) as one,
        client(gateway) as other,
    ):
        await send(other, "start_transcription")
        await said(other)
        for socket in (one, other):
            # Complete it would be as much as this client may have.
            socket.transport.write(HEAD_OF_1_MIB + bytes(MIB - 100))
        await eventually(lambda: len(gateway.gateway.sessions) == 1)
        left = next(iter(gateway.gateway.sessions))
        loser = one if left.recognition is not None else other  # type: ignore[attr-defined]
        error, code = await last_words(loser)
        assert (error["code"], error["retry_after"], code) == ("buffers_full", 5.0, 1013)
        # A close would be taken for the rest of its message.
        for socket in (one, other):
            socket.transport.abort()
