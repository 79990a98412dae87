"""Whether a stack works: from the name of its endpoint to the words of a recognised recording.

Only what a client can see is asked, and only through the endpoint, so the same checks hold for any
environment.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict

from app.client import (
    ClientError,
    Reconnected,
    connect,
    lacks_authority,
    read_audio,
    stream,
)
from app.loopback import is_this_machine
from ops.console import hints
from ops.qa.wer import count_errors
from ops.smoke.recording import Recording
from ops.stack import StackOutputs

MAX_WORD_ERROR_RATE = 0.12
"""Most that clean speech may cost: the project's target for it."""
CHECK_SECONDS = 10.0
SESSION_SECONDS = 60.0
BODY_CHARS = 160

Status = Literal["ok", "failed", "skipped"]


class CheckFailedError(Exception):
    """A check did not hold; the message is its reason."""


class Check(BaseModel):
    """How one check went.

    Attributes:
        name: What was checked.
        status: `skipped` when a check it stands on had failed.
        seconds: How long it took.
        detail: What was seen, or why it failed.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    status: Status
    seconds: float
    detail: str


class Heard(BaseModel):
    """What was recognised.

    Attributes:
        recording: The file.
        audio_seconds: Its length.
        text: What was heard.
        reference: What is said in it; None when that is not known.
        word_error_rate: Share of wrong words; None without a reference.
        reconnects: How often the connection broke and the session went on over another one.
    """

    model_config = ConfigDict(frozen=True)

    recording: Path
    audio_seconds: float
    text: str
    reference: str | None
    word_error_rate: float | None
    reconnects: int = 0


class Report(BaseModel):
    """A whole smoke test.

    Attributes:
        stack: Name of the stack.
        endpoint_url: What was asked.
        colour: The one colour that was asked for; None when the weights decided.
        ok: Whether every check held.
        seconds: How long all took.
        checks: Every check in order.
        heard: The recording's words; None when no session came about.
    """

    model_config = ConfigDict(frozen=True)

    stack: str
    endpoint_url: str
    colour: str | None
    ok: bool
    seconds: float
    checks: tuple[Check, ...]
    heard: Heard | None


@dataclass(slots=True, kw_only=True)
class Smoke:
    """One smoke test.

    Args:
        outputs: The stack.
        recorded: What to have recognised.
        colour: Ask this colour, whatever the weights are; None to let them decide.
        awake: Colours that must be ready, whatever their weight.
        max_word_error_rate: Most of the reference's words that may be wrong.
        token: Bearer token of the gateway; None where it asks for none.
        authority: PEM file of an authority to trust in place of the one that the stack names.
        on_check: Called with each check as it ends.
    """

    outputs: StackOutputs
    recorded: Recording
    colour: str | None = None
    awake: Sequence[str] = ()
    max_word_error_rate: float = MAX_WORD_ERROR_RATE
    token: str | None = None
    authority: Path | None = None
    on_check: Callable[[Check], None] = field(default=lambda _: None)
    heard: Heard | None = None

    async def run(self) -> Report:
        """Make every check in order; one that others stand on lets them be skipped."""
        begun = time.monotonic()
        checks: list[Check] = []
        reachable = True
        for name, check, foundation in (
            ("the endpoint takes connections", self._connects, True),
            ("its certificate is valid", self._certificate, True),
            ("the gateway is alive", self._alive, False),
            ("the gateway is ready", self._ready, False),
            ("the colours are ready", self._colours, False),
            ("a recording is recognised", self._session, False),
        ):
            done = await _time(name, check) if reachable else _skipped(name)
            reachable = reachable and not (foundation and done.status == "failed")
            checks.append(done)
            self.on_check(done)
        return Report(
            stack=self.outputs.environment,
            endpoint_url=self.outputs.endpoint_url,
            colour=self.colour,
            ok=all(check.status == "ok" for check in checks),
            seconds=round(time.monotonic() - begun, 3),
            checks=tuple(checks),
            heard=self.heard,
        )

    @property
    def _address(self) -> tuple[str, int]:
        parts = urlsplit(self.outputs.endpoint_url)
        return str(parts.hostname), parts.port or self.outputs.listener_port

    def _trust(self) -> ssl.SSLContext:
        path = self.authority or self.outputs.ca_certificate_path
        try:
            return ssl.create_default_context(cafile=path)
        except FileNotFoundError:
            raise CheckFailedError(f"the authority's file {path} is not there") from None
        except ssl.SSLError:
            raise CheckFailedError(f"the authority's file {path} holds no certificate") from None
        except OSError as error:
            raise CheckFailedError(f"the authority's file {path}: {error.strerror}") from None

    def _headers(self, colour: str | None) -> dict[str, str]:
        return {self.outputs.direct_header: colour} if colour else {}

    async def _connects(self) -> str:
        host, port = self._address
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise CheckFailedError(f"the name {host} does not resolve: {error.strerror}") from None
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise CheckFailedError(f"nothing listens on {host} port {port}: {error}") from None
        peer = writer.get_extra_info("peername")[0]
        writer.close()
        await writer.wait_closed()
        return f"{host} has {len({item[4][0] for item in found})} address(es); {peer} answers"

    async def _certificate(self) -> str:
        host, port = self._address
        try:
            _, writer = await asyncio.open_connection(host, port, ssl=self._trust())
        except ssl.SSLCertVerificationError as error:
            hint = hints.certificate(unknown_authority=lacks_authority(error))
            raise CheckFailedError(
                f"it does not prove {host}: {error.verify_message}; {hint}"
            ) from None
        except (ssl.SSLError, OSError) as error:
            raise CheckFailedError(f"TLS with {host} port {port} fails: {error}") from None
        secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
        proof = secured.getpeercert() or {}
        version = secured.version()
        writer.close()
        await writer.wait_closed()
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(proof["notAfter"])), UTC)
        days = (until - datetime.now(UTC)).days
        return f"{version}, valid for {days} more days"

    async def _get(self, path: str, colour: str | None) -> httpx.Response:
        host, _ = self._address
        try:
            async with httpx.AsyncClient(
                base_url=self.outputs.endpoint_url,
                verify=self._trust(),
                headers=self._headers(colour),
                timeout=CHECK_SECONDS,
                # No proxy is the way to this machine, whatever the environment says.
                trust_env=not is_this_machine(host),
            ) as client:
                return await client.get(path)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise CheckFailedError(f"GET {path}: {reason}") from None
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise CheckFailedError(
                f"GET {path}: the proxy that the environment names (HTTPS_PROXY, ALL_PROXY; exempt "
                f"hosts stand in NO_PROXY) cannot be used: {error}"
            ) from None

    async def _expect_200(self, path: str) -> str:
        response = await self._get(path, self.colour)
        if response.status_code != httpx.codes.OK:
            raise CheckFailedError(f"GET {path} answers {_summary(response)}")
        return _summary(response)

    async def _alive(self) -> str:
        return await self._expect_200("/healthz")

    async def _ready(self) -> str:
        return await self._expect_200("/readyz")

    async def _colours(self) -> str:
        names = [name for name, _ in self.outputs.colours.items()]
        answers = await asyncio.gather(*(self._get("/readyz", name) for name in names))
        seen = {
            name: None if answer.status_code == httpx.codes.OK else _summary(answer)
            for name, answer in zip(names, answers, strict=True)
        }
        words = "; ".join(
            f"{name} is ready" if lack is None else f"{name}: {lack}" for name, lack in seen.items()
        )
        if any(seen[name] is not None for name in self.awake):
            raise CheckFailedError(words)
        return words

    async def _session(self) -> str:
        try:
            audio = await asyncio.to_thread(read_audio, self.recorded.path)
            async with connect(
                self.outputs.websocket_url,
                token=self.token,
                ssl_context=self._trust(),
                headers=self._headers(self.colour),
            ) as connection:
                outcome = await stream(connection, audio, realtime=False)
        except ClientError as error:
            code = f" ({error.code})" if error.code else ""
            raise CheckFailedError(f"{error}{code}") from None
        except ValueError as error:
            raise CheckFailedError(str(error)) from None
        reference = self.recorded.reference
        wrong = None if reference is None else count_errors(reference, outcome.text).rate
        self.heard = Heard(
            recording=self.recorded.path,
            audio_seconds=audio.seconds,
            text=outcome.text,
            reference=reference,
            word_error_rate=wrong,
            reconnects=len(outcome.reconnects),
        )
        if not outcome.text:
            raise CheckFailedError(f"not one word was heard in {self.recorded.path.name}")
        if wrong is None:
            return f"{self.recorded.path.name}: {outcome.text}{_mended(outcome.reconnects)}"
        if wrong > self.max_word_error_rate:
            raise CheckFailedError(
                f"{wrong:.1%} of the words are wrong, {self.max_word_error_rate:.0%} are allowed; "
                f"heard: {outcome.text}{_mended(outcome.reconnects)}"
            )
        return f"{self.recorded.path.name}, {wrong:.1%} of the words wrong" + _mended(
            outcome.reconnects
        )


def _mended(reconnects: Sequence[Reconnected]) -> str:
    """Say that a session needed more than one connection: words came, yet something is unwell."""
    if not reconnects:
        return ""
    longest = max(healed.outage_s for healed in reconnects)
    return (
        f"; the connection broke {len(reconnects)} time(s), for {longest:.1f} s at most, and was "
        f"made again ({reconnects[-1].reason})"
    )


def _summary(response: httpx.Response) -> str:
    body = " ".join(response.text.split())
    short = body if len(body) <= BODY_CHARS else f"{body[:BODY_CHARS]}..."
    return f"HTTP {response.status_code} {short}".strip()


def _skipped(name: str) -> Check:
    return Check(name=name, status="skipped", seconds=0.0, detail="what it stands on failed")


async def _time(name: str, check: Callable[[], Awaitable[str]]) -> Check:
    begun = time.monotonic()
    status: Status = "failed"
    try:
        async with asyncio.timeout(2 * SESSION_SECONDS):
            detail = await check()
        status = "ok"
    except CheckFailedError as failure:
        detail = str(failure)
    except TimeoutError:
        detail = f"not done after {2 * SESSION_SECONDS:.0f} s"
    except OSError as error:
        # A connection that breaks where no check expects it.
        detail = str(error) or type(error).__name__
    return Check(
        name=name, status=status, seconds=round(time.monotonic() - begun, 3), detail=detail
    )
