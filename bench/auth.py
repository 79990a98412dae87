"""`make bench ARGS=--auth`: what it costs to know who connects.

The same short session, a connection of its own each time, once for each way of saying who it is, in
turns within each round: nobody asks, a static token, an API key, a JSON Web Token (ES256), a
single-use token, and one with its exchange. All but the first are asked of one gateway that takes
all of them. The figures are the gateway's CPU time, and the time from connecting to
`session_started`; each with its ratio to nobody asking, as the median over the rounds.
"""

import asyncio
import json
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import jwt
import psutil
import uvloop
import websockets
from cryptography.hazmat.primitives.asymmetric import ec

from app.credentials.access_list import AccessList, KeyEntry
from app.credentials.api_key import ApiKey
from app.credentials.scopes import Scope
from bench.processes import free_port, pin, running, wait_for_port

NONE = "none"
WARM_UP = 20
"""Sessions of each kind before the count: imports and first connections are paid once a process."""
STATIC = "made-up-static-token-of-a-benchmark"
ISSUER, AUDIENCE = "https://issuer.example/", "speech.example"
TokenOf = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way of saying who it is.

    Attributes:
        name: For the table.
        port: Of the gateway that is asked.
        pid: Of its process.
        token: Gives what is shown; its time counts.
        prepared: Whether the tokens are made before the clock runs.
    """

    name: str
    port: int
    pid: int
    token: TokenOf
    prepared: bool = True


@dataclass(slots=True)
class Figures:
    """What one way took, a number a round: milliseconds of CPU a session, and to its start."""

    cpu_ms: list[float] = field(default_factory=list)
    start_ms: list[float] = field(default_factory=list)


async def _session(url: str, token: str | None) -> float:
    """Run a session without sound; return the seconds from connecting to its start."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    begun = time.perf_counter()
    async with websockets.connect(url, additional_headers=headers, compression=None) as socket:
        await socket.recv()
        await socket.send(json.dumps({"type": "start_transcription"}))
        started = json.loads(await socket.recv())
        took = time.perf_counter() - begun
        if started["type"] != "session_started":
            sys.exit(f"bench: {started}")
        await socket.send(json.dumps({"type": "stop_transcription"}))
        while json.loads(await socket.recv())["type"] != "session_stopped":
            pass
    return took


async def _round(way: Way, sessions: int, figures: Figures | None) -> None:
    prepared = [await way.token() for _ in range(sessions)] if way.prepared else []
    gateway = psutil.Process(way.pid)
    url, took = f"ws://127.0.0.1:{way.port}/ws", []
    before = gateway.cpu_times()
    for number in range(sessions):
        begun = time.perf_counter()
        token = prepared[number] if way.prepared else await way.token()
        asking = time.perf_counter() - begun
        took.append(asking + await _session(url, token))
    after = gateway.cpu_times()
    if figures is not None:
        cpu = after.user + after.system - before.user - before.system
        figures.cpu_ms.append(cpu / sessions * 1000)
        figures.start_ms.append(median(took) * 1000)


async def compare(ways: list[Way], sessions: int, rounds: int) -> dict[str, Figures]:
    """Run all ways in turns, so that whatever else the machine does meets each alike."""
    seen = {way.name: Figures() for way in ways}
    for way in ways:
        await _round(way, WARM_UP, None)
    for _ in range(rounds):
        for way in ways:
            await _round(way, sessions, seen[way.name])
    return seen


def render(seen: dict[str, Figures], sessions: int) -> str:
    """Return a table with each way's ratio to nobody asking, of the same round."""
    base = seen[NONE]
    lines = [
        f"{'shown':<24}{'CPU ms/session':>16}{'x none':>9}{'ms to start':>13}{'x none':>9}",
    ]
    for name, one in seen.items():
        cpu = [mine / theirs for mine, theirs in zip(one.cpu_ms, base.cpu_ms, strict=True)]
        start = [mine / theirs for mine, theirs in zip(one.start_ms, base.start_ms, strict=True)]
        lines.append(
            f"{name:<24}{median(one.cpu_ms):>16.2f}{median(cpu):>9.2f}"
            f"{median(one.start_ms):>13.2f}{median(start):>9.2f}"
        )
    rounds = len(base.cpu_ms)
    lines.append(f"{rounds} rounds of {sessions} connections, each with a session, one at a time")
    return "\n".join(lines)


