"""Rows of the abuse table, small: real gateway, real sockets, another process that attacks.

How long a neighbour waits is left out: a test machine's other work decides it. `make abuse` looks
at that, and at all the other rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.abuse.rig import Rig
from tests.abuse.rows import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    """One for all tests of this module."""
    async with Rig(tmp_path_factory.mktemp("rig"), alone_s=0.5, settle_s=0.1) as empty:
        yield empty


@pytest.mark.parametrize("name", ["left-uploads"])
@pytest.mark.slow
async def test_what_one_client_does_is_refused_to_nobody_else(rig: Rig, name: str) -> None:
    row = await SCENARIOS[name].play(rig, "it")
    assert [one for one in row.broken if "p95" not in one] == []
