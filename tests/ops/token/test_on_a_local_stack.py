"""API keys on a whole stack on this machine: by `perch token`, TLS and listener to both gateways.

It lets in who shows no key, as the stack local does; that one who shows a bad one is refused says
that the list is gone by. Not proved: a machine in AWS (`tests/infra/boot` runs its script).
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from click.testing import Result
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.credentials.access_list import AccessList
from app.credentials.api_key import ApiKey
from ops.local.access import local_session
from ops.secrets.values import SecretValues
from ops.token import changes
from ops.token.store import AccessListStore
from tests.support.keys import key_entry
from tests.support.port_rows import free_row
from tests.support.up_process import Up, perch, running_up

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FOLLOWED_S = 30.0


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with running_up(tmp_path_factory.mktemp("keys"), "--ports-from", str(free_row())) as running:
        yield running


def token(up: Up, name: str, *arguments: str) -> Result:
    done = perch("token", name, "--state-dir", str(up.folder.path), *arguments)
    assert done.exit_code == 0, done.stderr
    return done


def made(up: Up, *arguments: str) -> ApiKey:
    return ApiKey.parse(token(up, "create", *(arguments or ("ann",))).stdout.strip())


def opened(up: Up, key: str, colour: str) -> connect:
    """Return a connection to enter; in one thread, as one TLS socket in two hung at times."""
    context = ssl.create_default_context(cafile=str(up.outputs.ca_certificate_path))
    return connect(
        up.outputs.websocket_url,
        ssl=context,
        proxy=None,
        additional_headers={
            "Authorization": f"Bearer {key}",
            up.outputs.direct_header: colour,
        },
    )


async def answer(up: Up, key: str, colour: str) -> int | str:
    """101, or the error of a refusal."""
    try:
        async with opened(up, key, colour):
            pass
    except InvalidStatus as refused:
        return str(json.loads(refused.response.body)["code"])
    return 101


async def eventually(up: Up, key: ApiKey, expected: int | str) -> None:
    """Wait until both gateways answer so."""
    deadline = time.monotonic() + FOLLOWED_S
    while [await answer(up, key.text, one) for one in ("blue", "green")] != [expected] * 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def told_until_closed(socket: ClientConnection) -> list[dict[str, Any]]:
    heard = []
    with suppress(ConnectionClosed):
        async for message in socket:
            heard.append(json.loads(message))  # noqa: PERF401 - kept, also where it then closes
    return heard


def change(up: Up, how: Callable[[AccessList], AccessList]) -> None:
    """Change the list and tell gateways, as `perch token` does."""
    state, outputs = up.state, up.outputs
    session = local_session(state.aws)
    secrets = session.client("secretsmanager", endpoint_url=state.aws["AWS_ENDPOINT_URL"])
    ssm = session.client("ssm", endpoint_url=state.aws["AWS_ENDPOINT_URL"])
    values = SecretValues("local", outputs, secrets, ssm)
    AccessListStore("local", values.arn("access_list"), secrets).change(how)
    values.announce()


async def test_a_key_reaches_both_gateways_and_so_does_that_it_was_revoked(up: Up) -> None:
    key = made(up)
    assert await answer(up, ApiKey.generate().text, "blue") == "unauthorized"
    await eventually(up, key, 101)
    token(up, "revoke", key.key_id)
    await eventually(up, key, "unauthorized")


async def test_a_session_whose_key_is_revoked_ends_with_the_documented_error(up: Up) -> None:
    key = made(up)
    await eventually(up, key, 101)
    async with opened(up, key.text, "blue") as socket:
        await socket.send(json.dumps({"type": "start_transcription"}))
        assert [json.loads(await socket.recv())["type"] for _ in range(2)] == [
            "connection",
            "session_started",
        ]
        await asyncio.to_thread(token, up, "revoke", key.key_id)
        heard = await told_until_closed(socket)
        assert heard[-2]["type"] == "session_stopped"
        assert (heard[-1]["type"], heard[-1]["code"]) == ("error", "unauthorized")
        assert socket.close_code == 1008
    assert await answer(up, key.text, "blue") == "unauthorized"


async def test_a_rotated_key_is_good_for_its_overlap_and_then_no_more(up: Up) -> None:
    old = made(up)
    await eventually(up, old, 101)
    new = ApiKey.parse(token(up, "rotate", old.key_id, "--overlap", "8").stdout.strip())
    await eventually(up, new, 101)
    await eventually(up, old, "unauthorized")
    assert await answer(up, new.text, "green") == 101


async def test_what_is_ended_early_over_long_or_for_something_else_is_refused(up: Up) -> None:
    now = datetime.now(UTC)
    ended, early, files = (ApiKey.generate() for _ in range(3))
    day = timedelta(days=1)
    entries = (
        key_entry(ended, now - 2 * day),
        key_entry(early, now + day),
        key_entry(files, now, scopes=frozenset({"file"})),
    )
    change(up, lambda listed: reduce(changes.with_key, entries, listed))
    await eventually(up, files, "insufficient_scope")
    for colour in ("blue", "green"):
        for shown in (ended.text, early.text, f"{files.text}0", files.text * 50, files.text[:-1]):
            assert await answer(up, shown, colour) == "unauthorized"
        assert (
            await answer(up, files.text.replace("perch_", "porch_"), colour) == 101
        )  # nobody's here
