"""Opens the calls of one stream, one after the other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.asr.errors import late

if TYPE_CHECKING:
    from collections.abc import Callable

    from riva.client.proto import riva_asr_pb2

    from app.asr.events import Metadata
    from app.asr.pool.lease import EndpointLease
    from app.asr.pool.routes import Routes


@dataclass(frozen=True, slots=True)
class LeaseOpener:
    """Opens one stream's calls.

    Attributes:
        routes: where.
        make_request: makes the configuration of each.
        within: seconds one endpoint may take.
        metadata: of each.
    """

    routes: Routes
    make_request: Callable[[], riva_asr_pb2.StreamingRecognizeRequest]
    within: float
    metadata: Metadata = ()

    async def open(self) -> EndpointLease:
        """Open the first call."""
        return await self.routes.current.open_lease(
            self.make_request(), within=self.within, metadata=self.metadata
        )

    async def reopen(self, left: EndpointLease, *, patience: float) -> EndpointLease:
        """Open a further call, at an endpoint that lists a model: one that is loading lists none.

        Args:
            left: the call before it.
            patience: seconds the stream may still be without a recogniser. It waits for its permit
                no longer, and then for no longer than that, or than one endpoint may take. One that
                moves without having failed is given as long as an endpoint in any case.
        """
        limit = max(patience, self.within)
        permit = await self.routes.budget.acquire(
            patience if left.has_failed else limit, is_running=True
        )
        try:
            async with asyncio.timeout(limit):
                lease = await self.routes.current.open_lease(
                    self.make_request(),
                    within=self.within,
                    metadata=self.metadata,
                    avoid=left.endpoint if left.has_failed else None,
                    is_checked=True,
                )
        except TimeoutError:
            permit.release()
            raise late("reopen stream", limit) from None
        except BaseException:
            permit.release()
            raise
        lease.hold(permit)
        return lease
