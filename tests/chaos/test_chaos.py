"""Two rows of the chaos table, small, so that every test run has broken something for real.

Real processes, real speech, SIGKILL. All the others, and fifty sessions at once: `make chaos`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.chaos.deployment import Deployment, Pool
from tests.chaos.scenarios.fleet import gateway_killed
from tests.chaos.scenarios.recogniser import recogniser_killed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.chaos.report import Row

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # A scenario has deadlines of its own, which say more.
    pytest.mark.timeout(400),
]

SESSIONS = 6


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pool]:
    """Recognisers for all tests of this module."""
    recognisers = Pool(tmp_path_factory.mktemp("pool"))
    yield recognisers
    await recognisers.close()


@pytest_asyncio.fixture(loop_scope="module")
async def deployment(pool: Pool, tmp_path: Path) -> AsyncIterator[Deployment]:
    """An empty one."""
    async with Deployment(tmp_path, pool) as empty:
        yield empty


def check(row: Row, *, sessions: int) -> None:
    """Every promise of the row was kept."""
    assert row.broken == ()
    assert row.sessions == sessions


@pytest.mark.slow
async def test_sessions_of_a_killed_recogniser_lose_no_word_while_a_second_one_is_alive(
    deployment: Deployment,
) -> None:
    check(await recogniser_killed(deployment, "it", SESSIONS), sessions=SESSIONS)


@pytest.mark.slow
async def test_resuming_clients_of_a_killed_gateway_go_on_at_the_other_one_with_every_word(
    deployment: Deployment,
) -> None:
    check(await gateway_killed(deployment, "it"), sessions=SESSIONS)
