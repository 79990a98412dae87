"""Sockets of an attacker: bytes made beforehand, pushed with as little work of its own as can be.

One thread, one epoll, no framework: what costs time is to be the gateway's answer and not the
attack.
"""

from __future__ import annotations

import errno
import re
import secrets
import select
import socket
import ssl
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

HOST: Final = "127.0.0.1"
ATTACKER: Final = "127.0.0.2"
"""Loopback has sixteen million addresses; limits by client are limits by address here."""
_READ: Final = 1 << 18
_HEAD_BYTES: Final = 4096
_HANDSHAKE_S: Final = 5.0
_CODE: Final = re.compile(rb'"code": ?"([a-z_]+)"')
_WANTS: Final = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is attacked.

    Attributes:
        port: On 127.0.0.1.
        ca: File with the authority of its certificate; None where there is no TLS.
        seconds: How long the attack lasts.
        begin: Told when everything is made that takes time to make.
    """

    port: int
    ca: str | None = None
    seconds: float = 10.0
    begin: Callable[[], None] = lambda: None

    @property
    def tls(self) -> ssl.SSLContext | None:
        """A client's context for it."""
        return None if self.ca is None else ssl.create_default_context(cafile=self.ca)


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A client's WebSocket frame; the mask is zero, which saves both sides the work."""
    return frame_head(opcode, len(payload), fin=fin) + payload


def frame_head(opcode: int, length: int, *, fin: bool = True) -> bytes:
    """What stands before the payload of such a frame."""
    first = (0x80 if fin else 0) | opcode
    if length < 126:
        size = bytes([0x80 | length])
    elif length < 1 << 16:
        size = b"\xfe" + length.to_bytes(2, "big")
    else:
        size = b"\xff" + length.to_bytes(8, "big")
    return bytes([first]) + size + bytes(4)


