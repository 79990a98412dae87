"""Clients of a planted gateway, good and bad."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Opcode

from tests.support.frames import frame

if TYPE_CHECKING:
    from tests.acceptance.leaks.planted_gateway import PlantedGateway

AUDIO = bytes(6400)


class Visits:
    """Clients of every kind, one after the other; keeps what they were answered.

    Attributes:
        gateway: Whom they visit.
        trust: Their TLS.
        answers: What came, by who had asked.
        tokens: Resume tokens that were given out.
        single_use: Single-use tokens that were.
    """

    def __init__(self, gateway: PlantedGateway) -> None:
        self.gateway = gateway
        self.trust = ssl.create_default_context(cadata=gateway.authority.cert_pem.bytes().decode())
        self.answers: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.single_use: list[str] = []

    async def all(self) -> None:
        """Pay every visit."""
        token, wrong = self.gateway.token.text, self.gateway.wrong.text
        bearer, forged = f"Bearer {token}", self.gateway.signed[:-4] + "AAAA"
        for _ in range(2):  # the recogniser says too much in every other stream
            await self.session("a session by header", headers={"Authorization": bearer})
        await self.session("a session by subprotocol", offered=["perch", f"bearer.{token}"])
        await self.session("a session of dialect B", "/ws/transcribe", {"Authorization": bearer})
        signed = {"Authorization": f"Bearer {self.gateway.signed}"}
        await self.session("a session by a signed token", headers=signed)
        await self.session("a token in the address", f"/ws?token={token}")
        for name, path, headers in (
            ("nobody", "/ws", {}),
            ("a wrong token", "/ws", {"Authorization": f"Bearer {wrong}"}),
            ("a wrong scheme", "/ws", {"Authorization": f"Basic {token}"}),
            ("a wrong token in the address", f"/ws?token={wrong}", {}),
            ("a forged token", "/ws", {"Authorization": f"Bearer {forged}"}),
            ("a wrong origin", "/ws", {"Authorization": bearer, "Origin": "https://evil.example"}),
            ("a wrong host", "/ws", {"Authorization": bearer, "Host": f"{wrong}.example"}),
            ("a cookie", "/ws", {"Cookie": f"session={wrong}"}),
        ):
            await self.session(name, path, headers)
        await self._broken(bearer)
        await self._http(bearer)

    async def session(
        self,
        name: str,
        path: str = "/ws",
        headers: dict[str, str] | None = None,
        offered: list[str] | None = None,
    ) -> None:
        """Try to speak, and keep what comes."""
        heard: list[str] = []
        try:
            async with connect(
                f"wss://localhost:{self.gateway.port}{path}",
                ssl=self.trust,
                additional_headers=headers,
                subprotocols=offered,  # type: ignore[arg-type]
                compression=None,
                proxy=None,
            ) as socket:
                is_b = "transcribe" in path
                start: dict[str, Any] = {"resumable": True, "heartbeat": 0.5}
                message = (
                    {"type": "start_recording", "config": start}
                    if is_b
                    else {"type": "start_transcription", **start}
                )
                await socket.send(json.dumps(message))
                await socket.send(AUDIO)
                await socket.send('{"type": "finalize"}')
                await socket.send(
                    '{"type": "stop_recording"}' if is_b else '{"type": "stop_transcription"}'
                )
                with suppress(ConnectionClosed, TimeoutError):
                    async with asyncio.timeout(6):
                        async for text in socket:
                            heard.append(str(text))
                            if '_stopped"' in str(text):
                                break
        except InvalidStatus as refused:
            heard.append(f"{refused.response.status_code} {refused.response.headers}")
            heard.append((refused.response.body or b"").decode())
        self.answers += [(name, text) for text in heard]
        for text in heard:
            self._keep_tokens(text)

    def _keep_tokens(self, text: str) -> None:
        with suppress(ValueError):
            message = json.loads(text)
            point = message.get("resume") if isinstance(message, dict) else None
            if isinstance(point, dict):
                self.tokens.append(point["token"])

    async def _broken(self, bearer: str) -> None:
        """Messages and frames that are none, with the token in them."""
        token = self.gateway.token.text
        text, close = Opcode.TEXT, Opcode.CLOSE
        reserved = 0x40 | Opcode.BINARY
        for name, broken in (
            ("a message of an unknown type", frame(text, _message(token))),
            ("a message that is no JSON", frame(text, b'{"token": "' + token.encode())),
            ("a wrong field", frame(text, _message("start_transcription", language=token))),
            ("a false resume token", frame(text, _message("start_transcription", resume=token))),
            ("a text that is no text", frame(text, b"\xff" + token.encode())),
            ("a frame of an unknown kind", frame(reserved, token.encode())),
            ("a close with a reason", frame(close, b"\x0f\xa0" + token.encode())),
        ):
            async with connect(
                f"wss://localhost:{self.gateway.port}/ws",
                ssl=self.trust,
                additional_headers={"Authorization": bearer},
                compression=None,
                proxy=None,
            ) as socket:
                await socket.recv()
                socket.transport.write(broken)
                with suppress(ConnectionClosed, TimeoutError):
                    async with asyncio.timeout(0.5):
                        async for answer in socket:
                            self.answers.append((name, str(answer)))

    async def _http(self, bearer: str) -> None:
        token = self.gateway.token.text
        async with httpx.AsyncClient(
            verify=self.trust, trust_env=False, base_url=f"https://localhost:{self.gateway.port}"
        ) as client:
            sound = {"file": (f"{token}.wav", _wav(), "audio/wav")}
            rubbish = {"file": (f"{token}.wav", token.encode(), f"audio/{token}")}
            ours, wrong = {"Authorization": bearer}, {"Authorization": self.gateway.wrong.text}
            file, named = "/transcribe/file", f"/transcribe/file?language={token}"
            for name, asked in (
                ("an upload", client.post(file, headers=ours, files=sound)),
                ("an upload that is none", client.post(file, headers=ours, files=rubbish)),
                ("an upload of a language", client.post(named, headers=ours, files=sound)),
                ("an upload by a wrong token", client.post(file, headers=wrong, files=sound)),
                ("an upload by nobody", client.post(file, files=sound)),
                ("a page of that name", client.get(f"/{token}")),
                ("a method of that name", client.request(token[:20], "/healthz")),
                ("readiness", client.get("/readyz", headers=ours)),
                ("health", client.get("/health", headers=ours)),
                ("an upgrade that is none", client.get(f"/ws?token={token}")),
            ):
                answer = await asked
                self.answers.append((name, f"{answer.headers}\n{answer.text}"))
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{self.gateway.admin_port}"
            for accept in ("text/plain", "application/openmetrics-text"):
                answer = await client.get(f"{url}/metrics", headers={"Accept": accept})
                assert answer.status_code == 200
                self.answers.append(("metrics", answer.text))


def _message(kind: str, **fields: object) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


def _wav() -> bytes:
    head = b"RIFF\x24\x32\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80>\0\0\0}\0\0\2\0\x10\0data"
    return head + (6400).to_bytes(4, "little") + AUDIO
