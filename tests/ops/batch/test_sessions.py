"""How many recordings are heard at a time: what is free, less what live sessions keep."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from ops.batch.sessions import NoSessionError, PutBackError, Sessions
from ops.batch.slots import Readiness, Slots, UnknownSlotsError
from ops.batch.transcript import Heard
from tests.support.gateways.running import eventually, running_emulator, running_gateway

HEARD = Heard((), 1.0)


def slots(free: int, of: int = 8, waiting: int = 0, *, draining: bool = False) -> Slots:
    return Slots(slots=of, free_sessions=free, waiting=waiting, draining=draining)


@pytest.mark.parametrize(
    ("said", "share", "room", "lacks"),
    [
        (slots(8), 0.25, True, False),
        (slots(3), 0.25, True, False),
        (slots(2), 0.25, False, False),
        (slots(0), 0.25, False, True),
        (slots(1), 0.0, True, False),
        (slots(0), 0.0, False, False),
        (slots(8, waiting=1), 0.25, False, True),
        (slots(8, draining=True), 0.25, False, False),
        (slots(0, draining=True), 0.25, False, False),
        # Rounded up: of one slot any part keeps all.
        (slots(1, of=1), 0.01, False, False),
        # 0.3 of 10 is 3, whatever binary fractions make of it.
        (slots(4, of=10), 0.3, True, False),
    ],
)
def test_what_is_kept_for_live_sessions(
    said: Slots, share: float, *, room: bool, lacks: bool
) -> None:
    assert (said.has_room(share), said.lacks(share)) == (room, lacks)


@dataclass
class Machine:
    """A gateway's sessions, counted: those of recordings and live ones."""

    slots: int = 4
    live: int = 0
    hearing: list[asyncio.Event] = field(default_factory=list)
    most: int = 0
    tells: bool = True

    async def ask(self) -> Slots | None:
        if not self.tells:
            raise UnknownSlotsError
        return slots(self.slots - self.live - len(self.hearing), of=self.slots)

    async def hear(self, on_started: Callable[[], None]) -> Heard:
        end = asyncio.Event()
        # Between being asked for and being counted, as on the way to a gateway.
        await asyncio.sleep(0)
        self.hearing.append(end)
        self.most = max(self.most, len(self.hearing))
        on_started()
        try:
            await end.wait()
        finally:
            self.hearing.remove(end)
        return HEARD

    def sessions(self, share: float = 0.25, patience_s: float = 60.0) -> Sessions:
        return Sessions(
            readiness=cast("Readiness", self), share=share, patience_s=patience_s, look_s=0.001
        )


async def test_never_more_are_heard_than_live_sessions_leave() -> None:
    machine = Machine(slots=4)
    sessions = machine.sessions()
    running = [asyncio.create_task(sessions.run(machine.hear, lambda: None)) for _ in range(6)]
    while not all(task.done() for task in running):
        await eventually(lambda: bool(machine.hearing) or all(task.done() for task in running))
        await asyncio.sleep(0)
        for end in machine.hearing[:1]:
            end.set()
        await asyncio.sleep(0)
    assert [task.result() for task in running] == [HEARD] * 6
    assert 1 <= machine.most <= 3
    assert sessions.running == 0


async def test_the_youngest_is_put_back_while_live_sessions_find_no_slot() -> None:
    machine = Machine(slots=4)
    sessions = machine.sessions()
    running = []
    for _ in range(3):
        running.append(asyncio.create_task(sessions.run(machine.hear, lambda: None)))
        await eventually(lambda: len(machine.hearing) == len(running))
    watch = asyncio.create_task(sessions.watch())
    machine.live = 1
    # The one that was kept free is in use: now another would wait.
    with pytest.raises(PutBackError):
        await running[2]
    await eventually(lambda: len(machine.hearing) == 2)
    machine.live = 0
    for end in machine.hearing[:]:
        end.set()
    assert await asyncio.gather(*running[:2]) == [HEARD, HEARD]
    watch.cancel()


async def test_nobody_waits_for_ever_and_what_was_lacking_is_said() -> None:
    machine = Machine(slots=4, live=3)
    sessions = machine.sessions(patience_s=1e-9)
    with pytest.raises(NoSessionError) as given_up:
        await sessions.run(machine.hear, lambda: None)
    assert str(given_up.value) == (
        "no session for 1e-09 s, which --patience sets: the gateway has 1 of 4 free, and 1 are "
        "kept free for live sessions"
    )
    single = Machine(slots=1).sessions(patience_s=1e-9)
    with pytest.raises(NoSessionError, match="--leave 0 uses all of them"):
        await single.run(machine.hear, lambda: None)


async def test_one_that_is_cancelled_leaves_no_session_behind() -> None:
    machine = Machine()
    sessions = machine.sessions()
    task = asyncio.create_task(sessions.run(machine.hear, lambda: None))
    await eventually(lambda: bool(machine.hearing))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (machine.hearing, sessions.running) == ([], 0)


async def test_a_gateway_that_tells_nothing_is_found_out_before() -> None:
    machine = Machine(tells=False)
    sessions = machine.sessions()
    await sessions.find_out()
    assert not sessions.tells_slots
    task = asyncio.create_task(sessions.run(machine.hear, lambda: None))
    await eventually(lambda: bool(machine.hearing))
    machine.hearing[0].set()
    assert await task == HEARD


async def test_a_gateway_is_asked_for_what_it_has(unused_tcp_port: int) -> None:
    async with (
        running_emulator() as emulator,
        running_gateway(emulator, ws_max_concurrent_sessions=6) as gateway,
    ):
        asked = await Readiness(url=f"{gateway.url}/ws").ask()
    assert asked == slots(6, of=6)
    assert await Readiness(url=f"ws://127.0.0.1:{unused_tcp_port}/ws").ask() is None


async def test_an_answer_without_numbers_is_no_answer_of_none() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"ready": true}'
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 15\r\n\r\n" + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnknownSlotsError):
            await Readiness(url=f"ws://127.0.0.1:{port}/ws").ask()
