"""Nothing a connection started outlives it."""

import asyncio
import gc
import random
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.emulator import Emulator
from tests.support.gateways.running import PATH_B, SILENCE_100MS, Running, eventually, send

pytestmark = pytest.mark.asyncio(loop_scope="module")

SESSIONS = 100
SEED = 20261122


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - a repeatable course of events, no secret


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def drop_at_random(gateway: Running, dice: random.Random) -> None:
    """Use a connection for a while, then let go of it in some way."""
    path, start, stop = dice.choice(
        [
            ("/", "start_transcription", "stop_transcription"),
            (PATH_B, "start_recording", "stop_recording"),
        ]
    )
    socket = await connect(gateway.url + path, compression=None)
    try:
        for _ in range(dice.randrange(6)):
            match dice.randrange(4):
                case 0:
                    await send(socket, start)
                case 1:
                    await socket.send(SILENCE_100MS * dice.randrange(1, 20))
                case 2:
                    await send(socket, stop)
                case _:
                    # Not for luck: the moment of the drop is what varies.
                    await asyncio.sleep(dice.random() / 50)
        if dice.random() < 0.5:
            socket.transport.abort()
        else:
            await socket.close()
    except ConnectionClosed:
        pytest.fail("the gateway closed a connection that did nothing wrong")
    finally:
        socket.transport.abort()
        await socket.wait_closed()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count files")
async def test_a_hundred_sessions_dropped_at_random_leave_nothing_behind(
    gateway: Running, emulator: Emulator
) -> None:
    async def settled() -> tuple[int, int]:
        await eventually(lambda: not gateway.gateway.sessions)
        await eventually(lambda: not gateway.server.server_state.connections)
        await eventually(lambda: all(stream.status for stream in emulator.streams))
        gc.collect(1)
        return len(asyncio.all_tasks()), open_files()

    # Let connections of the pool to the recogniser be opened first: they stay.
    await asyncio.gather(*(drop_at_random(gateway, seeded(i)) for i in range(20)))
    tasks_before, files_before = await settled()
    dice = seeded(SEED)
    seeds = [dice.randrange(2**32) for _ in range(SESSIONS)]
    for batch in range(0, SESSIONS, 25):
        await asyncio.gather(
            *(drop_at_random(gateway, seeded(seed)) for seed in seeds[batch : batch + 25])
        )
    await settled()
    # A closed connection's last callbacks may still stand in the loop; what leaks stays for ever.
    await eventually(lambda: len(asyncio.all_tasks()) <= tasks_before)
    await eventually(lambda: open_files() <= files_before)
    assert gateway.gateway.admission.connections == 0
    assert gateway.gateway.admission.sessions == 0
    registry = gateway.gateway.metrics.registry
    assert registry.get_sample_value("perch_queue_audio_seconds") == 0
