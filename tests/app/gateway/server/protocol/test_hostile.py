"""Input nobody sane sends gets the documented error, leaves no traceback, harms no neighbour.

The log fixture of this folder fails every test here whose log has a traceback.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from app.emulator import Emulator
from tests.app.gateway.server.protocol.documented import check_documented
from tests.support.gateways.running import (
    PATH_B,
    SILENCE_100MS,
    Running,
    client,
    eventually,
    last_words,
    running_gateway,
    said,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

KNOWN_TYPES = [
    "start_transcription",
    "stop_transcription",
    "get_metrics",
    "start_recording",
    "stop_recording",
    "configure",
    "config",
    "end",
    "ping",
]
KNOWN_KEYS = [
    "enable_partials",
    "hotwords",
    "hotword_boost",
    "sample_rate",
    "encoding",
    "channels",
    "language",
    "model",
    "endpointing",
    "timestamp",
    "config",
    "vad_threshold",
    "silence_duration",
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["pcm16", "float32", "en-US", "8000", "", "\u0000", "x" * 200])
    | st.sampled_from([0, 1, 2, 8000, 16000, 48000, -1, 10**30])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KNOWN_KEYS) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
CONTROLS = st.builds(
    lambda kind, fields: json.dumps({**fields, "type": kind}),
    st.sampled_from(KNOWN_TYPES) | VALUES,
    st.dictionaries(st.sampled_from(KNOWN_KEYS), VALUES, max_size=4),
)
TEXTS = CONTROLS | st.text(max_size=40) | st.sampled_from(["[" * 5000, '{"type":', "null", "{}"])
BINARIES = st.binary(max_size=64) | st.sampled_from([b"{", bytes(3201), b'{"type":"ping"}'])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_gateway(shared_emulator: Emulator) -> AsyncIterator[Running]:
    async with running_gateway(
        shared_emulator, ws_control_burst=10_000, ws_max_connections=1000
    ) as running:
        yield running


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(path=st.sampled_from(["/", PATH_B]), messages=st.lists(TEXTS | BINARIES, max_size=8))
async def test_any_messages_get_documented_answers_and_the_connection_lives_or_says_why(
    open_gateway: Running, path: str, messages: list[str | bytes]
) -> None:
    async with client(open_gateway, path) as socket:
        heard: list[dict[str, Any]] = []
        closed: ConnectionClosed | None = None
        try:
            for message in messages:
                await socket.send(message)
            await send(socket, "ping", timestamp="the last")
            while not heard or heard[-1].get("client_timestamp", "the last") != "the last":
                heard.extend(await said_until(socket, "pong"))
        except ConnectionClosed as error:
            closed = error
        for answer in heard:
            check_documented(answer)
    # None of these messages is bad enough to lose the connection for.
    assert closed is None, heard


async def raw(socket: ClientConnection, *frames: bytes) -> None:
    """Write bytes below the library, which would refuse to build them."""
    socket.transport.write(b"".join(frames))


@pytest.mark.parametrize("path", ["/", PATH_B])
async def test_text_that_is_not_utf8_gets_its_error_before_1007(
    gateway: Running, path: str
) -> None:
    async with client(gateway, path) as socket:
        await raw(socket, Frame(Opcode.TEXT, b'{"type": "\xff\xfe"}').serialize(mask=True))
        error, code = await last_words(socket)
    assert (error["code"], code) == ("invalid_utf8", 1007)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.TEXT, b"{}").serialize(mask=False),
        Frame(Opcode.CONT, b"more of nothing").serialize(mask=True),
        bytes([0x83, 0x80, 0, 0, 0, 0]),
        bytes([0xC2, 0x80, 0, 0, 0, 0]),
        bytes([0x89, 0xFE, 0, 126, 0, 0, 0, 0]) + bytes(126),
    ],
    ids=["unmasked", "stray-continuation", "unknown-opcode", "reserved-bit", "long-ping"],
)
async def test_bytes_that_are_no_websocket_frames_get_an_error_before_1002(
    gateway: Running, frame: bytes
) -> None:
    async with client(gateway) as socket:
        await raw(socket, frame)
        error, code = await last_words(socket)
    assert (error["code"], code) == ("protocol_error", 1002)


async def test_a_half_message_and_a_hang_up_leave_nothing(gateway: Running) -> None:
    socket = await connect(gateway.url, compression=None)
    await said(socket)
    await send(socket, "start_transcription")
    await raw(socket, Frame(Opcode.BINARY, bytes(64_000), fin=False).serialize(mask=True)[:5000])
    socket.transport.abort()
    await socket.wait_closed()
    await eventually(lambda: not gateway.gateway.sessions)
    assert gateway.gateway.admission.sessions == 0


async def test_neighbours_keep_their_words_while_others_misbehave(
    open_gateway: Running, emulator: Emulator
) -> None:
    assert emulator.ready

    async def neighbour() -> list[str]:
        async with client(open_gateway) as socket:
            await send(socket, "start_transcription")
            for _ in range(10):
                await socket.send(SILENCE_100MS)
                await asyncio.sleep(0.01)
            await send(socket, "stop_transcription")
            heard = await said_until(socket, "session_stopped")
        return [message["text"] for message in heard if message["type"] == "transcription"]

    async def vandal(kind: int) -> None:
        async with client(open_gateway) as socket:
            with suppress(ConnectionClosed):
                match kind % 4:
                    case 0:
                        await socket.send(bytes(11 * 1024 * 1024))
                    case 1:
                        for _ in range(500):
                            await socket.send("{" * 100)
                    case 2:
                        await raw(socket, bytes([0x82, 0x80, 0, 0, 0, 0]) * 20_000)
                    case _:
                        await raw(socket, b"\xff" * 1000)
                if kind % 4 in {0, 3}:
                    await last_words(socket)
                socket.transport.abort()

    results = await asyncio.gather(
        *(neighbour() for _ in range(5)), *(vandal(kind) for kind in range(8))
    )
    assert results[:5] == [["hello", "world"]] * 5
