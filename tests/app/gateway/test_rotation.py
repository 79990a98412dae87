"""Tokens and keys rotated under a running gateway: over real WebSockets, by files put in place.

That no word of real speech is lost meanwhile is shown by the rotation drills
(`tests/chaos/drills`).
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from app import followed_files
from app.emulator import Emulator
from app.gateway.telemetry.logs import get_logger
from tests.app.gateway.conftest import Log
from tests.app.gateway.session.words import A
from tests.support.certificates import replace
from tests.support.gateways.running import (
    DEADLINE_S,
    Running,
    client,
    eventually,
    running_gateway,
    said,
    said_until,
)
from tests.support.issuer import AUDIENCE, NAME, key_set, token

pytestmark = pytest.mark.asyncio(loop_scope="module")

OLD_TOKEN, NEW_TOKEN = "an-old-token-0123456789", "a-new-token-0123456789"
OLD_KEY, NEW_KEY = "an old resume key of thirty-two chars", "a new resume key of thirty-two chars"


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_files, "POLL_S", 0.01)


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return put(tmp_path / "tokens", OLD_TOKEN)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return put(tmp_path / "keys", OLD_KEY)


def put(file: Path, *lines: str) -> Path:
    """Put a file of these lines in place."""
    replace(file, "".join(f"{line}\n" for line in lines).encode())
    return file


def bearer(shown: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {shown}"}


async def answer(gateway: Running, shown: str) -> int:
    """Connect with a token, and return the status of the answer."""
    try:
        async with connect(gateway.url, additional_headers=bearer(shown)) as socket:
            assert socket.response is not None
            return socket.response.status_code
    except InvalidStatus as error:
        return error.response.status_code


async def until(gateway: Running, shown: str, status: int) -> None:
    """Wait until a token is answered so."""
    async with asyncio.timeout(DEADLINE_S):
        while await answer(gateway, shown) != status:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)


def not_followed(log: Log) -> list[tuple[str, str]]:
    return [
        (line["name"], line["problem"])
        for line in log.lines
        if line["event"] == "file not followed"
    ]


async def test_a_static_token_is_added_and_another_left_out_without_a_restart(
    emulator: Emulator, tokens: Path, log: Log
) -> None:
    async with running_gateway(emulator, app_auth_tokens_file=tokens) as gateway:
        assert await answer(gateway, NEW_TOKEN) == 401
        async with client(gateway, additional_headers=bearer(OLD_TOKEN)) as early:
            put(tokens, NEW_TOKEN, OLD_TOKEN)
            await until(gateway, NEW_TOKEN, 101)
            assert await answer(gateway, OLD_TOKEN) == 101
            put(tokens, NEW_TOKEN)
            await until(gateway, OLD_TOKEN, 401)
            assert await answer(gateway, NEW_TOKEN) == 101
            await A.begin(early)
            await said_until(early, "session_started")
    assert NEW_TOKEN not in log.text
    assert [line["count"] for line in log.lines if line["event"] == "client tokens taken"] == [
        1,
        2,
        1,
    ]


async def test_tokens_of_the_variable_stay_beside_those_of_the_file(
    emulator: Emulator, tokens: Path
) -> None:
    listed = "a-listed-token-0123456789"
    async with running_gateway(
        emulator, app_auth_tokens=listed, app_auth_tokens_file=tokens
    ) as gateway:
        put(tokens, NEW_TOKEN)
        await until(gateway, OLD_TOKEN, 401)
        assert [await answer(gateway, one) for one in (listed, NEW_TOKEN)] == [101, 101]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "nothing stands in the file"),
        (b"\n,\n", "nothing stands in the file"),
        (b"short\n", "one is too short or has characters a header cannot carry"),
        (b"\xff\xfe-0123456789-0123456789", "it is no text in UTF-8"),
    ],
)
async def test_a_file_that_cannot_be_used_neither_opens_the_door_nor_shuts_it(
    emulator: Emulator, tokens: Path, log: Log, content: bytes, problem: str
) -> None:
    async with running_gateway(emulator, app_auth_tokens_file=tokens) as gateway:
        replace(tokens, content)
        await eventually(lambda: not_followed(log) != [])
        assert not_followed(log) == [("APP_AUTH_TOKENS_FILE", problem)]
        assert [await answer(gateway, one) for one in (OLD_TOKEN, NEW_TOKEN, "")] == [101, 401, 401]


async def test_what_was_rotated_in_is_masked_in_the_log(
    emulator: Emulator, tokens: Path, log: Log
) -> None:
    async with running_gateway(emulator, app_auth_tokens_file=tokens) as gateway:
        put(tokens, NEW_TOKEN)
        await until(gateway, NEW_TOKEN, 101)
    log.forget()
    get_logger("test").info("by mistake", said=f"it was {NEW_TOKEN} all along")
    assert log.lines[0]["said"] == "it was ******** all along"


async def beat(socket: ClientConnection) -> str:
    """Return the resume token of a heartbeat."""
    point: str = (await said_until(socket, "heartbeat"))[-1]["resume"]["token"]
    return point


async def resumed(gateway: Running, point: str) -> dict[str, Any]:
    """Go on with a session by another connection, and return the answer."""
    async with client(gateway, additional_headers=bearer(OLD_TOKEN)) as socket:
        await A.begin(socket, resumable=True, resume=point)
        return await said(socket)


async def test_a_session_that_outlives_the_key_it_began_with_is_still_resumed(
    emulator: Emulator, keys: Path, tokens: Path, log: Log
) -> None:
    """Its marks are made anew: the client's, by the key that signs now."""

    async def rotated(*lines: str) -> None:
        before = log.text.count("resume keys taken")
        put(keys, *lines)
        await eventually(lambda: log.text.count("resume keys taken") > before)

    async with running_gateway(
        emulator, app_resume_keys_file=keys, app_auth_tokens_file=tokens
    ) as gateway:
        async with client(gateway, additional_headers=bearer(OLD_TOKEN)) as socket:
            await A.begin(socket, resumable=True, heartbeat=0.5)
            session = (await said_until(socket, "session_started"))[-1]["session_id"]
            by_the_old_key = await beat(socket)
            await rotated(NEW_KEY, OLD_KEY)
            await rotated(NEW_KEY)
            # One may have been on its way.
            await beat(socket)
            by_the_new_key = await beat(socket)
        refused = await resumed(gateway, by_the_old_key)
        assert (refused["code"], refused["retryable"]) == ("resume_rejected", False)
        assert "not issued by a gateway of this environment" in refused["error"]
        assert (await resumed(gateway, by_the_new_key))["session_id"] == session
    assert NEW_KEY not in log.text