CONTINUATION, TEXT, BINARY, PING, PONG = 0, 1, 2, 9, 10


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    """An HTTP request; each header is a whole line."""
    lines = (f"{method} {path} HTTP/1.1", "Host: localhost", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1") + body


def upgrade(path: str = "/ws", *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request for a WebSocket."""
    own = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    return request(method, path, *own, *headers, body=body)


def upload_parts(name: str, length: int) -> tuple[bytes, bytes]:
    """What stands before and after a file of that length in `POST /transcribe/file`."""
    boundary = secrets.token_hex(8)
    part = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    ).encode()
    last = f"\r\n--{boundary}--\r\n".encode()
    head = request(
        "POST",
        "/transcribe/file",
        f"Content-Type: multipart/form-data; boundary={boundary}",
        f"Content-Length: {len(part) + length + len(last)}",
    )
    return head + part, last


@dataclass(slots=True, eq=False)
class Peer:
    """One connection of an attacker.

    Attributes:
        sock: Its socket.
        reads: Whether it reads what comes.
        out: What is still to be sent, in order.
        sent: Bytes that went out.
        received: Bytes that came.
        head: The first of them.
        code: Error code of the contract, as last read.
        ended: How it came to an end, None as long as it is open.
        opened_at: Monotonic.
        answered_at: When the first byte came.
    """

    sock: socket.socket
    reads: bool = True
    out: list[memoryview] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    head: bytes = b""
    code: str | None = None
    ended: str | None = None
    opened_at: float = field(default_factory=monotonic)
    answered_at: float | None = None

    @property
    def status(self) -> int | None:
        """HTTP status of the first answer."""
        parts = self.head.split(b" ", 2)
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None

    @property
    def is_websocket(self) -> bool:
        """Whether it was upgraded."""
        return self.status == 101 and b"\r\n\r\n" in self.head

    @property
    def outcome(self) -> str:
        """What became of it, for counting."""
        status = "" if self.status in {None, 101} else f"{self.status} "
        what = f"{status}{self.code or ''}".strip()
        if self.ended is None:
            if self.status is None:
                return "open, no answer"
            return f"open, {what}" if what else "open"
        return what or f"{self.ended} without an answer"


class Crowd:
    """Many connections of one attacker; the attack begins with it.

    Args:
        target: Where they go.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.peers: list[Peer] = []
        self.failed: Counter[str] = Counter()
        self._tls = target.tls
        self._poll = select.epoll()
        self._by_fd: dict[int, Peer] = {}
        target.begin()

    def open(self, data: bytes = b"", *, source: str = ATTACKER, reads: bool = True) -> Peer | None:
        """Connect and queue bytes; None where that fails, which is counted."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._connect(sock, source)
        except OSError as error:
            sock.close()
            self.failed[errno.errorcode.get(error.errno or 0, type(error).__name__)] += 1
            return None
        if self._tls is not None:
            try:
                sock.settimeout(_HANDSHAKE_S)
                sock = self._tls.wrap_socket(sock, server_hostname="localhost")
            except OSError as error:
                sock.close()
                self.failed[f"TLS {type(error).__name__}"] += 1
                return None
        sock.setblocking(False)
        peer = Peer(sock, reads)
        self.peers.append(peer)
        self._by_fd[sock.fileno()] = peer
        self._poll.register(sock.fileno(), self._mask(peer))
        self.push(peer, data)
        return peer

    def _connect(self, sock: socket.socket, source: str) -> None:
        # Else each address has as many ports as one destination may have connections at all.
        sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        sock.bind((source, 0))
        sock.settimeout(_HANDSHAKE_S)
        sock.connect((HOST, self.target.port))

    def push(self, peer: Peer, *pieces: bytes | memoryview) -> None:
        """Queue bytes, and send what goes out at once."""
        peer.out += [memoryview(piece) for piece in pieces if len(piece)]
        self._flush(peer)

    def drop(self, peer: Peer) -> None:
        """Hang up."""
        if peer.ended is None:
            self._end(peer, "hung up")

    def run(self, seconds: float, each: Callable[[], None] | None = None) -> None:
        """Let everything flow for so long; `each` is called a hundred times a second."""
        ends = monotonic() + seconds
        while (left := ends - monotonic()) > 0:
            if each is not None:
                each()
            self.turn(min(0.01, left) if each is not None else left)

    def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Let everything flow until something holds; False where it does not in time."""
        ends = monotonic() + seconds
        while not holds():
            if (left := ends - monotonic()) <= 0:
                return False
            self.turn(min(0.05, left))
        return True

    def turn(self, seconds: float) -> None:
        """Wait for something to happen, so long at most, and serve it."""
        for fd, events in self._poll.poll(seconds, 512):
            if (peer := self._by_fd.get(fd)) is None:
                continue
            if events & select.EPOLLIN and peer.reads:
                self._take(peer)
            elif events & (select.EPOLLHUP | select.EPOLLERR):
                self._end(peer, "reset")
            elif events & select.EPOLLRDHUP and not peer.reads:
                self._end(peer, "closed")
            if events & select.EPOLLOUT and peer.ended is None:
                self._flush(peer)

    @property
    def open_peers(self) -> list[Peer]:
        """Those not ended."""
        return [peer for peer in self.peers if peer.ended is None]

    def outcomes(self) -> dict[str, int]:
        """How many connections came to what; those that could not be made included."""
        made = Counter(peer.outcome for peer in self.peers)
        return dict(made + Counter({f"not connected ({why})": n for why, n in self.failed.items()}))

    @property
    def sent(self) -> int:
        """Bytes, over all."""
        return sum(peer.sent for peer in self.peers)

    def close(self) -> None:
        """Hang up everywhere."""
        for peer in self.peers:
            if peer.ended is None:
                peer.sock.close()
        self._poll.close()

    def _mask(self, peer: Peer) -> int:
        mask = select.EPOLLRDHUP | (select.EPOLLIN if peer.reads else 0)
        return mask | (select.EPOLLOUT if peer.out else 0)

    def _flush(self, peer: Peer) -> None:
        waited = bool(peer.out)
        try:
            while peer.out:
                count = peer.sock.send(peer.out[0])
                peer.sent += count
                peer.out[0] = peer.out[0][count:]
                if not peer.out[0]:
                    del peer.out[0]
        except _WANTS:
            pass
        except OSError:
            # What the other side said before it closed may still be there to read.
            peer.out.clear()
            self._take(peer)
            if peer.ended is None:
                self._end(peer, "reset")
            return
        if waited and peer.ended is None:
            self._poll.modify(peer.sock.fileno(), self._mask(peer))

    def _take(self, peer: Peer) -> None:
        try:
            while True:
                data = peer.sock.recv(_READ)
                if not data:
                    self._end(peer, "closed")
                    return
                if not peer.received:
                    peer.answered_at = monotonic()
                peer.received += len(data)
                if len(peer.head) < _HEAD_BYTES:
                    peer.head += data[:_HEAD_BYTES]
                if found := _CODE.search(data):
                    peer.code = found[1].decode()
        except _WANTS:
            return
        except OSError:
            self._end(peer, "reset")

    def _end(self, peer: Peer, how: str) -> None:
        if peer.ended is not None:
            return
        peer.ended = how
        peer.out.clear()
        self._poll.unregister(peer.sock.fileno())
        del self._by_fd[peer.sock.fileno()]
        peer.sock.close()


_BIND_ADDRESS_NO_PORT: Final = 24
"""IP_BIND_ADDRESS_NO_PORT of linux/in.h: Python 3.11 has no name for it."""
