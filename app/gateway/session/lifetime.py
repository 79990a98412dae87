"""Brings a connection to its end when its time has come: limits, the drain, the kill switch."""

import asyncio
from time import monotonic
from typing import Protocol

from app.contract import ContractError, ErrorCode, WarningCode
from app.gateway.core import Gateway
from app.gateway.session.client_writer import ClientWriter
from app.gateway.session.deadlines import Command, CommandQueue, Deadline, Deadlines
from app.gateway.session.endings import Ending, failed, over
from app.gateway.session.heartbeat import Heartbeats
from app.gateway.session.recognition import Recognition
from app.gateway.session.states import State


class Kept(Protocol):
    """The connection, as far as its end concerns it."""

    state: State
    recognition: Recognition | None
    pulse: Heartbeats | None
    ending: Ending | None

    async def stop(self) -> None:
        """End the audio of the session that runs."""


class LifetimeWatcher:
    """Watches the clock for one connection, and what the gateway wants of it.

    Args:
        gateway: Says when a drain ends.
        kept: The connection.
        writer: Warns the client.
        clock: Knows the limits.
    """

    def __init__(
        self, gateway: Gateway, kept: Kept, writer: ClientWriter, clock: Deadlines
    ) -> None:
        self._gateway = gateway
        self._settings = gateway.settings
        self._kept = kept
        self._writer = writer
        self._clock = clock
        self._nudges = CommandQueue()

    def nudge(self, nudge: Command) -> None:
        """Want something of the connection."""
        self._nudges.give(nudge)

    async def run(self) -> None:
        """Watch until the connection ends.

        Raises:
            ConnectionEndError: It is to end now.
        """
        while True:
            at, alarm = self._clock.next_alarm()
            try:
                async with asyncio.timeout(max(0.0, at - monotonic())):
                    nudge = await self._nudges.next()
            except TimeoutError:
                await self._on_alarm(alarm)
            else:
                await self._on_nudge(nudge)

    async def _on_alarm(self, alarm: Deadline) -> None:
        if not self._clock.due(alarm):
            return
        settings = self._settings
        match alarm:
            case Deadline.IDLE_WARNING | Deadline.IDLE_END if self._kept.state is State.WAITING:
                # It is silent because we keep it waiting.
                self._clock.heard()
                return
            case Deadline.IDLE_WARNING:
                await self._writer.warn(WarningCode.IDLE, self._clock.seconds_to(Deadline.IDLE_END))
            case Deadline.IDLE_END:
                limit = settings.ws_idle_timeout_s
                await self._end_with(ContractError(ErrorCode.IDLE_TIMEOUT, seconds=limit))
            case Deadline.SESSION_WARNING:
                left = self._clock.seconds_to(Deadline.SESSION_END)
                maximum = settings.ws_max_session_s
                await self._writer.warn(WarningCode.SESSION_ENDING, left, maximum=maximum)
            case Deadline.SESSION_END:
                limit = settings.ws_max_session_s
                await self._end_with(ContractError(ErrorCode.SESSION_TOO_LONG, seconds=limit))
        self._clock.rang(alarm)

    async def _on_nudge(self, nudge: Command) -> None:
        match nudge:
            case Command.SUPERSEDED:
                raise over(ContractError(ErrorCode.SUPERSEDED))
            case Command.DRAIN:
                await self._come_to_an_end()
            case Command.RECOGNITION_OFF if self._kept.state is State.STREAMING:
                await self._end_with(ContractError(ErrorCode.RECOGNITION_OFF))
            case Command.RECOGNITION_MOVED if self._kept.recognition is not None:
                await self._writer.warn(WarningCode.RECOGNITION_MOVED)

    async def _come_to_an_end(self) -> None:
        kept, times = self._kept, self._gateway.drain_times
        error = ContractError(ErrorCode.GOING_AWAY)
        if kept.state in {State.IDLE, State.WAITING} or times is None:
            raise over(error)
        kept.ending = failed(error)
        await self._writer.warn(WarningCode.GOING_AWAY, max(0.0, times.finalise_at - monotonic()))
        if kept.pulse is not None:
            # With the newest point in hand, who can resume may leave at once.
            await self._writer.send_if_read(kept.pulse.beat())
        if await self._is_switched_off_by(times.finalise_at):
            error = ContractError(ErrorCode.RECOGNITION_OFF)
        elif self._can_be_handed_over():
            # Finals made now would cut a word in two, and the next gateway would hear it again.
            raise over(ContractError(ErrorCode.DRAIN_DEADLINE))
        await self._end_with(error)
        await asyncio.sleep(max(0.0, times.cut_at - monotonic()))
        raise over(ContractError(ErrorCode.DRAIN_DEADLINE))

    def _can_be_handed_over(self) -> bool:
        """Whether the client holds a point from which another gateway can hear what is open."""
        recognition = self._kept.recognition
        return (
            self._kept.state is State.STREAMING
            and recognition is not None
            and recognition.request.resumable
            and recognition.session.cursor is not None
        )

    async def _is_switched_off_by(self, at: float) -> bool:
        """Wait for a moment; the kill switch does not wait for it where a session runs."""
        while True:
            try:
                async with asyncio.timeout(max(0.0, at - monotonic())):
                    nudge = await self._nudges.next()
            except TimeoutError:
                return False
            if nudge is Command.RECOGNITION_OFF and self._kept.state is State.STREAMING:
                return True
            if nudge in {Command.RECOGNITION_MOVED, Command.SUPERSEDED}:
                await self._on_nudge(nudge)

    async def _end_with(self, error: ContractError) -> None:
        """End the connection once a running session is finalised; at once where none runs."""
        self._kept.ending = failed(error)
        if self._kept.state is State.IDLE:
            raise over(error)
        if self._kept.state is State.STREAMING:
            await self._kept.stop()