async def test_while_both_keys_are_there_tokens_of_both_are_accepted(
    emulator: Emulator, keys: Path, tokens: Path, log: Log
) -> None:
    async with running_gateway(
        emulator, app_resume_keys_file=keys, app_auth_tokens_file=tokens
    ) as gateway:
        async with client(gateway, additional_headers=bearer(OLD_TOKEN)) as socket:
            await A.begin(socket, resumable=True, heartbeat=0.5)
            session = (await said_until(socket, "session_started"))[-1]["session_id"]
            point = await beat(socket)
            put(keys, NEW_KEY, OLD_KEY)
            await eventually(lambda: log.text.count("resume keys taken") == 2)
        assert (await resumed(gateway, point))["session_id"] == session


async def test_an_issuers_key_in_a_file_is_rotated_with_overlap(
    emulator: Emulator, tmp_path: Path, log: Log
) -> None:
    one, two = ("ES256", "one"), ("ES256", "two")
    file = tmp_path / "jwks.json"
    replace(file, key_set(one))
    async with running_gateway(
        emulator, app_jwt_keys_file=file, app_jwt_issuer=NAME, app_jwt_audience=AUDIENCE
    ) as gateway:
        assert await answer(gateway, token(key="one")) == 101
        replace(file, key_set(one, two))
        await until(gateway, token(key="two"), 101)
        assert await answer(gateway, token(key="one")) == 101
        replace(file, key_set(two))
        await until(gateway, token(key="one"), 401)
        assert await answer(gateway, token(key="two")) == 101
        replace(file, json.dumps({"keys": []}).encode())
        await eventually(lambda: not_followed(log) != [])
        assert await answer(gateway, token(key="two")) == 101
    assert not_followed(log) == [
        ("APP_JWT_KEYS_FILE", "none of its 0 keys is for RS256, ES256, EdDSA")
    ]
