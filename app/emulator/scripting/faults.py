"""Execution of a stream's script: waits for the fault's condition and makes it happen."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from app.emulator.recognition import Hypothesis
from app.emulator.refusals import RefusalError
from app.emulator.scripting.script import Fail, Fault, Kill, Stall, StreamScript


def _plain_address(host: str) -> IPv4Address | IPv6Address:
    """Return an address as dialled: gRPC's IPv6 sockets accept IPv4 callers too."""
    address = ip_address(host)
    return getattr(address, "ipv4_mapped", None) or address


def cut_connection(peer: str) -> None:
    """Break the TCP connection that a gRPC peer string names, with every call on it.

    gRPC does not hand out its sockets, so the socket is found among this process's own by the
    address at its far end (Linux).

    Args:
        peer: As `ServicerContext.peer()` gives it: `ipv4:127.0.0.1:1234` or `ipv6:[::1]:1234`.

    Raises:
        LookupError: No socket of this process is connected to the peer.
    """
    _, _, address = unquote(peer).partition(":")
    host, _, port = address.rpartition(":")
    wanted = (_plain_address(host.strip("[]")), int(port))
    for entry in Path("/proc/self/fd").iterdir():
        with (
            contextlib.suppress(OSError, ValueError),
            socket.socket(fileno=os.dup(int(entry.name))) as found,
        ):
            far_host, far_port = found.getpeername()[:2]
            if (_plain_address(far_host), far_port) == wanted:
                found.shutdown(socket.SHUT_RDWR)
                return
    raise LookupError(f"no connection to {peer} among this process's sockets")


class FaultTrigger:
    """Watches one stream until its fault is due.

    Args:
        fault: What is to happen, or None.
    """

    def __init__(self, fault: Fault | None) -> None:
        self._fault = fault
        self._due = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()
        self._results = 0
        self._heard = 0.0
        self._count()

    def received(self, audio_seconds: float) -> None:
        """Note the audio received so far."""
        self._heard = audio_seconds
        self._count()

    def delivered(self) -> None:
        """Note that a result was sent."""
        self._results += 1
        self._count()

    def _count(self) -> None:
        if self._fault is None:
            return
        after = self._fault.after
        by_results = after.results is not None and self._results >= after.results
        by_audio = after.audio_seconds is not None and self._heard >= after.audio_seconds
        if after.at_once or by_results or (by_audio and self._heard > 0):
            self._due.set()

    async def due(self) -> Fault:
        """Wait until the fault is due; for ever where there is none."""
        if self._fault is None:
            await asyncio.get_running_loop().create_future()
            raise AssertionError("an unset future has no result")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._fault.after.seconds):
                await self._due.wait()
        self._due.set()
        if isinstance(self._fault, Stall) and self._fault.stop_reading:
            self._reading.clear()
        return self._fault

    async def may_read(self) -> None:
        """Wait while the script stops the reading of audio."""
        await self._reading.wait()

    def over(self) -> None:
        """End the stall."""
        self._reading.set()


async def inject(
    fault: Fault, trigger: FaultTrigger, peer: str, kill_process: Callable[[], None]
) -> None:
    """Make a fault happen; returns only from a stall that ends.

    Raises:
        RefusalError: The fault is a status.
    """
    match fault:
        case Fail():
            raise RefusalError(fault.code, fault.message)
        case Kill(what="process"):
            kill_process()
        case Kill():
            cut_connection(peer)
        case Stall(seconds=float(seconds)):
            await asyncio.sleep(seconds)
            trigger.over()
            return
        case Stall():
            pass
    # Dead or silent from here on: the client, or the broken connection, cancels this call.
    await asyncio.get_running_loop().create_future()


async def shaped(
    heard: AsyncIterator[Hypothesis], script: StreamScript
) -> AsyncGenerator[Hypothesis]:
    """Yield the results as the script shapes them: delayed, or without finals."""
    closed: list[str] = []
    last: Hypothesis | None = None
    async for result in heard:
        if script.result_delay:
            await asyncio.sleep(script.result_delay)
        if script.finals == "heard" or result.text is None:
            yield result
            continue
        if result.is_final:
            closed.append(result.text)
        open_text = "" if result.is_final else result.text
        last = replace(
            result,
            text=" ".join(filter(None, (*closed, open_text))),
            is_final=False,
            words=(),
            confidence=None,
        )
        yield last
    if last is not None and script.finals == "at_half_close":
        yield replace(last, text=" ".join(closed), is_final=True, stability=None)


async def until_due(
    results: AsyncGenerator[Hypothesis],
    trigger: FaultTrigger,
    inject_now: Callable[[Fault], Any],
) -> AsyncGenerator[Hypothesis]:
    """Yield results up to the fault, and after it where it is a stall that ends."""
    due = asyncio.ensure_future(trigger.due())
    pending: asyncio.Future[Hypothesis] | None = None
    struck = False
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(results))
            watched: list[asyncio.Future[Any]] = [pending] if struck else [pending, due]
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if due.done() and not struck:
                struck = True
                await inject_now(due.result())
                continue
            try:
                result = await pending
            except StopAsyncIteration:
                return
            pending = None
            yield result
    finally:
        unfinished = [task for task in (due, pending) if task is not None]
        for task in unfinished:
            task.cancel()
        # The generator can only be closed once nobody is inside it any more.
        await asyncio.gather(*unfinished, return_exceptions=True)
        await results.aclose()
