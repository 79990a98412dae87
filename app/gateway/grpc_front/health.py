"""The standard health service: what `/readyz?ignore=capacity` says, for probes that speak gRPC.

Who asks shows no token, so nothing that is asked may cost much: beyond a bound a name is not waited
for, and what is answered is the whole gateway's health.
"""

import asyncio
from typing import Final

import grpc
import riva.client.proto.health_pb2 as health

from app.contract import ContractError, ErrorCode
from app.gateway.core import Gateway
from app.gateway.grpc_front.call import Context, end_call, one_message, raw_handler, say
from app.gateway.grpc_front.requests import Message, parsed
from app.gateway.grpc_front.status import trailers_of

SERVICE: Final = "grpc.health.v1.Health"

_READ_S: Final = 5.0
"""For a request, or an answer, of a few bytes."""

_MOST_READ: Final = 16
"""Requests that are waited for at once; one more is answered unread."""

_MOST_WATCHES: Final = 32
_LOOK_S: Final = 1.0
"""Between two looks at what nobody announces, such as a recogniser that is gone."""

_STATUS: Final = health.HealthCheckResponse.ServingStatus


class HealthService:
    """`grpc.health.v1.Health` of a gateway.

    Args:
        gateway: Whose health it is.
        services: Names of services that there are.
    """

    def __init__(self, gateway: Gateway, services: frozenset[str]) -> None:
        self._gateway = gateway
        self._services = services | {""}
        self._reading = self._watching = 0

    def handlers(self) -> grpc.GenericRpcHandler:
        """Return the service's handlers for gRPC."""
        return grpc.method_handlers_generic_handler(
            SERVICE, {"Check": raw_handler(self.check), "Watch": raw_handler(self.watch)}
        )

    async def check(self, _requests: object, context: Context) -> None:
        """Serve Check."""
        try:
            await self._know(context)
            await say(context, self._answer(), _READ_S)
        except ContractError as error:
            await end_call(context, error, trailers_of(error))

    async def watch(self, _requests: object, context: Context) -> None:
        """Serve Watch: the status now and after every change, until the gateway drains."""
        self._watching += 1
        try:
            await self._know(context)
            await self._tell(context)
        except ContractError as error:
            await end_call(context, error, trailers_of(error))
        finally:
            self._watching -= 1

    async def _tell(self, context: Context) -> None:
        if self._watching > _MOST_WATCHES:
            raise ContractError(ErrorCode.TOO_MANY_CONNECTIONS, limit=_MOST_WATCHES)
        last, drain = b"", self._gateway.drain_begun
        while True:
            if (now := self._answer()) != last:
                await say(context, now, _READ_S)
                last = now
            if drain.is_set():
                raise ContractError(ErrorCode.GOING_AWAY)
            # Not `wait_for`: a wait that is cancelled for a look is no end.
            waiting = asyncio.ensure_future(drain.wait())
            await asyncio.wait({waiting}, timeout=_LOOK_S)
            waiting.cancel()

    async def _know(self, context: Context) -> None:
        """Read which service is asked for.

        Raises:
            ContractError: `not_found`: there is none of that name.
        """
        if self._reading >= _MOST_READ:
            return
        self._reading += 1
        try:
            data = await one_message(context, _READ_S)
        finally:
            self._reading -= 1
        request: Message = parsed(health.HealthCheckRequest, data)
        if request.service not in self._services:
            raise ContractError(ErrorCode.NOT_FOUND, path=f"the service {request.service[:80]!r}")

    def _answer(self) -> bytes:
        is_well = not self._gateway.unready_reasons(capacity=False)
        answer = health.HealthCheckResponse(
            status=_STATUS.SERVING if is_well else _STATUS.NOT_SERVING
        )
        return bytes(answer.SerializeToString())
