"""A dialect is one file and one line of registration, and nothing else of the gateway knows it.

The dialect here is made up of what other services' clients need: a session that begins with the
handshake, base64 audio in JSON, several messages for one result, close codes of its own, a token
and a subprotocol of its own.
"""

import ast
import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from app.contract import ContractError, ErrorCode
from app.emulator import Emulator
from app.gateway import dialects
from app.gateway.dialects import registry
from app.gateway.dialects.codec import DialectCodec, Handshake
from app.gateway.dialects.events import Event, Failed, Result, Started
from app.gateway.dialects.intents import Audio, Intent, SessionRequest, Start, Stop
from app.gateway.settings.gateway import GatewaySettings
from tests.support.gateways.running import SILENCE_100MS, running_gateway

PATH = "/v1/spoken"
TOKEN = "a-token-of-this-test-alone"  # pragma: allowlist secret
PACKAGE = Path(dialects.__file__).parent
GATEWAY = PACKAGE.parent
on_one_loop = pytest.mark.asyncio(loop_scope="module")
OWN = {
    path.stem
    for path in PACKAGE.iterdir()
    if path.stem not in {"client_secrets", "codec", "events", "intents", "registry", "upload"}
    and not path.stem.startswith("__")
}
"""Modules of one dialect, or of some of them alone."""
CONTRACT_OF_ONE_DIALECT = {
    "Dialect",
    "dialect_a",
    "dialect_b",
    "dialect_of",
    "parse_client_message",
    "audio_in_text",
    "CLIENT_MESSAGES",
}


class SpokenCodec(DialectCodec):
    """Speaks the dialect of this test."""

    name = "spoken"
    paths = (PATH,)
    audio_in_text = True

    def __init__(self, rate: int) -> None:
        self._rate = rate

    @classmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:
        return cls(int(handshake.query.get("rate", settings.audio_sample_rate)))

    @classmethod
    def select_subprotocol(cls, offered: Sequence[str]) -> str | None:
        return next((name for name in offered if name == "spoken"), None)

    @classmethod
    def credentials(cls, handshake: Handshake) -> Iterable[str]:
        return (
            name.removeprefix("key.") for name in handshake.subprotocols if name.startswith("key.")
        )

    def begin(self) -> Sequence[Intent]:
        return (Start(SessionRequest(sample_rate=self._rate, enable_partials=False)),)

    def parse(self, message: str | bytes) -> Sequence[Intent]:
        try:
            said = json.loads(message)
        except ValueError as error:
            raise ContractError(ErrorCode.INVALID_JSON) from error
        if "end" in said:
            return (Stop(lenient=True, closes=True),)
        return tuple(Audio(base64.b64decode(piece)) for piece in said["audio"])

    def result(self, result: Result) -> Sequence[str]:
        return json.dumps({"ended": True}), json.dumps({"text": result.transcript.text})

    def render(self, event: Event) -> Sequence[str]:
        match event:
            case Started(_, request, _):
                return (json.dumps({"rate": request.sample_rate}),)
            case Failed(error=error):
                return (json.dumps({"failed": error.code}),)
            case _:
                return ()

    def close_code(self, error: ContractError) -> int | None:
        return 4001 if error.code is ErrorCode.INVALID_JSON else super().close_code(error)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "DIALECTS", (*registry.DIALECTS, SpokenCodec))


@on_one_loop
async def test_a_new_dialect_is_served_by_its_codec_alone(emulator: Emulator) -> None:
    audio = base64.b64encode(SILENCE_100MS).decode()
    # More messages with audio than a client may send without any.
    async with (
        running_gateway(emulator, ws_control_burst=1, ws_control_rate=0.001) as gateway,
        connect(f"{gateway.url}{PATH}?rate=16000", subprotocols=[Subprotocol("spoken")]) as socket,
    ):
        assert socket.subprotocol == "spoken"
        for _ in range(4):
            await socket.send(json.dumps({"audio": [audio, audio]}))
        await socket.send('{"end": true}')
        heard = [json.loads(text) async for text in socket]
    ended = {"ended": True}
    assert heard == [{"rate": 16_000}, ended, {"text": "hello"}, ended, {"text": "world"}]
    assert socket.close_code == 1000
    count = gateway.gateway.metrics.registry.get_sample_value
    assert count("perch_sessions_started_total", {"dialect": "spoken", "group": "default"}) == 1
    assert count("perch_sessions_ended_total", {"reason": "stopped"}) == 1


@on_one_loop
async def test_a_dialect_has_close_codes_of_its_own(emulator: Emulator) -> None:
    async with running_gateway(emulator) as gateway, connect(gateway.url + PATH) as socket:
        await socket.send("nonsense")
        assert json.loads(await socket.recv()) == {"rate": 16_000}
        assert json.loads(await socket.recv()) == {"failed": "invalid_json"}
        await socket.wait_closed()
    assert socket.close_code == 4001


@on_one_loop
async def test_a_dialect_has_a_place_of_its_own_for_tokens(emulator: Emulator) -> None:
    key = Subprotocol(f"key.{TOKEN}")
    async with running_gateway(emulator, app_auth_tokens=TOKEN) as gateway:
        async with connect(gateway.url + PATH, subprotocols=[Subprotocol("spoken"), key]) as socket:
            assert socket.subprotocol == "spoken"
        with pytest.raises(InvalidStatus, match="401"):
            async with connect(gateway.url, subprotocols=[Subprotocol("perch"), key]):
                pass


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Return the modules and names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.module, alias.name) for alias in node.names)


def test_nothing_outside_the_dialects_knows_one() -> None:
    for path in GATEWAY.rglob("*.py"):
        if PACKAGE in path.parents:
            continue
        source = path.read_text(encoding="utf-8")
        assert "match dialect" not in source, path
        assert "if dialect" not in source, path
        for module, name in imported(path):
            assert not module.startswith(("app.contract.dialect_", "app.contract.parsing")), path
            assert not (module.startswith("app.contract") and name in CONTRACT_OF_ONE_DIALECT), path
            assert not module.startswith(tuple(f"app.gateway.dialects.{one}" for one in OWN)), path
            assert module != "app.gateway.dialects" or name not in OWN, path
