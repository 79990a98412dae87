"""`python -m tests.abuse.witness`: the others at a gateway, as a process of their own.

One has a live session and pings in it by the clock, whether the ping before was answered or not: a
gateway that stands still for a second must not be asked less often in it. Others come in turn, each
from an address that nobody had before, and want a session, a transcript or a sign of life.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
from contextlib import suppress
from dataclasses import asdict
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Final

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.abuse.attacks.http import wav_head
from tests.abuse.observations import OK, Visit
from tests.abuse.wire import HOST, request, upload_parts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

NEIGHBOUR: Final = "127.0.0.3"
PING_S: Final = 0.2
PIECE_S: Final = 0.1
PIECE: Final = bytes(3200)
PATIENCE_S: Final = 5.0
"""For a session, a transcript of a second, or a health check."""
EVERY_S: Final = {"session": 1.0, "upload": 2.0, "health": 0.5}
START: Final = json.dumps({"type": "start_transcription"})
STOP: Final = json.dumps({"type": "stop_transcription"})


def newcomers() -> Iterator[str]:
    """Addresses, each of them once."""
    for number in count(256):
        yield f"127.7.{number >> 8}.{number & 255}"


class Witness:
    """Looks at one gateway.

    Args:
        port: On 127.0.0.1.
        tls: For a port that speaks it.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None) -> None:
        self._port = port
        self._tls = tls
        self._addresses = newcomers()
        self.pings: list[tuple[float, float | None]] = []
        self.visits: list[Visit] = []
        self.finals = 0
        self.ended: str | None = None

    async def look(self, started: asyncio.Event, enough: asyncio.Event) -> None:
        """Live beside the gateway until it is enough."""
        visitors: dict[str, Callable[[str], Awaitable[None]]] = {
            "session": self._session,
            "upload": self._upload,
            "health": self._health,
        }
        living = asyncio.create_task(self._live(started))
        await started.wait()
        async with asyncio.TaskGroup() as tasks:
            for what, visit in visitors.items():
                tasks.create_task(self._come(what, visit, enough))
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)

    def said(self) -> dict[str, object]:
        """Everything that was seen."""
        now = monotonic()
        pings = [(at, now - at if seconds is None else seconds) for at, seconds in self.pings]
        return {
            "pings": [[round(at, 4), round(seconds, 5)] for at, seconds in pings],
            "visits": [asdict(visit) for visit in self.visits],
            "finals": self.finals,
            "ended": self.ended,
        }

    # The neighbour

    async def _live(self, started: asyncio.Event) -> None:
        try:
            async with self._line(NEIGHBOUR) as line:
                await line.send(START)
                await self._until(line, "session_started")
                started.set()
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._speak(line))
                    tasks.create_task(self._ping(line))
                    tasks.create_task(self._listen(line))
        except* (OSError, WebSocketException, RefusedError) as group:
            self.ended = self.ended or _first(group)
        started.set()

    def _line(self, address: str) -> connect:
        scheme = "ws" if self._tls is None else "wss"
        return connect(
            f"{scheme}://localhost:{self._port}/ws",
            host=HOST,
            port=self._port,
            ssl=self._tls,
            local_addr=(address, 0),
            compression=None,
            ping_interval=None,
            open_timeout=PATIENCE_S,
            close_timeout=0.2,
            proxy=None,
        )

    @staticmethod
    async def _until(line: ClientConnection, kind: str) -> None:
        while (message := json.loads(await line.recv()))["type"] != kind:
            if message["type"] == "error":
                raise RefusedError(str(message["code"]))

    @staticmethod
    async def _speak(line: ClientConnection) -> None:
        due = monotonic()
        while True:
            await line.send(PIECE)
            due += PIECE_S
            await asyncio.sleep(due - monotonic())

    async def _ping(self, line: ClientConnection) -> None:
        due = monotonic()
        while True:
            asyncio.get_running_loop().create_task(self._one_ping(line)).add_done_callback(_seen)
            due += PING_S
            await asyncio.sleep(due - monotonic())

    async def _one_ping(self, line: ClientConnection) -> None:
        number, sent_at = len(self.pings), monotonic()
        self.pings.append((sent_at, None))
        await (await line.ping())
        self.pings[number] = (sent_at, monotonic() - sent_at)

    async def _listen(self, line: ClientConnection) -> None:
        async for text in line:
            message = json.loads(text)
            self.finals += message["type"] == "transcription"
            if message["type"] == "error":
                self.ended = str(message["code"])

    # Those who come

    async def _come(
        self, what: str, visit: Callable[[str], Awaitable[None]], enough: asyncio.Event
    ) -> None:
        """Send one after the other until it is enough, and wait for those on their way."""
        due = monotonic()
        async with asyncio.TaskGroup() as tasks:
            while not enough.is_set():
                tasks.create_task(self._visit(what, visit))
                due += EVERY_S[what]
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, due - monotonic())):
                        await enough.wait()

    async def _visit(self, what: str, visit: Callable[[str], Awaitable[None]]) -> None:
        came = monotonic()
        outcome = OK
        try:
            async with asyncio.timeout(PATIENCE_S):
                await visit(next(self._addresses))
        except TimeoutError:
            outcome = f"not within {PATIENCE_S:g} s"
        except InvalidStatus as refusal:
            outcome = _refusal(refusal.response.status_code, refusal.response.body or b"")
        except RefusedError as refusal:
            outcome = str(refusal)
        except (OSError, WebSocketException) as error:
            outcome = type(error).__name__
        seconds = round(monotonic() - came, 4)
        self.visits.append(Visit(at=round(came, 4), what=what, outcome=outcome, seconds=seconds))

    async def _session(self, address: str) -> None:
        async with self._line(address) as line:
            await line.send(START)
            await self._until(line, "session_started")
            await line.send(PIECE)
            await line.send(STOP)
            await self._until(line, "session_stopped")

    async def _upload(self, address: str) -> None:
        sound = wav_head(10 * len(PIECE)) + PIECE * 10
        first, last = upload_parts("short.wav", len(sound))
        await self._ask(address, first + sound + last)

    async def _health(self, address: str) -> None:
        await self._ask(address, request("GET", "/healthz"))

    async def _ask(self, address: str, what: bytes) -> None:
        reader, writer = await asyncio.open_connection(
            HOST,
            self._port,
            local_addr=(address, 0),
            ssl=self._tls,
            server_hostname=None if self._tls is None else "localhost",
        )
        try:
            writer.write(what)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            body = await reader.readexactly(length)
            status = int(head.split(b" ", 2)[1])
        except asyncio.IncompleteReadError:
            raise RefusedError("closed without an answer") from None
        finally:
            writer.close()
        if status != 200:
            raise RefusedError(_refusal(status, body))


class RefusedError(Exception):
    """Somebody was sent away."""


def _refusal(status: int, body: bytes) -> str:
    code = ""
    with suppress(ValueError, KeyError, TypeError):
        code = str(json.loads(body)["code"])
    return f"{status} {code}".strip()


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _seen(task: asyncio.Task[None]) -> None:
    """Look at how a ping ended: a connection that is gone is told once, by its reader."""
    if not task.cancelled():
        task.exception()


async def run(port: int, tls: ssl.SSLContext | None) -> None:
    """Look until SIGTERM."""
    started, enough = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, enough.set)
    witness = Witness(port, tls)
    looking = asyncio.create_task(witness.look(started, enough))
    await started.wait()
    say("started")
    await looking
    say("seen", **witness.said())


def say(event: str, **fields: object) -> None:
    """Tell whoever started it."""
    print(json.dumps({"event": event, **fields}), flush=True)  # noqa: T201


def main(arguments: list[str]) -> int:
    """Look at one port."""
    parser = argparse.ArgumentParser(prog="python -m tests.abuse.witness")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ca")
    options = parser.parse_args(arguments)
    tls = None if options.ca is None else ssl.create_default_context(cafile=options.ca)
    uvloop.run(run(options.port, tls))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
