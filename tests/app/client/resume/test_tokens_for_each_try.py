"""Single-use tokens in the client: one for each try, and none for a session that goes on by itself.

The real gateway's recogniser follows a script; where a gateway has to refuse, it is one from a
script, too.
"""

import asyncio
from http import HTTPStatus

import httpx
import pytest

from app.client import (
    ClientError,
    Reconnected,
    ReconnectRules,
    StartTranscription,
    UnauthorizedError,
    connect,
)
from app.contract.limits import PATH_TOKENS
from tests.app.client.resume.sessions import SOON, SPEECH, finals, read, say_all
from tests.support.faults.proxy import FaultProxy
from tests.support.gateways.breaking import At, Fault, breaking, texts_of
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    eventually,
    running_emulator,
    running_gateway,
)

KEPT = "a-static-token-0123456789"  # pragma: allowlist secret


class Shop:
    """Exchanges a kept token for single-use ones, and counts them."""

    def __init__(self, gateway: Running) -> None:
        self._url = gateway.http_url + PATH_TOKENS
        self.made: list[str] = []

    async def __call__(self) -> str:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(self._url, headers={"Authorization": f"Bearer {KEPT}"})
        self.made.append(answer.json()["token"])
        return self.made[-1]


async def test_a_session_goes_on_after_a_break_without_another_single_use_token() -> None:
    async with (
        running_emulator() as emulator,
        running_gateway(emulator, app_auth_tokens=KEPT) as gateway,
        FaultProxy("127.0.0.1", int(gateway.url.rpartition(":")[2])) as door,
    ):
        shop = Shop(gateway)
        url, rules = f"ws://127.0.0.1:{door.port}/ws", ReconnectRules(first_s=0.01)
        async with connect(url, token=shop, reconnect=rules) as link:
            await link.start(StartTranscription(heartbeat=0.5))
            await link.send(SILENCE_100MS)
            # A first heartbeat has brought the session's own token.
            await eventually(lambda: link.backlog_s is not None)
            await door.disable()
            await door.enable()
            await link.send(SILENCE_100MS)
            await eventually(lambda: len(link.reconnects) == 1)
            await link.finish()
            events = [event async for event in link.events()]
            assert any(isinstance(event, Reconnected) for event in events)
        assert len(shop.made) == 1
        # And one for each connection otherwise.
        for _ in range(2):
            async with connect(url, token=shop):
                pass
        assert len(set(shop.made)) == 3


async def test_where_the_sessions_own_token_is_refused_another_is_asked_for() -> None:
    asked: list[int] = []

    def token() -> str:
        asked.append(len(asked))
        return f"token-{len(asked)}"

    faults = [
        Fault(at=At.FINAL, count=2, as_bearer=True),
        Fault(at=At.REFUSED, status=HTTPStatus.UNAUTHORIZED),
        Fault(),
    ]
    async with (
        breaking(faults) as gateway,
        connect(gateway.url, token=token, reconnect=SOON) as link,
    ):
        await link.start(StartTranscription(sample_rate=8000))
        saying = asyncio.create_task(say_all(link))
        events = await read(link)
        await saying
    assert asked == [0, 1]
    assert finals(events) == texts_of(SPEECH)


async def test_one_token_that_is_refused_stays_refused() -> None:
    faults = [
        Fault(at=At.FINAL, count=2, as_bearer=True),
        Fault(at=At.REFUSED, status=HTTPStatus.UNAUTHORIZED),
        Fault(at=At.REFUSED, status=HTTPStatus.UNAUTHORIZED),
        Fault(),
    ]
    async with (
        breaking(faults) as gateway,
        connect(gateway.url, token="used-up", reconnect=SOON) as link,
    ):
        await link.start(StartTranscription(sample_rate=8000))
        saying = asyncio.create_task(say_all(link))
        with pytest.raises(UnauthorizedError):
            await read(link)
        with pytest.raises(UnauthorizedError):
            await saying


@pytest.mark.parametrize("given", ["", "with space", "tab\there", "\u00e9"])
async def test_what_cannot_be_sent_is_refused_before_anything_is(given: str) -> None:
    async def later() -> str:
        return given

    for source in (given, lambda: given, later):
        with pytest.raises(ValueError, match="characters a header cannot carry, or none"):
            async with connect("ws://127.0.0.1:1/ws", token=source):
                pass


@pytest.mark.parametrize("error", [RuntimeError("no server"), ClientError("no token")])
async def test_what_a_source_of_tokens_raises_is_raised(error: Exception) -> None:
    def broken() -> str:
        raise error

    with pytest.raises(type(error), match=str(error)):
        async with connect("ws://127.0.0.1:1/ws", token=broken):
            pass
