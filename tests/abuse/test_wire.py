"""An attacker that cannot do what its row says, or misreads its answers, would prove nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import h11
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.abuse.attacks.http import UNREADABLE, silent_flac, wav_head
from tests.abuse.recogniser import Order, ordered
from tests.abuse.wire import (
    ATTACKER,
    BINARY,
    HOST,
    Crowd,
    Target,
    frame,
    request,
    upgrade,
    upload_parts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE_S = 20.0
REFUSAL = (
    b'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 28\r\n\r\n{"code": "too_many_sessions"}'
)


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[Target]:
    """A server that does one thing to the first client, in a thread."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            client, (address, _) = listener.accept()
            with client:
                assert address == ATTACKER
                answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Target(port=listener.getsockname()[1])
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def hearing(*steps: int | bytes) -> Callable[[socket.socket], None]:
    """Read so many bytes, or say something, one after the other, then close."""

    def serve(client: socket.socket) -> None:
        for step in steps:
            if isinstance(step, int):
                client.recv(step)
            else:
                client.sendall(step)

    return serve


def outcome_of(answer: Callable[[socket.socket], None]) -> str:
    """What an attacker says of a connection on which that happened."""
    with answering(answer) as target:
        crowd = Crowd(target)
        peer = crowd.open(b"hello")
        assert peer is not None
        assert crowd.until(lambda: peer.ended is not None, DEADLINE_S)
        (outcome,) = crowd.outcomes()
        crowd.close()
    return outcome


def test_a_refusal_is_told_with_its_status_and_its_code() -> None:
    assert outcome_of(hearing(100, REFUSAL)) == "503 too_many_sessions"


def test_a_connection_that_is_closed_or_reset_without_a_word_is_told_so() -> None:
    assert outcome_of(hearing(100)) == "closed without an answer"
    # Closing with unread bytes resets.
    assert outcome_of(hearing(1)) == "reset without an answer"


def test_a_connection_without_an_answer_is_open_until_somebody_hangs_up() -> None:
    with answering(hearing(1, 1)) as target:
        crowd = Crowd(target)
        peer = crowd.open(b"x")
        assert peer is not None
        assert crowd.outcomes() == {"open, no answer": 1}
        assert crowd.sent == 1
        crowd.drop(peer)
        assert crowd.outcomes() == {"hung up without an answer": 1}


def test_a_port_where_nobody_listens_is_counted_and_ends_nothing() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    crowd = Crowd(Target(port=port))
    assert crowd.open(b"x") is None
    assert crowd.outcomes() == {"not connected (ECONNREFUSED)": 1}


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_is_one_to_a_websocket_server(length: int) -> None:
    server = ServerProtocol(state=State.OPEN, max_size=None)
    server.receive_data(frame(BINARY, b"\x07" * length))
    (heard,) = server.events_received()
    assert heard == Frame(Opcode.BINARY, b"\x07" * length)


@pytest.mark.parametrize("asked", UNREADABLE)
def test_a_stray_upgrade_is_a_request_to_an_http_parser_and_none_to_a_websocket_server(
    asked: bytes,
) -> None:
    http = h11.Connection(h11.SERVER)
    http.receive_data(asked)
    head = http.next_event()
    assert isinstance(head, h11.Request)
    assert (b"upgrade", b"websocket") in head.headers.raw_items() or b"upgrade" in asked.lower()
    server = ServerProtocol()
    server.receive_data(asked)
    assert not any(isinstance(event, Request) for event in server.events_received())
    assert server.handshake_exc is not None


def test_a_proper_upgrade_is_one() -> None:
    server = ServerProtocol()
    server.receive_data(upgrade())
    (asked,) = server.events_received()
    assert isinstance(asked, Request)
    assert server.accept(asked).status_code == 101


def test_an_upload_has_the_length_it_announces() -> None:
    first, last = upload_parts("a.wav", 1000)
    http = h11.Connection(h11.SERVER)
    http.receive_data(first + bytes(1000) + last)
    events = [http.next_event() for _ in range(3)]
    assert isinstance(events[-1], h11.EndOfMessage)
    assert http.trailing_data == (b"", False)
    assert request("GET", "/").endswith(b"\r\n\r\n")


def test_recordings_are_as_long_as_their_rows_say() -> None:
    flac = soundfile.info(BytesIO(silent_flac(180, 16_000)))
    assert (flac.format, flac.duration, flac.samplerate) == ("FLAC", 180, 16_000)
    wav = soundfile.info(BytesIO(wav_head(64_000) + bytes(64_000)))
    assert (wav.format, wav.duration, wav.subtype) == ("WAV", 2.0, "PCM_16")


@given(st.sampled_from(Order), st.integers(min_value=-7, max_value=7))
def test_an_order_is_obeyed_also_one_off_and_no_other_sound_is(order: Order, off: int) -> None:
    assert ordered(order.sound) is order
    assert ordered((order + off).to_bytes(2, "little", signed=True)) is order
    assert ordered((order + 50).to_bytes(2, "little", signed=True)) is Order.LISTEN
    assert ordered(b"") is Order.LISTEN
