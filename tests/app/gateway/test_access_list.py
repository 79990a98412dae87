"""API keys at a real gateway: followed from their file, and revoked while sessions run.

The recogniser is the emulator with a script. How the file comes onto a machine is not shown here.
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.credentials.access_list import AccessList, RevokedClient, RevokedToken
from app.credentials.api_key import ApiKey
from app.emulator import Emulator
from app.gateway.identity.access_list import CurrentAccessList
from app.gateway.rotation import followed_access_list
from tests.app.gateway.conftest import Log
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    eventually,
    last_words,
    running_gateway,
    said,
    said_until,
    send,
)
from tests.support.issuer import AUDIENCE, NAME, claims, key_set, token
from tests.support.keys import access_list, key_entry, put

pytestmark = pytest.mark.asyncio(loop_scope="module")
STATIC = "a-static-token-0123456789"  # pragma: allowlist secret


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "access-list.json"
    put(path, AccessList.empty())
    return path


def bearer(key: ApiKey | str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key if isinstance(key, str) else key.text}"}


async def refused(gateway: Running, url: str = "", **headers: str) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as error:
        await connect(gateway.url + url, additional_headers=headers)
    response = error.value.response
    return response.status_code, json.loads(response.body)["code"]


def write(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")


def remove(file: Path) -> None:
    file.unlink()


def make_folder(file: Path) -> None:
    file.mkdir()


def make_pipe(file: Path) -> None:
    file.rmdir()
    os.mkfifo(file)


class Follower:
    """A file that is followed, and how often something changed."""

    def __init__(self, path: Path) -> None:
        self.current = CurrentAccessList(AccessList.empty())
        self.changes = 0
        self.file = followed_access_list(path, self.current, self._changed)

    def _changed(self) -> None:
        self.changes += 1


async def test_the_last_good_list_holds_whatever_becomes_of_its_file(file: Path, log: Log) -> None:
    key = ApiKey.generate()
    follower = Follower(file)
    good = access_list(key_entry(key))
    put(file, good)
    assert await follower.file.refresh()
    assert not await follower.file.refresh()
    for bad in ("", "{}", good.write()[:-1], f'{{"format": 1, "keys": ["{key.text}"]}}'):
        write(file, bad)
        for _ in range(2):
            assert not await follower.file.refresh()
        assert follower.file.problem is not None
        assert follower.current.find(key.key_id) is not None
    put(file, good)
    assert not await follower.file.refresh()
    assert follower.file.problem is None
    for change in (remove, make_folder, make_pipe):
        change(file)
        assert not await follower.file.refresh()
        assert follower.current.find(key.key_id) is not None
    remove(file)
    put(file, AccessList.empty())
    assert await follower.file.refresh()
    assert follower.current.find(key.key_id) is None
    assert follower.changes == 2
    told = [line["problem"] for line in log.lines if line["event"] == "file not followed"]
    assert len(told) == len(set(told)) + 1  # a pipe is as empty as an empty file
    assert key.text not in log.text


async def test_a_key_lets_in_as_soon_as_it_is_listed_and_not_before(
    emulator: Emulator, file: Path, log: Log
) -> None:
    key = ApiKey.generate()
    async with running_gateway(emulator, app_access_list_file=file) as gateway:
        assert await refused(gateway) == (401, "unauthorized")
        assert await refused(gateway, **bearer(key)) == (401, "unauthorized")
        listed = gateway.gateway.authentication.listed
        assert listed is not None
        put(file, access_list(key_entry(key)))
        await eventually(lambda: listed.find(key.key_id) is not None)
        async with client(gateway, additional_headers=bearer(key)) as socket:
            await send(socket, "start_transcription")
            assert (await said(socket))["type"] == "session_started"
            await send(socket, "stop_transcription")
            await said_until(socket, "session_stopped")
        # One in an address would stand in the logs of others.
        assert await refused(gateway, f"/?token={key.text}") == (401, "unauthorized")
        read = gateway.gateway.metrics.registry.get_sample_value
        assert read("perch_tokens_refused_total", {"reason": "unknown"}) == 1
        assert read("perch_api_keys") == 1
        assert (read("perch_api_keys_soonest_end_seconds") or 0) > 0
        assert read("perch_file_not_followed", {"name": "APP_ACCESS_LIST_FILE"}) == 0
    [line] = [line for line in log.lines if line["event"] == "token refused"]
    assert (line["reason"], line["id"]) == ("unknown", key.key_id)
    assert key.text not in log.text
    assert key.text[17:] not in log.text


async def test_a_key_that_is_revoked_ends_its_session_once_that_is_finalised_and_no_other(
    emulator: Emulator, file: Path
) -> None:
    key, other = ApiKey.generate(), ApiKey.generate()
    put(file, access_list(key_entry(key), key_entry(other, owner="ben")))
    async with (
        running_gateway(emulator, app_access_list_file=file) as gateway,
        client(gateway, additional_headers=bearer(key)) as ours,
        client(gateway, additional_headers=bearer(key)) as idle,
        client(gateway, additional_headers=bearer(other)) as theirs,
    ):
        for socket in (ours, theirs):
            await send(socket, "start_transcription", resumable=True)
            await socket.send(SILENCE_100MS * 10)
            heard = await said_until(socket, "transcription")
        gone = key_entry(key, revoked=key_entry(key).created)
        put(file, access_list(gone, key_entry(other, owner="ben")))
        error, code = await last_words(idle)
        assert (error["code"], error["retryable"], code) == ("unauthorized", False, 1008)
        heard = await said_until(ours, "error")
        _, code = await last_words(ours)
        finals = [message["text"] for message in heard if message["type"] == "transcription"]
        assert finals == ["world"]
        assert heard[-2]["type"] == "session_stopped"
        assert (heard[-1]["code"], heard[-1]["retryable"], code) == ("unauthorized", False, 1008)
        assert await refused(gateway, **bearer(key)) == (401, "unauthorized")
        await send(theirs, "stop_transcription")
        await said_until(theirs, "session_stopped")
        read = gateway.gateway.metrics.registry.get_sample_value
        assert read("perch_tokens_refused_total", {"reason": "revoked"}) == 1
        # Admitted by another key, nobody goes on with what was the revoked one's.
        [resume] = [message["resume"] for message in heard if message["type"] == "transcription"]
        async with client(gateway, additional_headers=bearer(other)) as thief:
            await send(thief, "start_transcription", resumable=True, resume=resume["token"])
            answer = await said_until(thief, "error")
            assert answer[-1]["code"] == "resume_rejected"


async def test_who_waits_for_a_place_is_told_at_once_that_his_key_was_revoked(
    emulator: Emulator, file: Path
) -> None:
    key, other = ApiKey.generate(), ApiKey.generate()
    put(file, access_list(key_entry(key), key_entry(other, owner="ben")))
    async with (
        running_gateway(
            emulator, app_access_list_file=file, ws_max_concurrent_sessions=1
        ) as gateway,
        client(gateway, additional_headers=bearer(other)) as first,
        client(gateway, "/?wait=60", additional_headers=bearer(key)) as waiting,
    ):
        await send(first, "start_transcription")
        await said_until(first, "session_started")
        await send(waiting, "start_transcription")
        await said_until(waiting, "queued")
        put(file, access_list(key_entry(other, owner="ben")))
        error, code = await last_words(waiting)
        assert (error["code"], code) == ("unauthorized", 1008)
        assert gateway.gateway.admission.sessions == 1


async def test_the_new_key_of_an_owner_goes_on_with_the_session_of_the_old_one(
    emulator: Emulator, file: Path
) -> None:
    old, new = ApiKey.generate(), ApiKey.generate()
    put(file, access_list(key_entry(old, replaced_by=new.key_id), key_entry(new)))
    async with running_gateway(emulator, app_access_list_file=file) as gateway:
        async with client(gateway, additional_headers=bearer(old)) as socket:
            await send(socket, "start_transcription", resumable=True)
            await socket.send(SILENCE_100MS * 10)
            final = (await said_until(socket, "transcription"))[-1]
        async with client(gateway, additional_headers=bearer(new)) as socket:
            token_of = final["resume"]["token"]
            await send(socket, "start_transcription", resumable=True, resume=token_of)
            started = (await said_until(socket, "session_started"))[-1]
            assert started["resumed"] is not None


async def test_a_key_allows_what_it_was_made_for(emulator: Emulator, file: Path) -> None:
    streams, files = ApiKey.generate(), ApiKey.generate()
    put(
        file,
        access_list(
            key_entry(streams, scopes=frozenset({"stream"})),
            key_entry(files, scopes=frozenset({"file"})),
        ),
    )
    async with (
        running_gateway(emulator, app_access_list_file=file) as gateway,
        httpx.AsyncClient(base_url=gateway.http_url, trust_env=False) as http,
    ):
        assert await refused(gateway, **bearer(files)) == (403, "insufficient_scope")
        answer = await http.post("/transcribe/file", headers=bearer(streams))
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        answer = await http.post("/transcribe/file", headers=bearer(files))
        assert answer.status_code == 400  # a request without a file


async def test_tokens_of_the_issuer_are_revoked_by_their_name_and_by_their_client(
    emulator: Emulator, file: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_bytes(key_set(("ES256", "one")))
    settings: dict[str, Any] = {
        "app_jwt_keys_file": keys,
        "app_jwt_issuer": NAME,
        "app_jwt_audience": AUDIENCE,
        "app_access_list_file": file,
    }
    one, two = token(claims(jti="one")), token(claims(jti="two", client_id="app-2"))
    async with (
        running_gateway(emulator, **settings) as gateway,
        client(gateway, additional_headers=bearer(one)) as first,
        client(gateway, additional_headers=bearer(two)) as second,
    ):
        now = key_entry(ApiKey.generate()).created
        by_name = RevokedToken(jti="one", revoked=now, until=now)
        put(file, access_list(tokens=(by_name,)))
        assert (await last_words(first))[0]["code"] == "unauthorized"
        assert await refused(gateway, **bearer(one)) == (401, "unauthorized")
        put(
            file,
            access_list(tokens=(by_name,), clients=(RevokedClient(client="app-2", before=now),)),
        )
        assert (await last_words(second))[0]["code"] == "unauthorized"
        assert await refused(gateway, **bearer(two)) == (401, "unauthorized")
        later = token(claims(now.timestamp() + 5, jti="three", client_id="app-2"))
        async with client(gateway, additional_headers=bearer(later)):
            pass


async def test_who_shows_no_token_is_let_in_where_that_is_said_and_a_bad_key_is_not(
    emulator: Emulator, file: Path, log: Log
) -> None:
    key = ApiKey.generate()
    put(file, access_list(key_entry(key)))
    settings: dict[str, Any] = {"app_access_list_file": file, "app_anonymous": "allowed"}
    async with running_gateway(emulator, **settings) as gateway:
        async with client(gateway), client(gateway, additional_headers=bearer(key)):
            identities = {session.identity for session in gateway.gateway.sessions}
            assert {one and one.client for one in identities} == {None, "api-key ann"}
        # As before there were keys: what an old client shows is nobody's.
        async with client(gateway, additional_headers=bearer(STATIC)):
            pass
        assert await refused(gateway, **bearer(ApiKey.generate())) == (401, "unauthorized")
    assert any("may use it" in line["event"] for line in log.lines)


@pytest.mark.parametrize(
    "others", [{"app_auth_tokens": STATIC}, {"app_jwt_keys_url": "https://issuer.example/keys"}]
)
async def test_where_others_say_who_may_connect_nobody_is_let_in_who_shows_nothing(
    emulator: Emulator, file: Path, others: dict[str, Any]
) -> None:
    issuer = {"app_jwt_issuer": NAME, "app_jwt_audience": AUDIENCE}
    changes = others if "app_auth_tokens" in others else others | issuer
    settings: dict[str, Any] = {"app_access_list_file": file, "app_anonymous": "allowed", **changes}
    async with running_gateway(emulator, **settings) as gateway:
        assert await refused(gateway) == (401, "unauthorized")
