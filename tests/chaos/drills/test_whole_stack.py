"""An API key is rotated and one revoked under streams of a whole stack on this machine.

By `perch token`, TLS, the listener and both gateways, with real speech. Nobody is cut off here;
`make drills` does that to half of twenty people, before a gateway of its own.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.credentials.api_key import ApiKey
from tests.chaos.drills.crowd import speaking, undisturbed
from tests.chaos.drills.rotations import REFUSED, UPGRADED
from tests.chaos.word_difference import Difference
from tests.support.port_rows import free_row
from tests.support.processes import Place
from tests.support.up_process import Up, perch, running_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FOLLOWED_S = 60.0
SPEAKERS = 6


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with running_up(tmp_path, "--ports-from", str(free_row())) as running:
        yield running


@dataclass
class Speakers:
    """People who speak to the stack by one of two keys; who begins anew takes what is there."""

    up: Up
    keys: tuple[ApiKey, ApiKey]

    def place(self, number: int) -> Place:
        return Place(
            url=self.up.outputs.websocket_url.removesuffix("/ws"),
            tls=trust(self.up),
            token=self.keys[number % 2].text,
        )


def trust(up: Up) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(up.outputs.ca_certificate_path))


def token(up: Up, name: str, *arguments: str) -> str:
    done = perch("token", name, "--state-dir", str(up.folder.path), *arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()


async def status(up: Up, key: ApiKey, colour: str) -> int:
    headers = {"Authorization": f"Bearer {key.text}", up.outputs.direct_header: colour}
    try:
        async with connect(
            up.outputs.websocket_url, ssl=trust(up), proxy=None, additional_headers=headers
        ):
            return UPGRADED
    except InvalidStatus as refused:
        return refused.response.status_code


async def followed(up: Up, key: ApiKey, expected: int) -> None:
    """Wait until both gateways answer so."""
    deadline = time.monotonic() + FOLLOWED_S
    while [await status(up, key, one) for one in ("blue", "green")] != [expected] * 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_key_that_is_rotated_out_under_streams_costs_no_word_and_opens_nothing_more(
    up: Up,
) -> None:
    old, kept, lost = (ApiKey.parse(token(up, "create", "ann")) for _ in range(3))
    for key in (old, kept, lost):
        await followed(up, key, UPGRADED)
    people = Speakers(up, (old, kept))
    whole = await undisturbed(people)
    async with speaking(people, whole, SPEAKERS) as crowd:
        begun = {number: heard for number, heard in crowd.live.items() if number % 2 == 0}
        said = await asyncio.to_thread(token, up, "rotate", old.key_id, "--overlap", "30")
        await asyncio.to_thread(token, up, "revoke", lost.key_id)
        new = ApiKey.parse(said)
        await followed(up, new, UPGRADED)
        people.keys = (new, kept)
        await followed(up, old, REFUSED)
        assert await status(up, lost, "green") == REFUSED
        # Nobody is let in by the old key, and who began by it speaks on.
        assert any(crowd.live.get(number) is heard for number, heard in begun.items())
    assert len(crowd.heard) >= SPEAKERS
    assert (crowd.dropped(), crowd.came_back, crowd.total()) == ([], 0, Difference())
