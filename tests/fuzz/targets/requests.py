"""Bytes at the gateway's own socket: the whole server, its routes and uploads, over TCP.

Beside each input a neighbour asks for something that only it asks for. It has its answer, and
nobody else has a byte of it. The recogniser is a stand-in that decodes a recording and hears
nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cache
from itertools import count
from typing import BinaryIO, Final, cast

from app.asr import FileAudio, FileLimits, FileTranscript, RivaASRClient
from app.gateway.server.app import create_app
from app.gateway.server.process import bind, build_server
from app.gateway.settings.gateway import GatewaySettings
from tests.fuzz.target import Target
from tests.fuzz.targets.looping import loop, ran
from tests.support.memory_recogniser import MemoryRecogniser

_TOKEN: Final = "the-token-of-the-list-a-secret"
_WITHIN_S: Final = 8.0
_QUIET_S: Final = 0.02
"""For a connection that the server keeps open, as after half a request or an upgrade."""
_numbers: Final = count()


class _Recogniser(MemoryRecogniser):
    """Takes files too."""

    def file(
        self, audio: BinaryIO, *, max_bytes: int, max_duration: float, programs: bool
    ) -> FileAudio:
        return FileAudio(
            audio, FileLimits(max_bytes=max_bytes, max_duration=max_duration, programs=programs)
        )

    async def transcribe_file(self, audio: FileAudio, **_: object) -> FileTranscript:
        async for _block in audio.from_sample(0, 1 << 16):
            pass
        return FileTranscript(text="", words=(), confidence=None, duration=audio.duration)

    async def aclose(self) -> None:
        pass


@cache
def _port(loop: asyncio.AbstractEventLoop) -> int:
    """Start the gateway; return where it listens."""
    settings = GatewaySettings.model_validate(
        {
            "app_host": "127.0.0.1",
            "app_port": 0,
            "app_auth_tokens": _TOKEN,
            "app_allowed_hosts": "perch.example",
            "app_resume_keys": "k" * 32,
            "app_max_upload_mb": 1,
            "ws_new_sessions_per_minute": 0,
            "ws_client_new_sessions_per_minute": 0,
        }
    )
    listener = bind(settings)
    server = build_server(settings, create_app(settings, cast("RivaASRClient", _Recogniser())))
    loop.create_task(server.serve(sockets=[listener]))

    async def begun() -> None:
        async with asyncio.timeout(_WITHIN_S):
            while not server.started:  # noqa: ASYNC110 - a turn or two
                await asyncio.sleep(0.01)

    loop.run_until_complete(begun())
    port: int = listener.getsockname()[1]
    return port


def _request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    host = b"Host: perch.example"
    return b"\r\n".join([line, host, *headers, b"", body])


def seeds() -> list[bytes]:
    """Requests for every route, upgrades, uploads, and what goes wrong with them."""
    token = b"Authorization: Bearer " + _TOKEN.encode()
    upgrade = [
        b"Connection: Upgrade",
        b"Upgrade: websocket",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80>\0\0\0}\0\0\2\0\x10\0data\x08\0\0\0"
        b"\1\0\2\0\3\0\4\0\r\n--x--\r\n"
    )
    kind = b"Content-Type: multipart/form-data; boundary=x"
    post = b"POST /transcribe/file HTTP/1.1"
    pages = [
        _request(b"GET " + path + b" HTTP/1.1")
        for path in (
            *(b"/", b"/healthz", b"/readyz?ignore=capacity", b"/health", b"/ws/status", b"/ui"),
            *(b"/static/app.js", b"/static/../server/app.py", b"/ws", b"/no/such/page?token=x"),
            *(b"/%00", b"/%ff/..%2f..", b"http://perch.example/healthz", b"*", b"//evil.example/"),
        )
    ]
    return [
        *pages,
        pages[1] * 4,
        _request(b"HEAD /ui HTTP/1.1") + _request(b"OPTIONS * HTTP/1.1"),
        _request(b"GET / HTTP/1.0", b"Accept: text/html;q=1"),
        _request(b"GET /ws HTTP/1.1", *upgrade, token)
        + bytes.fromhex("818000000000")
        + b"\x88\x80",
        _request(b"GET /ws HTTP/1.1", *upgrade, b"Sec-WebSocket-Protocol: perch, bearer.x"),
        _request(b"GET /ws/transcribe HTTP/1.1", *upgrade, token, b"Origin: https://evil.example"),
        _request(post, token, kind, b"Content-Length: %d" % len(form), body=form),
        _request(post, kind, b"Content-Length: %d" % len(form), body=form),
        _request(
            post,
            token,
            kind,
            b"Transfer-Encoding: chunked",
            body=b"%x\r\n%b\r\n0\r\nX: y\r\n\r\n" % (len(form), form),
        ),
        _request(post, token, kind, b"Content-Length: 00010", body=form[:10]),
        _request(post, token, b"Expect: 100-continue", b"Content-Length: 4", body=b"abcd"),
        _request(post, b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nG"),
        _request(b"GET / HTTP/1.1", b"Range: bytes=0-0,5-"),
        _request(b"GET /ui HTTP/1.1", b"If-None-Match: *", b"If-Range: x", b"Range: bytes=-1"),
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]


def check(data: bytes) -> None:
    """Send an input to the gateway, and look at the answer and at the neighbour's."""
    port = _port(loop())
    ran(_beside_a_neighbour(port, data))


async def _beside_a_neighbour(port: int, data: bytes) -> None:
    mark = b"neighbour-%d" % next(_numbers)
    async with asyncio.timeout(_WITHIN_S):
        answer, neighbours = await asyncio.gather(
            _answer(port, data),
            _answer(
                port, _request(b"GET /" + mark + b" HTTP/1.1", b"Connection: close"), whole=True
            ),
        )
    assert neighbours.startswith(b"HTTP/1.1 404 "), neighbours
    assert mark in neighbours, neighbours
    assert b"neighbour-" not in answer or b"neighbour-" in data, answer
    assert _TOKEN.encode() not in answer or _TOKEN.encode() in data, answer
    assert b"internal_error" not in answer or b"internal_error" in data, answer
    assert not answer or answer.startswith(b"HTTP/1.1 "), answer


async def _answer(port: int, data: bytes, *, whole: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = bytearray()
    with suppress(ConnectionError):
        writer.write(data)
        with suppress(TimeoutError):
            await _read(reader, received, None if whole else _QUIET_S)
    writer.transport.abort()
    return bytes(received)


async def _read(
    reader: asyncio.StreamReader, received: bytearray, patience_s: float | None
) -> None:
    """Read to the end, or until nothing has come for a moment."""
    async with asyncio.timeout(patience_s) as patience:
        while piece := await reader.read(1 << 16):
            received += piece
            if patience_s is not None:
                patience.reschedule(asyncio.get_running_loop().time() + patience_s)


REQUESTS: Final = Target(
    name="requests",
    title="Requests to the whole gateway, over TCP",
    seeds=seeds,
    check=check,
    longest=8192,
)