def _credentials(folder: Path) -> tuple[dict[str, str], str, Callable[[], str]]:
    """Write what clients are known by; return the gateway's settings, a key, and a JWT's maker."""
    key, now = ApiKey.generate(), datetime.now(UTC)
    entry = KeyEntry(
        id=key.key_id,
        owner="bench",
        sha256=key.sha256,
        scopes=frozenset({Scope.STREAM, Scope.FILE}),
        created=now,
        expires=now + timedelta(days=1),
    )
    listed = AccessList(format=1, keys=(entry,), revoked_tokens=(), revoked_clients=())
    (folder / "access-list.json").write_text(listed.write(), encoding="utf-8")
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    # RFC 7518, 6.2.1.
    public = {
        name: urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
        for name, value in (("x", numbers.x), ("y", numbers.y))
    }
    keys = {"keys": [{**public, "kty": "EC", "crv": "P-256", "kid": "one", "use": "sig"}]}
    (folder / "keys.json").write_text(json.dumps(keys), encoding="utf-8")

    def made() -> str:
        said = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "bench",
            "iat": time.time(),
            "exp": time.time() + 3600,
            "scope": "stream file",
        }
        return jwt.encode(said, private, "ES256", {"kid": "one"})

    settings = {
        "APP_AUTH_TOKENS": STATIC,
        "APP_ACCESS_LIST_FILE": str(folder / "access-list.json"),
        "APP_JWT_KEYS_FILE": str(folder / "keys.json"),
        "APP_JWT_ISSUER": ISSUER,
        "APP_JWT_AUDIENCE": AUDIENCE,
        "APP_JWT_ALGORITHMS": "ES256",
        "APP_SINGLE_USE_PER_MINUTE": "0",
    }
    return settings, key.text, made


def _always(token: str | None) -> TokenOf:
    async def give() -> str | None:
        await asyncio.sleep(0)
        return token

    return give


async def _measure(
    ports: dict[str, int], pids: dict[str, int], key: str, made: Callable[[], str], asked: list[int]
) -> dict[str, Figures]:
    async with httpx.AsyncClient(trust_env=False) as http:

        async def exchange() -> str:
            answer = await http.post(
                f"http://127.0.0.1:{ports['guarded']}/v1/tokens",
                headers={"Authorization": f"Bearer {key}"},
                json={"ttl": 600},
            )
            return str(answer.raise_for_status().json()["token"])

        async def fresh() -> str:
            await asyncio.sleep(0)
            return made()

        def guarded(name: str, token: TokenOf, *, prepared: bool = True) -> Way:
            port, pid = ports["guarded"], pids["guarded"]
            return Way(name=name, port=port, pid=pid, token=token, prepared=prepared)

        ways = [
            Way(name=NONE, port=ports["open"], pid=pids["open"], token=_always(None)),
            guarded("static token", _always(STATIC)),
            guarded("API key", _always(key)),
            guarded("JSON Web Token", fresh),
            guarded("single-use token", exchange),
            guarded("the same, exchanged", exchange, prepared=False),
        ]
        return await compare(ways, *asked)


def run(sessions: int, rounds: int) -> str:
    """Start recogniser and gateways, compare, and return a table."""
    cores = list(range(psutil.cpu_count() or 1))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        settings, key, made = _credentials(folder)
        asr = stack.enter_context(running(["-m", "bench.echo_asr"], {}))
        assert asr.stdout is not None  # noqa: S101 - a pipe was asked for
        grpc_port, http_port = asr.stdout.readline().split()
        ports, pids = {}, {}
        for name, own in (("open", {}), ("guarded", settings)):
            ports[name] = free_port()
            environment = {
                "RIVA_HOST": "127.0.0.1",
                "RIVA_PORT": grpc_port,
                "RIVA_HTTP_PORT": http_port,
                "APP_HOST": "127.0.0.1",
                "APP_PORT": str(ports[name]),
                "WS_CLIENT_SHARE": "1",
                "LOG_LEVEL": "WARNING",
                **own,
            }
            gateway = stack.enter_context(running(["-m", "app.gateway"], environment))
            wait_for_port(ports[name], gateway)
            pids[name] = gateway.pid
            pin(psutil.Process(gateway.pid), cores[:1])
        others = cores[1:] or cores
        pin(psutil.Process(asr.pid), others)
        pin(psutil.Process(), others)
        seen = uvloop.run(_measure(ports, pids, key, made, [sessions, rounds]))
    return render(seen, sessions)
