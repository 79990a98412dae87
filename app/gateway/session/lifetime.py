"""Warns and ends a connection by its limits, the drain and the kill switch."""

import asyncio
from enum import StrEnum
from time import monotonic
from typing import Protocol

from app.contract import ContractError, ErrorCode, WarningCode
from app.gateway.core import Gateway
from app.gateway.session.client_writer import ClientWriter
from app.gateway.session.deadlines import Deadline, Deadlines
from app.gateway.session.endings import AS_ASKED, Ending, failed, over
from app.gateway.session.heartbeat import Heartbeats
from app.gateway.session.recognition import Recognition
from app.gateway.session.states import State


class Command(StrEnum):
    """What the gateway asks of a connection, the most urgent first."""

    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    DRAIN = "drain"
    RECOGNITION_OFF = "recognition_off"
    RECOGNITION_MOVED = "recognition_moved"


class CommandQueue:
    """Holds commands until the connection takes them, the most urgent first; each once."""

    def __init__(self) -> None:
        self._pending: set[Command] = set()
        self._is_pending = asyncio.Event()

    def put(self, command: Command) -> None:
        """Add a command."""
        self._pending.add(command)
        self._is_pending.set()

    async def get(self) -> Command:
        """Wait for a command and take it."""
        await self._is_pending.wait()
        command = next(each for each in Command if each in self._pending)
        self._pending.discard(command)
        if not self._pending:
            self._is_pending.clear()
        return command


class WatchedConnection(Protocol):
    """A connection, as the watcher sees it."""

    state: State
    recognition: Recognition | None
    heartbeats: Heartbeats | None
    ending: Ending | None

    async def stop(self) -> None:
        """End the audio of the session that runs."""


class LifetimeWatcher:
    """Watches one connection's deadlines, and carries out the gateway's commands.

    Args:
        gateway: Has the times of a drain.
        connection: The connection.
        writer: Warns the client.
        deadlines: Its deadlines.
    """

    def __init__(
        self,
        gateway: Gateway,
        connection: WatchedConnection,
        writer: ClientWriter,
        deadlines: Deadlines,
    ) -> None:
        self._gateway = gateway
        self._settings = gateway.settings
        self._connection = connection
        self._writer = writer
        self._deadlines = deadlines
        self._commands = CommandQueue()

    def command(self, command: Command) -> None:
        """Have a command carried out."""
        self._commands.put(command)

    async def run(self) -> None:
        """Watch until the connection ends.

        Raises:
            ConnectionEndError: It is to end now.
        """
        while True:
            at, deadline = self._deadlines.next()
            try:
                async with asyncio.timeout(max(0.0, at - monotonic())):
                    command = await self._commands.get()
            except TimeoutError:
                await self._on_deadline(deadline)
            else:
                await self._on_command(command)

    async def _on_deadline(self, deadline: Deadline) -> None:
        if not self._deadlines.is_due(deadline):
            return
        settings = self._settings
        match deadline:
            case Deadline.IDLE_WARNING | Deadline.IDLE_END if (
                self._connection.state is State.WAITING
            ):
                # It sends nothing because it waits for a slot.
                self._deadlines.note_message()
                return
            case Deadline.IDLE_WARNING:
                await self._writer.warn(
                    WarningCode.IDLE, self._deadlines.seconds_to(Deadline.IDLE_END)
                )
            case Deadline.IDLE_END:
                limit = settings.ws_idle_timeout_s
                await self._end_with(ContractError(ErrorCode.IDLE_TIMEOUT, seconds=limit))
            case Deadline.SESSION_WARNING:
                left = self._deadlines.seconds_to(Deadline.SESSION_END)
                maximum = self._deadlines.longest_session
                await self._writer.warn(WarningCode.SESSION_ENDING, left, maximum=maximum)
            case Deadline.SESSION_END:
                limit = self._deadlines.longest_session
                await self._end_with(ContractError(ErrorCode.SESSION_TOO_LONG, seconds=limit))
        self._deadlines.mark_done(deadline)

    async def _on_command(self, command: Command) -> None:
        match command:
            case Command.SUPERSEDED:
                raise over(ContractError(ErrorCode.SUPERSEDED))
            case Command.REVOKED:
                await self._end_with(ContractError(ErrorCode.UNAUTHORIZED))
            case Command.DRAIN:
                await self._drain()
            case Command.RECOGNITION_OFF if self._connection.state is State.STREAMING:
                await self._end_with(ContractError(ErrorCode.RECOGNITION_OFF))
            case Command.RECOGNITION_MOVED if self._connection.recognition is not None:
                await self._writer.warn(WarningCode.RECOGNITION_MOVED)

    async def _drain(self) -> None:
        connection, times = self._connection, self._gateway.drain_times
        error = ContractError(ErrorCode.GOING_AWAY)
        if connection.state in {State.IDLE, State.WAITING} or times is None:
            raise over(error)
        self._will_end_with(error)
        await self._writer.warn(WarningCode.GOING_AWAY, max(0.0, times.finalise_at - monotonic()))
        if connection.heartbeats is not None:
            # With the newest point in hand, a client that can resume may leave at once.
            await connection.heartbeats.send()
        if await self._is_switched_off_by(times.finalise_at):
            error = ContractError(ErrorCode.RECOGNITION_OFF)
        elif self._can_be_handed_over():
            # Finals made now would cut a word in two; the next gateway recognises it again.
            raise over(ContractError(ErrorCode.DRAIN_DEADLINE))
        await self._end_with(error)
        await asyncio.sleep(max(0.0, times.cut_at - monotonic()))
        raise over(ContractError(ErrorCode.DRAIN_DEADLINE))

    def _can_be_handed_over(self) -> bool:
        """Return whether the client has a point from which another gateway can go on."""
        recognition = self._connection.recognition
        return (
            self._connection.state is State.STREAMING
            and recognition is not None
            and recognition.request.resumable
            and recognition.session.cursor is not None
        )

    async def _is_switched_off_by(self, at: float) -> bool:
        """Wait until a time; return True at once if a running session is switched off before."""
        while True:
            try:
                async with asyncio.timeout(max(0.0, at - monotonic())):
                    command = await self._commands.get()
            except TimeoutError:
                return False
            if command is Command.RECOGNITION_OFF and self._connection.state is State.STREAMING:
                return True
            if command in {Command.RECOGNITION_MOVED, Command.REVOKED, Command.SUPERSEDED}:
                await self._on_command(command)

    async def _end_with(self, error: ContractError) -> None:
        """End the connection once a running session is finalised; at once where none runs."""
        self._will_end_with(error)
        if self._connection.state in {State.IDLE, State.WAITING}:
            raise over(error)
        if self._connection.state is State.STREAMING:
            await self._connection.stop()

    def _will_end_with(self, error: ContractError) -> None:
        """Note what the connection ends with, unless its client has ended it and waits for that."""
        if self._connection.ending is not AS_ASKED:
            self._connection.ending = failed(error)
