"""Deepgram's live transcription on the wire: who is let in, and how streams end that nobody ended.

The recogniser follows a script: how real speech fares is tests/clients.
"""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app.emulator import After, Emulator, Fail, Script, StreamScript
from tests.app.gateway.dialects.deepgram_streams import (
    KEY,
    RAW,
    SECOND,
    SPOKEN,
    closed,
    listening,
    refused,
    texts,
)
from tests.support.gateways.running import Running, running_gateway, said, said_until, send

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"Authorization": f"Token {KEY}"}},
        {"additional_headers": {"Authorization": f"bearer {KEY}"}},
        {"subprotocols": [Subprotocol("token"), Subprotocol(KEY)]},
        {
            "subprotocols": [
                Subprotocol("bearer"),
                Subprotocol(KEY),
                Subprotocol("x-deepgram-session-id"),
            ]
        },
    ],
    ids=["token", "bearer", "token-subprotocol", "bearer-subprotocol"],
)
async def test_a_key_is_taken_where_the_sdks_show_it(
    emulator: Emulator, options: dict[str, Any]
) -> None:
    async with running_gateway(emulator, app_auth_tokens=KEY) as gateway:
        async with listening(gateway, **options) as socket:
            offered = options.get("subprotocols")
            assert socket.subprotocol == (offered[0] if offered else None)
        status, body = await refused(gateway, RAW)
        assert (status, body["err_code"]) == (401, "INVALID_AUTH")
        status, _ = await refused(
            gateway, RAW, additional_headers={"Authorization": "Token another"}
        )
        assert status == 401


async def test_a_full_gateway_refuses_with_a_status(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_max_concurrent_sessions=1) as gateway,
        listening(gateway) as first,
    ):
        await first.send(SECOND)
        status, body = await refused(gateway, RAW)
    assert status == 503
    assert body["err_code"] == "TOO_MANY_SESSIONS"


async def test_an_idle_stream_ends_with_deepgrams_code(emulator: Emulator) -> None:
    async with (
        running_gateway(emulator, ws_idle_timeout_s=0.2) as gateway,
        listening(gateway) as socket,
    ):
        heard = await said_until(socket, "Metadata")
        code, reason = await closed(socket)
    assert heard[-1]["duration"] == 0
    assert (code, reason.split(" ")[0]) == (1011, "NET-0001")


async def test_a_drain_brings_the_last_words_before_it_closes(
    emulator: Emulator,
) -> None:
    emulator.set_script(Script(streams=(SPOKEN,)))
    async with (
        running_gateway(emulator, app_drain_grace_s=0.2, app_drain_timeout_s=20) as gateway,
        listening(gateway) as socket,
    ):
        await socket.send(SECOND)
        first = await said(socket)
        gateway.gateway.begin_drain()
        rest = await said_until(socket, "Metadata")
        code, reason = await closed(socket)
    assert texts([first, *rest]) == ["Good morning.", "Thank you."]
    # No SDK takes this for the end that it asked for: what is said from now on needs a new stream.
    assert (code, reason.split(" ")[0]) == (1001, "GOING_AWAY")


async def test_a_recogniser_that_breaks_costs_no_word_and_is_not_told(
    gateway: Running, emulator: Emulator
) -> None:
    breaks = Fail(do="fail", after=After(results=1), status="UNAVAILABLE", message="gone")
    emulator.set_script(
        Script(streams=(StreamScript(results=SPOKEN.results, fault=breaks), SPOKEN))
    )
    async with listening(gateway) as socket:
        await socket.send(SECOND)
        await send(socket, "CloseStream")
        heard = await said_until(socket, "Metadata")
        assert await closed(socket) == (1000, "")
    assert [one["type"] for one in heard] == ["Results", "Results", "Metadata"]
    assert texts(heard) == ["Good morning.", "Thank you."]


async def test_an_environment_that_does_not_offer_it_has_nothing_there(emulator: Emulator) -> None:
    async with running_gateway(emulator, app_dialects="openai") as gateway:
        with pytest.raises(InvalidStatus, match="404"):
            async with listening(gateway):
                pass
