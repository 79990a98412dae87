"""The event loop of the gateway's process."""

import asyncio
from typing import Any, Final

import uvloop

TLS_HANDSHAKE_TIMEOUT_S: Final = 10.0
"""From a connection's opening to the end of its TLS handshake. asyncio would give it a minute, and
until then no protocol of ours sees the connection, to count or to cut it."""


class GatewayLoop(uvloop.Loop):
    """uvloop's loop with a timeout for TLS handshakes; uvicorn has no option to set one."""

    async def create_server(  # type: ignore[override]
        self,
        *args: Any,  # noqa: ANN401 - as the loop has them
        **options: Any,  # noqa: ANN401
    ) -> asyncio.AbstractServer:
        """Create a server, as the loop does."""
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", TLS_HANDSHAKE_TIMEOUT_S)
        return await super().create_server(*args, **options)
