"""Carries requests of one client connection to targets and their answers back, WebSockets included.

HTTP is read and written by h11 on both sides, so that what is framed wrongly ends here and every
message is framed anew. Nothing is read that has not yet been written on the other side: a slow
reader slows its writer. Only the end of a client is looked for all the time: with it ends what is
asked of a target for it.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

import h11

from ops.local.gateways import trust
from ops.local.load_balancer.connections import ClientConnection, RequestScheduler
from ops.local.load_balancer.routing import Answer, Request, Target, to_client, to_target

CHUNK = 65_536
HEAD_BYTES = 65_536
"""Largest head of a message; the entire request header of an AWS load balancer may have 64 KB."""
SWITCHING = 101
CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
LINGER_SECONDS = 0.5
log = logging.getLogger("perch.listener")


class TargetError(Exception):
    """The target could not be reached or did not speak HTTP."""


@dataclass(eq=False, slots=True)
class Peer:
    """One side of the proxy: a socket and the state of HTTP on it.

    Args:
        reader: Bytes that come.
        writer: Bytes that go.
        http: The protocol.
        touch: Called whenever something arrives.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    http: h11.Connection
    touch: Callable[[], None]

    async def event(self) -> h11.Event | None:
        """Return the next thing that happens; None when HTTP has nothing more to say for now."""
        while True:
            event = self.http.next_event()
            if isinstance(event, h11.Event):
                return event
            if event is h11.PAUSED:
                return None
            data = await self.reader.read(CHUNK)
            self.touch()
            self.http.receive_data(data)

    async def send(self, event: h11.Event) -> None:
        """Write one thing and wait until there is room for more."""
        data = self.http.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()

    async def close(self) -> None:
        """Close the socket, at the latest after a moment."""
        self.writer.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.writer.wait_closed()
        except OSError:
            self.writer.transport.abort()


@dataclass(eq=False, slots=True, kw_only=True)
class Proxy:
    """Serves client connections.

    Args:
        choose: Says where a request goes.
        idle_seconds: Says for how long nothing may move on a connection.
        port: Port of the listener.
    """

    choose: Callable[[Request], Target | Answer]
    idle_seconds: Callable[[], float]
    port: int
    turns: RequestScheduler = field(default_factory=RequestScheduler)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, place: ClientConnection
    ) -> None:
        """Serve one client until it leaves, misbehaves or falls silent."""
        loop = asyncio.get_running_loop()
        if (peer := writer.get_extra_info("peername")) is None:
            writer.close()  # gone before it was served
            return
        place.address = peer[0]
        try:
            async with asyncio.timeout(self.idle_seconds()) as deadline:

                def touch() -> None:
                    if not deadline.expired():
                        deadline.reschedule(loop.time() + self.idle_seconds())

                http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
                client = Peer(reader, writer, http, touch)
                try:
                    await self._requests(client, place)
                finally:
                    await client.close()
        except TimeoutError:
            log.info("closed after %.0f s without a byte", self.idle_seconds())
        except (OSError, h11.LocalProtocolError) as error:
            log.info("connection lost: %s", error)

    async def _requests(self, client: Peer, place: ClientConnection) -> None:
        while True:
            try:
                event = await client.event()
            except h11.RemoteProtocolError as error:
                await refuse(client, error)
                return
            if not isinstance(event, h11.Request):
                return
            place.begin()
            await self.turns.take()
            await self._request(client, event, place)
            place.end()
            if client.http.our_state is not h11.DONE or client.http.their_state is not h11.DONE:
                return
            client.http.start_next_cycle()
            place.is_pipelining = bool(client.http.trailing_data[0])

    async def _request(self, client: Peer, head: h11.Request, place: ClientConnection) -> None:
        headers = [(bytes(name), bytes(value)) for name, value in head.headers]
        if head.http_version == b"1.0":
            # RFC 9110, 7.8: an upgrade in HTTP/1.0 is to be ignored.
            headers = [pair for pair in headers if pair[0] != b"upgrade"]
        address = place.address
        request = Request(
            method=head.method.decode(),
            target=head.target.decode(),
            headers=headers,
            client=address,
        )
        chosen = self.choose(request)
        if isinstance(chosen, Answer):
            self._log(request, "-", chosen.status)
            await answer(client, chosen)
            return
        try:
            target = await connect(chosen, client.touch)
        except TargetError as error:
            self._log(request, chosen.name, 502)
            await answer(client, Answer(status=502, body=f"{error}\n"))
            return
        try:
            forwarded = h11.Request(
                method=head.method,
                target=head.target,
                headers=to_target(headers, client=address, port=self.port),
            )
            status = await exchange(client, target, forwarded)
            self._log(request, chosen.name, status)
            if status == SWITCHING:
                place.is_websocket = True
                await tunnel(client, target)
        finally:
            await target.close()

    @staticmethod
    def _log(request: Request, target: str, status: int) -> None:
        # Without the query, where a token may stand.
        log.info("%s %s %s %s %d", request.client, request.method, request.path, target, status)


async def connect(target: Target, touch: Callable[[], None]) -> Peer:
    """Open a connection to a target.

    Raises:
        TargetError: It does not answer.
    """
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(
                target.host,
                target.port,
                limit=CHUNK,
                ssl=None if target.identity is None else trust(target.identity),
            )
    except ssl.SSLError as error:
        log.warning("%s: %s", target.name, error)
        raise TargetError(f"{target.name} shows no certificate that is believed") from None
    except OSError:
        raise TargetError(f"{target.name} cannot be reached") from None
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES)
    return Peer(reader, writer, http, touch)


