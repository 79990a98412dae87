"""The three methods of Riva's speech recognition service.

Each is a stream of bytes to gRPC, as it is on the wire: so nothing of a message is taken before its
sender was let in, and what is no message is answered in the contract's words.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import uuid4

import grpc

from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Visitor
from app.gateway.core import Gateway
from app.gateway.grpc_front.call import CallSocket, Context, end_call, request_of
from app.gateway.grpc_front.codec import RivaCodec
from app.gateway.grpc_front.status import Trailers, trailers_of
from app.gateway.identity.identity import Scope
from app.gateway.session.connection import ClientConnection
from app.gateway.session.telemetry import Origin
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.trace_context import trace_context_of

SERVICE: Final = "nvidia.riva.asr.RivaSpeechRecognition"

_log = get_logger(__name__)


class RivaService:
    """`nvidia.riva.asr.RivaSpeechRecognition` in front of a gateway.

    Args:
        gateway: Whose sessions they are.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the service's handlers for gRPC."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "StreamingRecognize": raw_handler(self.streaming_recognize),
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

    async def _stream(self, context: Context) -> tuple[ContractError | None, Trailers]:
        """Serve a stream to its end, and return what that is.

        Raises:
            ContractError: The client is not let in.
        """
        gateway = self._gateway
        request = request_of(context, f"/{SERVICE}/StreamingRecognize")
        visitor = await gateway.authorise(request, Scope.STREAM)
        with gateway.admission.connection(visitor):
            socket, codec = CallSocket(context), RivaCodec(gateway.settings)
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


def raw_handler(
    serve: Callable[[object, Context], Awaitable[None]],
) -> "grpc.RpcMethodHandler[bytes, bytes]":
    """Return the handler of a method whose messages are read and written as bytes.

    What goes wrong in it is logged here, and not told: gRPC would send the exception's text.
    """

    async def guarded(requests: object, context: Context) -> None:
        try:
            await serve(requests, context)
        except (grpc.aio.AbortError, asyncio.CancelledError):
            raise
        except Exception:  # noqa: BLE001 - whatever it was, the client is told and the log has it
            _log.exception("call failed")
            error = ContractError(ErrorCode.INTERNAL_ERROR)
            await end_call(context, error, trailers_of(error))

    return grpc.stream_stream_rpc_method_handler(guarded)
