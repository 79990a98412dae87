"""What a client may have left behind: tasks and connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from app.asr.wire.grpc_transport import GrpcTransport

if TYPE_CHECKING:
    from app.asr import RivaASRClient
    from app.asr.wire.channels import ChannelPool, RivaChannel


async def tasks_of_client() -> set[str]:
    """The names of the client's tasks that are still there after one turn of the loop."""
    await asyncio.sleep(0)
    return {t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("asr-")}


def pool_of(client: RivaASRClient) -> ChannelPool:
    """The pool of connections of its only endpoint."""
    transport = client._default.routes.current.endpoints[0].transport
    assert isinstance(transport, GrpcTransport)
    return transport._channels


def channels_of(client: RivaASRClient) -> list[RivaChannel]:
    """The connections of its only endpoint."""
    return pool_of(client)._channels
