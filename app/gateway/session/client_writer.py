"""Sends to one client: events in its dialect, errors, warnings, and the close."""

import asyncio
from collections.abc import Sequence
from typing import Final

from app.contract import WARNINGS, CloseCode, ContractError, ErrorCode, WarningCode
from app.contract.fields import AudioSpan
from app.gateway.dialects.codec import DialectCodec, Sent
from app.gateway.dialects.events import Event, Failed, Result, Warned
from app.gateway.session.endings import ConnectionEndError, Ending, ending_of, over
from app.gateway.session.recognition import Recognition
from app.gateway.session.socket import GONE, Disconnected, SocketControl
from app.gateway.session.telemetry import SessionTelemetry

_ABNORMAL: Final = 1006
"""RFC 6455 section 7.4.1: no close frame was received."""


class ClientWriter:
    """Sends to one client.

    Args:
        socket: The way to it.
        codec: Its dialect.
        telemetry: Counts the errors.
        send_timeout_s: Seconds a message may wait for the client to read.
    """

    def __init__(
        self,
        socket: SocketControl,
        codec: DialectCodec,
        telemetry: SessionTelemetry,
        send_timeout_s: float,
    ) -> None:
        self._socket = socket
        self._codec = codec
        self._telemetry = telemetry
        self._send_timeout_s = send_timeout_s

    async def send(self, event: Event) -> None:
        """Send an event in the client's dialect.

        Raises:
            ConnectionEndError: The client is gone or does not read.
        """
        await self.send_rendered(self._codec.render(event))

    async def send_result(self, result: Result) -> None:
        """Send a result in the client's dialect; raises as `send`."""
        await self.send_rendered(self._codec.result(result))

    async def send_rendered(self, messages: Sequence[Sent]) -> None:
        """Send what the codec has rendered; raises as `send`."""
        try:
            await self._send(messages)
        except TimeoutError as error:
            limit = self._send_timeout_s
            raise over(ContractError(ErrorCode.SLOW_READER, seconds=limit)) from error
        except GONE as error:
            gone = Disconnected(_ABNORMAL, self._socket.failure)
            raise ConnectionEndError(ending_of(gone)) from error

    async def _send(self, messages: Sequence[Sent]) -> None:
        socket = self._socket
        for message in messages:
            if socket.flowing:
                socket.push(message)
            else:
                async with asyncio.timeout(self._send_timeout_s):
                    await socket.deliver(message)

    async def send_if_read(self, event: Event) -> None:
        """Send an event unless the client has not read the last ones: it is worth nothing later."""
        if self._socket.flowing:
            await self.send(event)

    async def send_error(self, error: ContractError, recognition: Recognition | None) -> None:
        """Report an error after which the connection goes on."""
        self._telemetry.error_sent(error)
        segment = None if recognition is None else recognition.segment_id
        await self.send(Failed(error=error, segment_id=segment))

    async def warn(self, code: WarningCode, seconds: float | None = None, **values: object) -> None:
        """Report what is about to happen, or what happened.

        Args:
            code: Which warning.
            seconds: Until it happens, where that is known.
            **values: Fill the places of its sentence.
        """
        sentence = WARNINGS[code].format(**{"seconds": round(seconds or 0.0, 1), **values})
        await self.send(Warned(code, sentence, seconds))

    def render_end(self, error: ContractError, lost: AudioSpan | None) -> Sequence[Sent]:
        """Return the messages of an error that ends the connection, and count it."""
        self._telemetry.error_sent(error)
        return self._codec.render(Failed(error=error, lost=lost))

    def close_code(self, ending: Ending) -> int:
        """Return the close code of an ending."""
        if ending.code is not None:
            return ending.code
        code = None if ending.error is None else self._codec.close_code(ending.error)
        return CloseCode.INTERNAL if code is None else code

    async def close(self, ending: Ending, lost: AudioSpan | None) -> None:
        """Send the last messages and close.

        Args:
            ending: Why it ends.
            lost: Audio of the session that ends with it and is in no final.
        """
        if ending.told:
            return
        code = self.close_code(ending)
        messages = () if ending.error is None else self.render_end(ending.error, lost)
        reason = "" if ending.error is None else self._codec.close_reason(ending.error)
        if ending.error is not None and ending.error.code is ErrorCode.SLOW_READER:
            self._socket.cut(messages, code)
            return
        try:
            await self._send(messages)
            async with asyncio.timeout(self._send_timeout_s):
                await self._socket.end(code, reason)
        except GONE:
            self._socket.cut(messages, code)
