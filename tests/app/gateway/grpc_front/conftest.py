"""One gateway with a gRPC port a module."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.emulator import Emulator
from tests.support.gateways.running import Running, running_gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_front(shared_emulator: Emulator) -> AsyncIterator[Running]:
    async with running_gateway(shared_emulator, app_grpc_port=0) as running:
        yield running


@pytest.fixture
def front(shared_front: Running, emulator: Emulator) -> Running:
    assert emulator.ready
    return shared_front
