"""One client of the gateway in memory, for the property test of the protocol."""

import asyncio

from app.contract import ContractError, Dialect
from app.gateway.admission.clients import Visitor
from app.gateway.core import Gateway
from app.gateway.dialects.a import CodecA
from app.gateway.dialects.b import CodecB
from app.gateway.session.connection import ClientConnection
from app.gateway.session.telemetry import Origin
from app.gateway.settings.gateway import GatewaySettings
from app.gateway.telemetry.trace_context import trace_context
from tests.app.gateway.session.conversation import Conversation
from tests.app.gateway.session.words import Words
from tests.support.memory_recogniser import (
    MemorySocket,
    MemoryStream,
)

MAX_SESSIONS = 1


SETTINGS = GatewaySettings.model_validate(
    {
        "app_resume_keys": "a key for the gateways of this test",
        "app_drain_grace_s": 0.0,
        "ws_max_concurrent_sessions": MAX_SESSIONS,
        "ws_waiting_room": 2,
        "ws_control_rate": 10_000,
        "ws_control_burst": 100_000,
        "audio_max_realtime_factor": 0,
        "audio_queue_s": 60,
    }
)


class Connection:
    """A client, its socket, and the gateway's task that serves it."""

    def __init__(self, gateway: Gateway, words: Words, *, waits: bool) -> None:
        self.gateway = gateway
        self.words = words
        self.socket = MemorySocket()
        self.said = Conversation(words)
        self.stream: MemoryStream | None = None
        self.reads = True
        # By the gateway, and the client may not have read of it: what it still sends is not taken.
        self.is_ended = False
        self.refused: ContractError | None = None
        self._seen = 0
        self._visitor = Visitor(b"client", 60.0 if waits else None)
        self.task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        codec = (
            CodecA("connection", SETTINGS) if self.words.path == "/" else CodecB("client", SETTINGS)
        )
        assert codec.name in set(Dialect)
        try:
            with self.gateway.admission.connection(self._visitor):
                origin = Origin(
                    connection_id="c",
                    dialect=codec.name,
                    client=self._visitor.client,
                    trace=trace_context(None),
                )
                await ClientConnection(
                    self.gateway, self.socket, codec, origin, self._visitor
                ).run()
        except ContractError as error:
            self.refused = error

    def catch_up(self) -> None:
        """Check what was heard since the last time."""
        while self._seen < len(self.socket.heard):
            self.said.hear(self.socket.heard[self._seen])
            self._seen += 1
        assert not self.socket.after_close
        assert self.socket.code == self.said.code or self.socket.is_gone

    @property
    def is_over(self) -> bool:
        return self.socket.is_gone or self.socket.code is not None or self.refused is not None