async def exchange(client: Peer, target: Peer, head: h11.Request) -> int:
    """Carry one request to a target and its answer back; return the answer's status.

    The body goes on while the answer may already come. An answer that ends before the body does
    ends the connection; a client that breaks off its body, or leaves before it is answered, ends
    the exchange. After 101 both sides speak something else.
    """
    upload = asyncio.create_task(_upload(client, target, head), name="request body")
    download = asyncio.create_task(_download(client, target), name="answer")
    leaving: asyncio.Task[None] | None = None
    try:
        await asyncio.wait((upload, download), return_when=asyncio.FIRST_COMPLETED)
        if upload.done():
            if not await upload:
                raise ConnectionAbortedError("the client broke off its request")
            leaving = asyncio.create_task(_leave(client), name="client's end")
            await asyncio.wait((download, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not download.done():
                raise ConnectionAbortedError("the client left before it was answered")
        return await download
    except (h11.RemoteProtocolError, TargetError) as error:
        if client.http.our_state is not h11.SEND_RESPONSE:
            raise ConnectionAbortedError(f"the target broke off its answer: {error}") from None
        await answer(client, Answer(status=502, body="the target gave no proper answer\n"))
        return 502
    finally:
        tasks = [task for task in (upload, download, leaving) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _leave(client: Peer) -> None:
    """Return when the client is gone; what it sends meanwhile is kept, up to a bound.

    Beyond the bound nothing more is read, and its end is not seen: it is busy sending.
    """
    kept = len(client.http.trailing_data[0])
    while kept <= HEAD_BYTES:
        try:
            data = await client.reader.read(CHUNK)
        except OSError:
            return
        if not data:
            return
        client.touch()
        client.http.receive_data(data)
        kept += len(data)
    await asyncio.Event().wait()


async def _upload(client: Peer, target: Peer, head: h11.Request) -> bool:
    """Send a request on; return False when the client broke it off."""
    event: h11.Event = head
    while True:
        # A target may answer and close before it has read all: its answer is what counts.
        with contextlib.suppress(OSError):
            await target.send(event)
        if isinstance(event, h11.EndOfMessage):
            return True
        try:
            following = await client.event()
        except (OSError, h11.RemoteProtocolError):
            return False
        if not isinstance(following, h11.Data | h11.EndOfMessage):
            return False
        event = following


async def _download(client: Peer, target: Peer) -> int:
    status = 0
    while True:
        event = await target.event()
        match event:
            case h11.InformationalResponse(status_code=101):  # SWITCHING
                await client.send(_for_client(event))
                return SWITCHING
            case h11.InformationalResponse():
                await client.send(_for_client(event))
            case h11.Response():
                status = event.status_code
                await client.send(_for_client(event))
            case h11.Data():
                await client.send(event)
            case h11.EndOfMessage():
                await client.send(event)
                return status
            case _:
                raise TargetError("it closed the connection")


def _for_client(
    response: h11.Response | h11.InformationalResponse,
) -> h11.Response | h11.InformationalResponse:
    headers = to_client([(bytes(name), bytes(value)) for name, value in response.headers])
    if response.status_code in {SWITCHING, 426}:  # the other one is Upgrade Required
        headers += [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    return type(response)(status_code=response.status_code, headers=headers, reason=response.reason)


async def tunnel(client: Peer, target: Peer) -> None:
    """Carry bytes both ways until either side ends."""
    async with asyncio.TaskGroup() as group:
        ways = [
            group.create_task(_copy(client, target), name="to target"),
            group.create_task(_copy(target, client), name="to client"),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()


async def _copy(source: Peer, sink: Peer) -> None:
    data, _ = source.http.trailing_data
    with contextlib.suppress(OSError):
        while True:
            if data:
                sink.writer.write(data)
                await sink.writer.drain()
            data = await source.reader.read(CHUNK)
            source.touch()
            if not data:
                return


async def answer(client: Peer, given: Answer) -> None:
    """Answer a request here, and end the connection with it."""
    body = given.body.encode()
    headers = [
        ("content-type", given.content_type),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    await client.send(h11.Response(status_code=given.status, headers=headers))
    await client.send(h11.Data(data=body))
    await client.send(h11.EndOfMessage())
    await linger(client)


async def linger(client: Peer) -> None:
    """Read on for a moment what a client still sends.

    Closing a socket with unread bytes resets it, and the client would lose the answer.
    """
    if client.http.their_state not in {h11.SEND_BODY, h11.ERROR}:
        return
    with contextlib.suppress(OSError):
        async with asyncio.timeout(LINGER_SECONDS):
            while await client.reader.read(CHUNK):
                pass


async def refuse(client: Peer, error: h11.RemoteProtocolError) -> None:
    """Tell a client that what it sent is not HTTP, where an answer is still possible."""
    if client.http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
        # Without the bytes, which h11 repeats as Python writes them.
        reason = str(error).partition(": bytearray(")[0]
        body = f"This is no proper HTTP request: {reason}\n"
        await answer(client, Answer(status=error.error_status_hint, body=body))
