"""Any bytes after the handshake, at the real addresses, against a peer of another make.

The peer's own frames are made by hand; what the gateway answers is read by wsproto, which shares no
code with the library that the gateway stands on. Autobahn's cases (docs/conformance.md) ask whether
the frames are right; here it is whether the contract holds above them: documented errors before
every abnormal close, an end within a deadline, and nothing left behind.
"""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Pong, Request, TextMessage

from app.contract import CloseCode
from app.emulator import Emulator
from tests.app.gateway.server.protocol.documented import check_documented
from tests.support.gateways.running import PATH_B, Running, eventually, running_gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEADLINE_S = 20.0
CODES = {code.value for code in CloseCode}
UNEXCUSED = {CloseCode.NORMAL, CloseCode.GOING_AWAY}
"""The codes that need no error message before them."""

MASK = b"\x01\x02\x03\x04"


@dataclass(frozen=True)
class Shape:
    """A frame as it stands on the wire, right or wrong.

    Attributes:
        short: How many bytes of the payload that the header promises are missing.
    """

    opcode: int
    payload: bytes
    fin: bool = True
    reserved: int = 0
    masked: bool = True
    short: int = 0

    def octets(self) -> bytes:
        length = len(self.payload) + self.short
        small = length if length < 126 else 126 if length < 65_536 else 127
        form = {126: "!H", 127: "!Q"}.get(small)
        header = bytes(
            [self.fin << 7 | self.reserved << 4 | self.opcode, self.masked << 7 | small]
        ) + (struct.pack(form, length) if form else b"")
        if not self.masked:
            return header + self.payload
        masked = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(self.payload))
        return header + MASK + masked


@dataclass
class Heard:
    """What the gateway said, until it hung up."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    pongs: int = 0
    code: int | None = None
    after_close: int = 0
    reset: bool = False


STARTS = st.sampled_from(
    [b'{"type":"start_transcription"}', b'{"type":"start_recording"}', b'{"type":"finalize"}']
)
PAYLOADS = st.binary(max_size=150) | STARTS | st.sampled_from([bytes(3200), b"{", b"\xff\xfe", b""])
GOOD = st.builds(Shape, st.sampled_from([1, 2]), PAYLOADS)
ODD = st.builds(
    Shape,
    st.integers(0, 15),
    PAYLOADS,
    fin=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 1, 4, 7]),
    masked=st.sampled_from([True, True, True, False]),
    short=st.sampled_from([0, 0, 0, 1, 2**20, 2**40]),
)
CLOSES = st.builds(
    Shape, st.just(8), st.sampled_from([b"", b"\x03", b"\x03\xe8", b"\x03\xe8bye", b"\x00\x01"])
)


async def converse(running: Running, path: str, octets: bytes, cut: int) -> Heard:
    """Shake hands, write the bytes in two pieces and no more, and listen to the end."""
    address = urlsplit(running.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    peer = WSConnection(ConnectionType.CLIENT)
    writer.write(peer.send(Request(host=str(address.netloc), target=path)))
    heard = Heard()
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not any(isinstance(event, AcceptConnection) for event in listen(peer, heard)):
                peer.receive_data(await reader.readuntil(b"\r\n\r\n"))
            for part in (octets[:cut], octets[cut:]):
                writer.write(part)
                await asyncio.sleep(0)
            writer.write_eof()
            while data := await reader.read(65_536):
                if heard.code is not None:
                    heard.after_close += len(data)
                    continue
                peer.receive_data(data)
                listen(peer, heard)
    except ConnectionResetError:
        heard.reset = True
    finally:
        writer.close()
    return heard


def listen(peer: WSConnection, heard: Heard) -> list[object]:
    """Take down what has arrived; wsproto raises where it is not a WebSocket's."""
    events: list[object] = []
    parts = ""
    for event in peer.events():
        events.append(event)
        match event:
            case TextMessage(data, _, message_finished):
                parts += data
                if message_finished:
                    heard.messages.append(json.loads(parts))
                    parts = ""
            case Pong():
                heard.pongs += 1
            case CloseConnection(code):
                heard.code = code
                break
            case AcceptConnection() | Ping():
                pass
            case _:
                raise AssertionError(f"the gateway said {event!r}")
    return events


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def open_gateway(shared_emulator: Emulator) -> AsyncIterator[Running]:
    async with running_gateway(
        shared_emulator, ws_control_burst=10_000, ws_max_connections=1000
    ) as running:
        yield running


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    path=st.sampled_from(["/", PATH_B]),
    frames=st.lists(GOOD | ODD | CLOSES, max_size=6),
    noise=st.binary(max_size=20),
    cut=st.integers(0, 400),
)
async def test_whatever_is_written_the_answers_are_frames_with_documented_words_and_an_end(
    open_gateway: Running, path: str, frames: list[Shape], noise: bytes, cut: int
) -> None:
    octets = b"".join(frame.octets() for frame in frames) + noise
    heard = await converse(open_gateway, path, octets, cut)
    for message in heard.messages:
        check_documented(message)
    assert heard.after_close == 0
    if heard.reset:
        # Who writes after a close has no claim to hear anything of it.
        assert any(frame.opcode == Opcode.CLOSE for frame in frames) or noise
        return
    assert heard.messages[0]["type"] == "connection"
    assert heard.code is None or heard.code in CODES | {1005}
    if heard.code in CODES - UNEXCUSED:
        assert heard.messages[-1]["type"] == "error", "no abnormal close without its reason"


async def test_nothing_is_left_of_all_that(open_gateway: Running) -> None:
    await eventually(lambda: not open_gateway.gateway.sessions)
    assert open_gateway.gateway.admission.sessions == 0
    assert open_gateway.gateway.admission.connections == 0


async def test_a_ping_between_the_parts_of_a_message_is_answered_and_the_message_is_whole(
    open_gateway: Running,
) -> None:
    frames = [
        Shape(1, b'{"type":', fin=False),
        Shape(9, b"are you there"),
        Shape(0, b'"ping"}'),
        Shape(8, b"\x03\xe8"),
    ]
    octets = b"".join(frame.octets() for frame in frames)
    heard = await converse(open_gateway, "/", octets, len(octets))
    assert heard.pongs == 1
    assert heard.code == 1000
    assert [message["type"] for message in heard.messages] in (
        ["connection", "pong"],
        # A close that overtakes an answer wins.
        ["connection"],
    )
