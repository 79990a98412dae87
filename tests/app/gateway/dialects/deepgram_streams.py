"""Streams of Deepgram's dialect, for tests: opened, refused, closed, and what was heard in them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.emulator import ScriptedResult, ScriptedWord, StreamScript
from tests.support.gateways.running import Running, said

RAW = "encoding=linear16&sample_rate=16000"
SECOND = bytes(32_000)
KEY = "a-key-of-this-test-alone"  # pragma: allowlist secret

SPOKEN = StreamScript(
    results=(
        ScriptedResult(at=0.2, text="good mor"),
        ScriptedResult(
            at=0.8,
            text="Good morning.",
            is_final=True,
            confidence=0.75,
            words=(
                ScriptedWord(word="Good", start=0.1, end=0.3, confidence=0.5),
                ScriptedWord(word="morning.", start=0.3, end=0.7),
            ),
        ),
        # Owed until somebody asks for it, or the audio ends.
        ScriptedResult(
            at=3600,
            text="Thank you.",
            is_final=True,
            words=(
                ScriptedWord(word="Thank", start=0.75, end=0.8),
                ScriptedWord(word="you.", start=0.8, end=0.9),
            ),
        ),
    )
)


@asynccontextmanager
async def listening(
    gateway: Running,
    query: str = RAW,
    **options: Any,  # noqa: ANN401 - handed on to websockets
) -> AsyncIterator[ClientConnection]:
    async with connect(f"{gateway.url}/v1/listen?{query}", **options) as socket:
        yield socket


async def refused(gateway: Running, query: str, **options: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - likewise
    """Return status and body of a handshake that fails."""
    with pytest.raises(InvalidStatus) as info:
        async with listening(gateway, query, **options):
            pass
    response = info.value.response
    body: dict[str, Any] = json.loads(response.body)
    assert response.headers["dg-request-id"] == body["request_id"]
    assert response.headers["dg-error"]
    return response.status_code, body


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Return code and reason of the close, after which nothing else came."""
    with pytest.raises(ConnectionClosed) as info:
        await said(socket)
    assert info.value.rcvd is not None
    return info.value.rcvd.code, info.value.rcvd.reason


def texts(messages: list[dict[str, Any]], *, is_final: bool = True) -> list[str]:
    return [
        one["channel"]["alternatives"][0]["transcript"]
        for one in messages
        if one["type"] == "Results" and one["is_final"] is is_final
    ]
