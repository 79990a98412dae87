"""What one client does with HTTP requests."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Final

import numpy as np
import soundfile

from tests.abuse.attacks.tally import Tally, attack
from tests.abuse.recogniser import Order
from tests.abuse.wire import Crowd, Peer, Target, request, upgrade, upload_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STRAY_UPGRADES: Final = 3_000
STRAY_UPGRADES_TLS: Final = 1_000
"""A handshake costs the attacker as much as the listener: three thousand take it too long."""
HALF_REQUESTS: Final = 3_000
_OPENED_A_TURN: Final = 6
"""Of a hundred turns a second: how fast connections come is not the point of these rows."""
SLOW_UPLOADS: Final = 64
PIPELINES: Final = 300
REQUESTS: Final = 400
SILENCES: Final = 6
SILENCE_S: Final = 59 * 60
WAVS: Final = 16
WAV_BYTES: Final = 60_000_000
LEFT_UPLOADS: Final = 8
_WAV_RATE: Final = 16_000

UNREADABLE: Final = (
    upgrade(method="POST"),
    upgrade("/ws", "Content-Length: 5", body=b"hello"),
    upgrade("/ws", "Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
    upgrade("/ws", f"X-Long: {'x' * 9000}"),
    upgrade("/ws", "X-Control: a\x01b"),
)
"""Requests that an HTTP parser takes and a WebSocket parser does not."""


def wav_head(data_bytes: int, rate: int = _WAV_RATE) -> bytes:
    """What stands before so many bytes of PCM16 mono."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", 36 + data_bytes, b"WAVE")
    return riff + form + struct.pack("<4sI", b"data", data_bytes)


def silent_flac(seconds: int, rate: int) -> bytes:
    """So much silence; FLAC needs next to nothing for it."""
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", samplerate=rate, channels=1, format="FLAC", subtype="PCM_16"
    ) as sound:
        minute = np.zeros(60 * rate, dtype=np.int16)
        for _ in range(seconds // 60):
            sound.write(minute)
    return file.getvalue()


def opening(crowd: Crowd, what: Iterator[bytes], *, reads: bool = True) -> Callable[[], None]:
    """Open a few connections a turn until there is nothing left to say."""

    def each() -> None:
        for _ in range(_OPENED_A_TURN):
            if (data := next(what, None)) is None:
                return
            crowd.open(data, reads=reads)

    return each


@attack("unreadable-upgrades")
def unreadable_upgrades(target: Target) -> Tally:
    """Ask for WebSockets in ways that only one of two parsers takes, and hold the connections."""
    crowd = Crowd(target)
    count = STRAY_UPGRADES if target.ca is None else STRAY_UPGRADES_TLS
    most = 0
    open_some = opening(crowd, (UNREADABLE[n % len(UNREADABLE)] for n in range(count)))

    def each() -> None:
        nonlocal most
        open_some()
        most = max(most, len(crowd.open_peers))

    crowd.run(target.seconds, each)
    held = sum(peer.ended is None and peer.status is None for peer in crowd.peers)
    return Tally.of(crowd, did=f"{count:,} requests", open_at_most=most, held=held)


@attack("half-requests")
def half_requests(target: Target) -> Tally:
    """Begin requests, and leave them so."""
    crowd = Crowd(target)
    half = request("GET", "/healthz")[:-2]
    crowd.run(target.seconds, opening(crowd, iter([half] * HALF_REQUESTS)))
    return Tally.of(crowd, did=f"{HALF_REQUESTS:,} requests without an end")


@attack("slow-uploads")
def slow_uploads(target: Target) -> Tally:
    """Begin uploads, and send a byte a second of each."""
    crowd = Crowd(target)
    first, _ = upload_parts("slow.wav", 1_000_000)
    for _ in range(SLOW_UPLOADS):
        crowd.open(first)
    for _ in range(round(target.seconds)):
        for peer in crowd.open_peers:
            crowd.push(peer, b"x")
        crowd.run(1.0)
    return Tally.of(crowd, did=f"{SLOW_UPLOADS} uploads of a byte a second")


def _upload(crowd: Crowd, name: str, *pieces: bytes) -> Peer | None:
    first, last = upload_parts(name, sum(map(len, pieces)))
    if (peer := crowd.open(first)) is not None:
        crowd.push(peer, *pieces, last)
    return peer


def _silences(target: Target, rate: int) -> Tally:
    flac = silent_flac(SILENCE_S, rate)
    crowd = Crowd(target)
    for number in range(SILENCES):
        _upload(crowd, f"{number}.flac", flac)
    crowd.until(lambda: not crowd.open_peers, target.seconds)
    did = f"{SILENCES} FLAC files of {len(flac) / 1000:.0f} kB, {SILENCE_S // 60} min each"
    return Tally.of(crowd, did=did)


@attack("silent-flacs")
def silent_flacs(target: Target) -> Tally:
    """Upload an hour of silence several times at once."""
    return _silences(target, 16_000)


@attack("silent-flacs-48k")
def silent_flacs_48k(target: Target) -> Tally:
    """The same at a rate at which it is three times as long in samples."""
    return _silences(target, 48_000)


@attack("large-wavs")
def large_wavs(target: Target) -> Tally:
    """Upload recordings just under the limit, all at once."""
    pieces = wav_head(WAV_BYTES), bytes(WAV_BYTES)
    crowd = Crowd(target)
    for number in range(WAVS):
        _upload(crowd, f"{number}.wav", *pieces)
    crowd.until(lambda: not crowd.open_peers, target.seconds)
    did = f"{WAVS} WAV files of {WAV_BYTES / 1e6:.0f} MB"
    return Tally.of(crowd, did=did)


@attack("left-uploads")
def left_uploads(target: Target) -> Tally:
    """Upload recordings that are recognised slowly, and hang up as soon as they are there."""
    crowd = Crowd(target)
    sound = Order.TAKE_NOTHING.sound * 600
    for number in range(LEFT_UPLOADS):
        _upload(crowd, f"{number}.wav", wav_head(len(sound)), sound)
    crowd.until(lambda: not any(peer.out for peer in crowd.open_peers), target.seconds)
    # Long enough for each to reach the recogniser.
    crowd.run(2.0)
    waiting = len(crowd.open_peers)
    for peer in crowd.open_peers:
        crowd.drop(peer)
    did = f"{LEFT_UPLOADS} uploads, {waiting} of them left while they were recognised"
    return Tally.of(crowd, did=did)


def _pipelines(target: Target, path: str) -> Tally:
    crowd = Crowd(target)
    requests = request("GET", path) * REQUESTS
    crowd.run(target.seconds, opening(crowd, iter([requests] * PIPELINES), reads=False))
    did = f"{PIPELINES} connections, {REQUESTS} times {path} on each, nothing read"
    return Tally.of(crowd, did=did)


@attack("pipelined-metrics")
def pipelined_metrics(target: Target) -> Tally:
    """Ask for the metrics many times at once, and read nothing."""
    return _pipelines(target, "/metrics")


@attack("pipelined-health")
def pipelined_health(target: Target) -> Tally:
    """The same with what a load balancer asks for."""
    return _pipelines(target, "/healthz")


@attack("pipelined-status")
def pipelined_status(target: Target) -> Tally:
    """The same with the predecessor's page."""
    return _pipelines(target, "/ws/status")
