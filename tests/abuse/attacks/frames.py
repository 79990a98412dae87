"""What one client does with WebSockets."""

from __future__ import annotations

import json
from time import monotonic
from typing import TYPE_CHECKING, Final

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.abuse.attacks.tally import Tally, attack
from tests.abuse.recogniser import Order
from tests.abuse.wire import (
    ATTACKER,
    BINARY,
    CONTINUATION,
    HOST,
    PING,
    PONG,
    TEXT,
    Crowd,
    Peer,
    Target,
    frame,
    frame_head,
    upgrade,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

IDLE_WEBSOCKETS: Final = 100
SESSIONS: Final = 50
FLOOD_BYTES: Final = 2_000_000
"""A second."""
HANDSHAKES: Final = 20
FLOODS: Final = 16
UNFINISHED: Final = 50
UNFINISHED_BYTES: Final = 9_000_000
UNFINISHED_ADDRESSES: Final = 10
RESUMES: Final = 20
OTHER_CLIENT: Final = "127.0.0.9"
START: Final = json.dumps({"type": "start_transcription"}).encode()
PIECE: Final = bytes(3200)
_UPGRADED_S: Final = 10.0
_SHOT: Final = 1 << 16


def websockets(
    crowd: Crowd, count: int, first: bytes = b"", sources: Sequence[str] = (ATTACKER,)
) -> list[Peer]:
    """Open so many, and wait until each has an answer.

    Args:
        crowd: Whose they are.
        count: How many.
        first: Sent behind the handshake.
        sources: Addresses, taken in turn.
    """
    opened = [crowd.open(upgrade(), source=sources[n % len(sources)]) for n in range(count)]
    peers = [peer for peer in opened if peer is not None]
    crowd.until(lambda: all(peer.head or peer.ended for peer in peers), _UPGRADED_S)
    taken = [peer for peer in peers if peer.is_websocket and peer.ended is None]
    for peer in taken:
        crowd.push(peer, first)
    return taken


@attack("idle-websockets")
def idle_websockets(target: Target) -> Tally:
    """Open WebSockets and say nothing."""
    crowd = Crowd(target)
    taken = websockets(crowd, IDLE_WEBSOCKETS)
    crowd.run(target.seconds)
    return Tally.of(crowd, did=f"{IDLE_WEBSOCKETS} WebSockets", taken=len(taken))


@attack("handshakes")
def handshakes(target: Target) -> Tally:
    """Open WebSockets and hang up, again and again."""
    crowd = Crowd(target)
    asked = upgrade()
    under_way: list[Peer] = []

    def each() -> None:
        for peer in under_way:
            if peer.head:
                crowd.drop(peer)
        under_way[:] = [peer for peer in under_way if peer.ended is None]
        opened = [crowd.open(asked) for _ in range(HANDSHAKES - len(under_way))]
        under_way.extend(peer for peer in opened if peer is not None)

    crowd.run(target.seconds, each)
    return Tally.of(crowd, did=f"{len(crowd.peers):,} handshakes, {HANDSHAKES} at a time")


@attack("many-sessions")
def many_sessions(target: Target) -> Tally:
    """Begin sessions and speak in each, as fifty people do."""
    crowd = Crowd(target)
    taken = websockets(crowd, SESSIONS, frame(TEXT, START))
    piece = frame(BINARY, PIECE)
    for _ in range(round(target.seconds * 2)):
        for peer in crowd.open_peers:
            if peer.is_websocket:
                crowd.push(peer, piece)
        crowd.run(0.5)
    return Tally.of(crowd, did=f"{SESSIONS} sessions", taken=len(taken))


def _flood(target: Target, first: bytes, one: bytes, what: str, lines: int = 1) -> Tally:
    """Repeat a frame at a steady rate of bytes; a new connection where one is closed."""
    crowd = Crowd(target)
    shot = memoryview(one * (_SHOT // len(one)))
    begun = monotonic()
    flooding: list[Peer] = []

    def each() -> None:
        flooding[:] = [peer for peer in flooding if peer.ended is None]
        if len(flooding) < lines:
            flooding.extend(websockets(crowd, lines - len(flooding), first))
        allowed = (monotonic() - begun) * FLOOD_BYTES * lines
        for peer in flooding:
            if not peer.out and crowd.sent < allowed:
                crowd.push(peer, shot)

    crowd.run(target.seconds, each)
    on = "" if lines == 1 else f" on each of {lines} connections"
    did = f"{what} of {len(one)} bytes, {FLOOD_BYTES / 1000:,.0f} kB/s{on} if they are taken"
    return Tally.of(crowd, did=did, frames=crowd.sent // len(one))


@attack("ping-flood")
def ping_flood(target: Target) -> Tally:
    """Send pings, as small as they can be."""
    return _flood(target, b"", frame(PING), "pings")


@attack("ping-floods")
def ping_floods(target: Target) -> Tally:
    """The same on several connections at once."""
    return _flood(target, b"", frame(PING), "pings", lines=FLOODS)


@attack("pong-flood")
def pong_flood(target: Target) -> Tally:
    """Send pongs that nobody asked for."""
    return _flood(target, b"", frame(PONG), "pongs")


@attack("fragment-flood")
def fragment_flood(target: Target) -> Tally:
    """Send a message in pieces of nothing, without an end."""
    first = frame(BINARY, fin=False)
    return _flood(target, first, frame(CONTINUATION, fin=False), "empty fragments")


@attack("empty-audio-flood")
def empty_audio_flood(target: Target) -> Tally:
    """Send audio messages of nothing in a session."""
    return _flood(target, frame(TEXT, START), frame(BINARY), "empty audio messages")


@attack("control-flood")
def control_flood(target: Target) -> Tally:
    """Send control messages far past the rate limit, also while the connection is being closed."""
    return _flood(target, b"", frame(TEXT, b'{"type":"ping"}'), "control messages")


@attack("unfinished-messages")
def unfinished_messages(target: Target) -> Tally:
    """Send most of a message on many connections, and nothing more.

    From several addresses: limits of connections by client must not be all that stands against it.
    """
    crowd = Crowd(target)
    sources = [f"127.0.1.{n + 1}" for n in range(UNFINISHED_ADDRESSES)]
    taken = websockets(crowd, UNFINISHED, sources=sources)
    head, body = frame_head(BINARY, UNFINISHED_BYTES + 1000), bytes(UNFINISHED_BYTES)
    for peer in taken:
        crowd.push(peer, head, body)
    crowd.run(target.seconds)
    did = (
        f"{UNFINISHED} messages of {UNFINISHED_BYTES / 1e6:.0f} MB that do not end, "
        f"from {UNFINISHED_ADDRESSES} addresses"
    )
    return Tally.of(crowd, did=did, taken=len(taken))


@attack("replayed-token")
def replayed_token(target: Target) -> Tally:
    """Resume one session many times, then once as another client."""
    url = f"{'ws' if target.ca is None else 'wss'}://{HOST}:{target.port}/ws"

    def open_one(source: str) -> ClientConnection:
        return connect(url, ssl=target.tls, compression=None, source_address=(source, 0))

    target.begin()
    first = open_one(ATTACKER)
    _message(first, "connection")
    first.send(json.dumps({"type": "start_transcription", "resumable": True, "heartbeat": 0.5}))
    session_id = _message(first, "session_started")["session_id"]
    for _ in range(15):
        first.send(PIECE)
    resume = _message(first, "transcription")["resume"]
    if not isinstance(resume, dict):
        raise TypeError(f"resume of a final is {resume!r}; accepted: a point to go on from")
    again = json.dumps(
        {"type": "start_transcription", "resumable": True, "resume": resume["token"]}
    )
    answers = [_resumed(open_one, ATTACKER, again) for _ in range(RESUMES)]
    live = sum(1 for line, _ in answers if line is not None and _is_open(line))
    foreign, answer = _resumed(open_one, OTHER_CLIENT, again)
    outcomes: dict[str, int] = {}
    for _, what in answers:
        name = "resumed" if "session_id" in what else str(what.get("code", "closed"))
        outcomes[name] = outcomes.get(name, 0) + 1
    outcomes[f"by another client: {answer.get('code', 'resumed')}"] = 1
    for line in [first, foreign, *(line for line, _ in answers)]:
        if line is not None:
            line.close()
    return Tally(
        did=f"one resume token {RESUMES} times, and once by another client",
        outcomes=outcomes,
        counts={
            "live": live,
            "taken_over": int("session_id" in answer),
            "same_id": int(answer.get("session_id") == session_id),
        },
    )


def _message(line: ClientConnection, kind: str) -> dict[str, object]:
    while True:
        message: dict[str, object] = json.loads(line.recv(timeout=_UPGRADED_S))
        if message["type"] == kind:
            return message


def _resumed(
    open_one: Callable[[str], ClientConnection], source: str, start: str
) -> tuple[ClientConnection | None, dict[str, object]]:
    try:
        line = open_one(source)
    except InvalidStatus as refusal:
        return None, dict(json.loads(refusal.response.body))
    line.send(start)
    try:
        while True:
            message = json.loads(line.recv(timeout=_UPGRADED_S))
            if message["type"] in {"session_started", "error"}:
                return line, message
    except (WebSocketException, TimeoutError, OSError):
        return line, {}


def _is_open(line: ClientConnection) -> bool:
    """Whether the session on it still takes audio a moment later."""
    try:
        while True:
            if json.loads(line.recv(timeout=0.2))["type"] == "error":
                return False
    except TimeoutError:
        return True
    except WebSocketException:
        return False


def _ordering(target: Target, order: Order, what: str) -> Tally:
    """Hold a session whose recogniser answers as ordered, and read all that comes."""
    crowd = Crowd(target)
    begun = monotonic()
    (peer, *_), piece = websockets(crowd, 1, frame(TEXT, START)), frame(BINARY, PIECE)
    crowd.push(peer, frame(BINARY, order.sound))

    def each() -> None:
        if peer.ended is None and monotonic() - begun > len(spoken) * 0.1:
            spoken.append(piece)
            crowd.push(peer, piece)

    spoken: list[bytes] = []
    crowd.run(target.seconds, each)
    return Tally.of(crowd, did=what, received=peer.received)


@attack("many-words")
def many_words(target: Target) -> Tally:
    """A final of many words."""
    return _ordering(target, Order.MANY_WORDS, "a recogniser's final of 200,000 words")


@attack("many-results")
def many_results(target: Target) -> Tally:
    """Many finals at once."""
    return _ordering(target, Order.MANY_RESULTS, "a recogniser's 50,000 finals in one message")


@attack("result-by-result")
def result_by_result(target: Target) -> Tally:
    """Many finals as fast as they are taken."""
    return _ordering(target, Order.RESULT_BY_RESULT, "a recogniser's 50,000 finals one by one")


@attack("long-text")
def long_text(target: Target) -> Tally:
    """A final that is one long text."""
    return _ordering(target, Order.LONG_TEXT, "a recogniser's final of 60 MB")


@attack("no-numbers")
def no_numbers(target: Target) -> Tally:
    """Times and scores that are no numbers."""
    return _ordering(target, Order.NO_NUMBERS, "a recogniser's NaN, infinite and huge numbers")
