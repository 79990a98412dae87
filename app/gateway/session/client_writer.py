"""What a connection says: messages, errors, warnings, and the last word."""

from typing import Final

from app.contract import (
    WARNINGS,
    CloseCode,
    ContractError,
    ErrorCode,
    ServerMessage,
    WarningCode,
)
from app.contract.fields import AudioSpan
from app.gateway.dialects.codec import DialectCodec
from app.gateway.session.endings import ConnectionEndError, Ending, ending_of, over
from app.gateway.session.recognition import Recognition
from app.gateway.session.socket import ClientGoneError, ClientSocket, Disconnected, SlowReaderError
from app.gateway.session.telemetry import SessionTelemetry

_ABNORMAL: Final = 1006
"""RFC 6455 section 7.4.1: no close frame was received."""


class ClientWriter:
    """Says things to one client.

    Args:
        wire: The way to it.
        voice: Its dialect.
        counters: Count what was told.
        send_timeout_s: Seconds a message may wait for the client to read.
    """

    def __init__(
        self,
        wire: ClientSocket,
        voice: DialectCodec,
        counters: SessionTelemetry,
        send_timeout_s: float,
    ) -> None:
        self._wire = wire
        self._voice = voice
        self._counters = counters
        self._send_timeout_s = send_timeout_s

    async def send(self, message: ServerMessage) -> None:
        """Send a message.

        Raises:
            ConnectionEndError: The client is gone or does not read.
        """
        try:
            await self._wire.send(message.model_dump_json())
        except SlowReaderError as error:
            limit = self._send_timeout_s
            raise over(ContractError(ErrorCode.SLOW_READER, seconds=limit)) from error
        except ClientGoneError as error:
            failure = self._wire.control.failure
            raise ConnectionEndError(ending_of(Disconnected(_ABNORMAL, failure))) from error

    async def send_if_read(self, message: ServerMessage) -> None:
        """Send what is worth nothing later: not to a client that has not read the last ones."""
        if self._wire.flowing:
            await self.send(message)

    async def tell(self, error: ContractError, recognition: Recognition | None) -> None:
        """Say what went wrong; the connection goes on."""
        self._counters.error_sent(error)
        segment = None if recognition is None else recognition.segment_id
        await self.send(self._voice.error(error, segment))

    async def warn(self, code: WarningCode, seconds: float | None = None, **values: object) -> None:
        """Say what is about to happen, or what happened.

        Args:
            code: Which warning.
            seconds: Until it happens, where that is known.
            **values: Fill the places of its sentence.
        """
        sentence = WARNINGS[code].format(**{"seconds": round(seconds or 0.0, 1), **values})
        await self.send(self._voice.warning(sentence, code.value, seconds))

    def describe(self, error: ContractError, lost: AudioSpan | None) -> str:
        """Return the text of an error that ends the connection, and count it."""
        self._counters.error_sent(error)
        return self._voice.error(error, lost=lost).model_dump_json()

    async def say_goodbye(self, ending: Ending, lost: AudioSpan | None) -> None:
        """Say the last word and close.

        Args:
            ending: Why it ends.
            lost: Audio of the session that ends with it and is in no final.
        """
        if ending.told or ending.error is None:
            return
        text = self.describe(ending.error, lost)
        if ending.error.code is ErrorCode.SLOW_READER:
            self._wire.cut(text, CloseCode(ending.code))
            return
        try:
            await self._wire.send(text)
            await self._wire.close(CloseCode(ending.code))
        except (SlowReaderError, ClientGoneError):
            self._wire.cut(text, CloseCode(ending.code))
