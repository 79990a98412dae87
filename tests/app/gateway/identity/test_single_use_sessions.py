"""What single-use tokens open: sessions at two real gateways with the same keys, behind TLS.

The recogniser is the emulator with a script. The issuer's keys come from a file, as an address of
them has tests of its own.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.contract import TokenAnswer
from app.credentials.api_key import ApiKey
from app.emulator import Emulator
from tests.app.gateway.conftest import Log
from tests.app.gateway.identity.pair import OTHER, STATIC, begin, of_issuer, pair
from tests.support import issuer
from tests.support.gateways.running import SILENCE_100MS, last_words, said, said_until, send
from tests.support.keys import access_list, key_entry, put

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_token_of_one_gateway_opens_one_session_at_another_and_is_in_no_log(
    emulator: Emulator, tmp_path: Path, log: Log
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        before = datetime.now(UTC)
        answer = await gateways.ask(ttl=30)
        assert answer.headers["Cache-Control"] == "no-store"
        made = TokenAnswer.model_validate_json(answer.text)
        assert set(answer.json()) == {"token", "expires_at", "expires_in", "scopes"}
        assert made.scopes == ["stream"]
        assert 29 < made.expires_in <= 30
        ends = before + timedelta(seconds=30)
        assert ends - timedelta(seconds=1) < made.expires_at < ends + timedelta(seconds=5)
        async with gateways.open(gateways.other, made.token) as socket:
            assert socket.subprotocol == "perch"
            await begin(socket)
            await socket.send(SILENCE_100MS)
            await send(socket, "stop_transcription")
            await said_until(socket, "session_stopped")
        assert await gateways.refused(gateways.other, made.token) == (401, "unauthorized")
        read = gateways.other.gateway.metrics.registry.get_sample_value
        assert read("perch_tokens_refused_total", {"reason": "used"}) == 1
        read = gateways.one.gateway.metrics.registry.get_sample_value
        assert read("perch_tokens_made_total", {"outcome": "ok"}) == 1
    for part in filter(None, (made.token, *made.token.split(".")[1:])):
        assert part not in log.text
    assert STATIC not in log.text


@pytest.mark.parametrize("where", ["header", "query"])
async def test_it_is_taken_wherever_a_token_is(
    emulator: Emulator, tmp_path: Path, log: Log, where: str
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        token = await gateways.token()
        url, headers = gateways.one.url, {}
        if where == "header":
            headers = {"Authorization": f"Bearer {token}"}
        else:
            url += f"/?token={token}"
        async with connect(url, ssl=gateways.trust, additional_headers=headers):
            pass
    assert token not in log.text


async def test_it_opens_an_upload_where_that_was_asked_for_and_nothing_that_was_not(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        upload = gateways.other.http_url + "/transcribe/file"
        for scopes, status in ((["file"], 400), (["stream"], 403)):
            shown = {"Authorization": f"Bearer {await gateways.token(scopes=scopes)}"}
            answer = await gateways.http.post(upload, headers=shown)
            assert answer.status_code == status  # 400: a request without a file
        file_only = await gateways.token(scopes=["file"])
        assert await gateways.refused(gateways.one, file_only) == (403, "insufficient_scope")


async def test_limits_of_the_client_count_over_all_that_stands_for_its_token(
    emulator: Emulator, tmp_path: Path
) -> None:
    changes = {**of_issuer(tmp_path), "app_auth_tokens": ""}
    async with pair(emulator, tmp_path, **changes) as gateways:
        limited = issuer.token(issuer.claims(perch_limits={"sessions": 1, "new_per_minute": 2}))
        tokens = [await gateways.token(limited) for _ in range(3)]
        async with (
            gateways.open(gateways.one, tokens[0]) as first,
            gateways.open(gateways.one, tokens[1]) as second,
        ):
            await begin(first)
            await send(second, "start_transcription")
            error = (await said_until(second, "error"))[-1]
            assert error["code"] == "too_many_client_sessions"
            await send(first, "stop_transcription")
            await said_until(first, "session_stopped")
            await begin(second)
            await send(second, "stop_transcription")
            await said_until(second, "session_stopped")
            await send(first, "start_transcription")
            error = (await said_until(first, "error"))[-1]
            assert error["code"] == "too_many_new_sessions"
        # Another gateway counts for itself.
        async with gateways.open(gateways.other, tokens[2]) as third:
            await begin(third)


async def test_it_may_be_bound_to_the_pages_of_one_origin(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        bound = "https://app.example.org"
        for wrong in (None, "https://app.example.org.evil.com", "http://app.example.org", "null"):
            token = await gateways.token(origin=bound)
            found = await gateways.refused(gateways.one, token, wrong)
            assert found == (403, "forbidden_origin")
        token = await gateways.token(origin="HTTPS://App.Example.org:443")
        async with gateways.open(gateways.one, token, origin=bound):
            pass


async def test_a_session_is_no_longer_than_its_token_says(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with pair(emulator, tmp_path, ws_warning_s=0.0) as gateways:
        token = await gateways.token(max_session_seconds=1)
        async with gateways.open(gateways.one, token) as socket:
            hello = await said(socket)
            assert hello["limits"]["max_session_s"] == 1
            await begin(socket)
            error = (await said_until(socket, "error"))[-1]
        assert error["code"] == "session_too_long"
        token = await gateways.token()
        async with gateways.open(gateways.one, token) as socket:
            assert (await said(socket))["limits"]["max_session_s"] == 7200


async def test_a_session_of_a_single_use_token_goes_on_at_another_gateway_by_its_resume_token(
    emulator: Emulator, tmp_path: Path, log: Log
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        async with gateways.open(gateways.one, await gateways.token()) as socket:
            hello = await said(socket)
            assert hello["resume"]["as_bearer"] is True
            # Of no session: it opens no door.
            assert await gateways.refused(gateways.other, hello["resume"]["token"]) == (
                401,
                "unauthorized",
            )
            started = await begin(socket, resumable=True)
            await socket.send(SILENCE_100MS * 6)
            point = (await said_until(socket, "transcription"))[-1]["resume"]
        async with gateways.open(gateways.other, point["token"]) as socket:
            assert (await said(socket))["resume"]["as_bearer"] is True
            for wrong in ({}, {"resume": hello["resume"]["token"]}):
                await send(socket, "start_transcription", resumable=True, **wrong)
                error = (await said_until(socket, "error"))[-1]
                assert error["code"] == "resume_rejected"
                assert "goes on with that session alone" in error["error"]
            again = await begin(socket, resumable=True, resume=point["token"])
            assert again["session_id"] == started["session_id"]
            beat = (await said_until(socket, "heartbeat"))[-1]
        # And on, by the newest one, for as long as it goes.
        async with gateways.open(gateways.one, beat["resume"]["token"]) as socket:
            again = await begin(socket, resumable=True, resume=beat["resume"]["token"])
            assert again["session_id"] == started["session_id"]
        # Neither in an address, nor for an upload.
        with pytest.raises(InvalidStatus):
            await connect(f"{gateways.one.url}/?token={point['token']}", ssl=gateways.trust)
        answer = await gateways.http.post(
            gateways.one.http_url + "/transcribe/file",
            headers={"Authorization": f"Bearer {point['token']}"},
        )
        assert answer.json()["code"] == "insufficient_scope"
    assert point["token"] not in log.text


async def test_a_session_that_a_kept_token_began_is_not_gone_on_with_without_one(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        async with gateways.open(gateways.one, STATIC) as socket:
            assert (await said(socket))["resume"]["as_bearer"] is False
            await begin(socket, resumable=True)
            beat = (await said_until(socket, "heartbeat"))[-1]
        token = beat["resume"]["token"]
        assert await gateways.refused(gateways.other, token) == (401, "unauthorized")
        # Nor by a single-use token of another client.
        async with gateways.open(gateways.other, await gateways.token(OTHER)) as socket:
            await send(socket, "start_transcription", resume=token)
            error = (await said_until(socket, "error"))[-1]
            assert "was given to another client" in error["error"]
        # One of its own does.
        async with gateways.open(gateways.other, await gateways.token()) as socket:
            await begin(socket, resume=token)


async def test_the_time_of_a_session_is_not_made_longer_by_going_on(
    emulator: Emulator, tmp_path: Path
) -> None:
    async with pair(emulator, tmp_path) as gateways:
        token = await gateways.token(max_session_seconds=2)
        async with gateways.open(gateways.one, token) as socket:
            await begin(socket, resumable=True, heartbeat=0.5)
            await said_until(socket, "heartbeat")
            later = (await said_until(socket, "heartbeat"))[-1]
        async with gateways.open(gateways.other, later["resume"]["token"]) as socket:
            limit = (await said(socket))["limits"]["max_session_s"]
            assert 0 < limit < 1.6


async def test_what_stands_for_a_key_dies_with_it_unused_resumed_or_running(
    emulator: Emulator, tmp_path: Path
) -> None:
    file, key, other = tmp_path / "access-list.json", ApiKey.generate(), ApiKey.generate()
    kept = key_entry(other, owner="ben")
    put(file, access_list(key_entry(key), kept))
    changes = {"app_auth_tokens": "", "app_access_list_file": file}
    async with pair(emulator, tmp_path, **changes) as gateways:
        unused, used, hers = [await gateways.token(key.text) for _ in range(3)]
        his = await gateways.token(other.text)
        async with (
            gateways.open(gateways.one, used) as running,
            gateways.open(gateways.one, his) as another,
        ):
            await begin(running, resumable=True)
            beat = (await said_until(running, "heartbeat"))[-1]
            await begin(another)
            # Before it is revoked, either kind lets her in.
            async with gateways.open(gateways.other, hers):
                pass
            async with gateways.open(gateways.other, beat["resume"]["token"]):
                pass
            put(file, access_list(key_entry(key, revoked=datetime.now(UTC)), kept))
            for gateway in (gateways.one, gateways.other):
                for files in gateway.gateway.followed:
                    await files.refresh()
                for shown in (unused, beat["resume"]["token"]):
                    assert await gateways.refused(gateway, shown) == (401, "unauthorized")
            assert (await gateways.ask(key.text)).status_code == 401
            error, code = await last_words(running)
            assert (error["code"], code) == ("unauthorized", 1008)
            await send(another, "ping")
            await said_until(another, "pong")
