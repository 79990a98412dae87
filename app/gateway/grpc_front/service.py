"""The three methods of Riva's speech recognition service.

Each is a stream of bytes to gRPC, as it is on the wire: so nothing of a message is taken before its
sender was let in, and what is no message is answered in the contract's words.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final
from uuid import uuid4

import grpc
from starlette.requests import HTTPConnection

from app.asr import AsrError, Model
from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Visitor
from app.gateway.core import Gateway
from app.gateway.failures import stream_failure
from app.gateway.grpc_front.call import (
    CallSocket,
    Context,
    end_call,
    one_message,
    raw_handler,
    request_of,
    say,
)
from app.gateway.grpc_front.codec import RivaCodec
from app.gateway.grpc_front.naming import with_served_model
from app.gateway.grpc_front.recognize import recognise
from app.gateway.grpc_front.requests import ConfigRequest, parsed
from app.gateway.grpc_front.responses import config_response
from app.gateway.grpc_front.status import Trailers, trailers_of
from app.gateway.identity.identity import Scope
from app.gateway.session.connection import ClientConnection
from app.gateway.session.telemetry import Origin
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.trace_context import trace_context_of

SERVICE: Final = "nvidia.riva.asr.RivaSpeechRecognition"

_READ_S: Final = 5.0
"""For a request of a few bytes."""

_MOST_READ: Final = 16
"""Of those, how many are answered at once."""

_log = get_logger(__name__)


class RivaService:
    """`nvidia.riva.asr.RivaSpeechRecognition` in front of a gateway.

    Args:
        gateway: Whose sessions they are.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._reading = 0

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the service's handlers for gRPC."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "StreamingRecognize": raw_handler(self.streaming_recognize),
                "Recognize": raw_handler(self.recognize),
                "GetRivaSpeechRecognitionConfig": raw_handler(self.get_config),
            },
        )

    async def streaming_recognize(self, _requests: object, context: Context) -> None:
        """Serve one stream."""
        error: ContractError | None
        try:
            error, trailers = await self._stream(context)
        except ContractError as refused:
            self._count_refusal(refused)
            error, trailers = refused, trailers_of(refused)
        await end_call(context, error, trailers)

    async def recognize(self, _requests: object, context: Context) -> None:
        """Serve one recording."""
        metrics, outcome = self._gateway.metrics, "disconnected"
        try:
            answer = await recognise(self._gateway, context, f"/{SERVICE}/Recognize")
            await say(context, answer, self._gateway.settings.ws_send_timeout_s)
            outcome = "ok"
        except ContractError as error:
            outcome = error.code.value
            metrics.errors_sent.labels(outcome).inc()
            await end_call(context, error, trailers_of(error))
        finally:
            metrics.uploads.labels(outcome).inc()

    async def get_config(self, _requests: object, context: Context) -> None:
        """Serve the list of models."""
        try:
            answer = config_response(await self._models(context))
            await say(context, answer, self._gateway.settings.ws_send_timeout_s)
        except ContractError as error:
            self._count_refusal(error)
            await end_call(context, error, trailers_of(error))

    async def _models(self, context: Context) -> Sequence[Model]:
        """Return the models that the client may ask for, of all groups.

        Raises:
            ContractError: It is not let in, or the recogniser cannot be asked.
        """
        request = request_of(context, f"/{SERVICE}/GetRivaSpeechRecognitionConfig")
        visitor = await self._who(request)
        if self._reading >= _MOST_READ:
            raise ContractError(ErrorCode.TOO_MANY_CONNECTIONS, limit=_MOST_READ)
        self._reading += 1
        try:
            name = parsed(ConfigRequest, await one_message(context, _READ_S)).model_name
            listed = await self._listed()
        finally:
            self._reading -= 1
        allowed = visitor.limits.models
        return [
            model
            for model in listed
            if name in {"", model.name} and (allowed is None or model.name in allowed)
        ]

    async def _who(self, request: HTTPConnection) -> Visitor:
        """Let in who may use either kind of recognition."""
        try:
            return await self._gateway.authorise(request, Scope.STREAM)
        except ContractError as error:
            if error.code is not ErrorCode.INSUFFICIENT_SCOPE:
                raise
        return await self._gateway.authorise(request, Scope.FILE)

    async def _listed(self) -> Sequence[Model]:
        asr = self._gateway.asr
        known = [model for group in asr.groups for model in asr.known_models(group)]
        if known:
            return known
        try:
            return await asr.models()
        except AsrError as error:
            raise stream_failure(error, 0) from error

    async def _stream(self, context: Context) -> tuple[ContractError | None, Trailers]:
        """Serve a stream to its end, and return what that is.

        Raises:
            ContractError: The client is not let in.
        """
        gateway = self._gateway
        request = request_of(context, f"/{SERVICE}/StreamingRecognize")
        visitor = await gateway.authorise(request, Scope.STREAM)
        with gateway.admission.connection(visitor):
            socket = CallSocket(context)
            codec = RivaCodec(gateway.settings, partial(with_served_model, gateway, visitor.limits))
            origin = Origin(
                connection_id=str(uuid4()),
                dialect=codec.name,
                client=visitor.client,
                trace=trace_context_of(request.headers),
            )
            await self._converse(socket, codec, origin, visitor)
            if socket.is_cut:
                # The status waits behind what is not read: until then it is an open connection.
                await end_call(context, codec.failure, codec.trailers)
        return codec.failure, codec.trailers

    async def _converse(
        self, socket: CallSocket, codec: RivaCodec, origin: Origin, visitor: Visitor
    ) -> None:
        """Serve a stream; one that is cancelled is ended like a connection that is lost."""
        connection = ClientConnection(self._gateway, socket, codec, origin, visitor)
        serving = asyncio.create_task(connection.run(), name="riva stream")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            socket.left()
            await serving
            raise

    def _count_refusal(self, error: ContractError) -> None:
        metrics = self._gateway.metrics
        metrics.connections_refused.labels(error.code.value).inc()
        metrics.errors_sent.labels(error.code.value).inc()
        _log.info("call refused", code=error.code.value)
