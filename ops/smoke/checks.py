"""Whether a stack works: from the name of its endpoint to the words of a recognised recording.

Only what a client can see is asked, and only through the endpoint, so the same checks hold for any
environment.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from app.client import (
    ClientError,
    ForbiddenError,
    Outcome,
    Reconnected,
    ResumableConnection,
    UnauthorizedError,
    connect,
    read_audio,
    stream,
)
from app.loopback import is_this_machine
from ops.console.options import bearer, revealed
from ops.qa.wer import count_errors
from ops.smoke import told
from ops.smoke.certificate import shown, trust
from ops.smoke.dialect_b import recognise
from ops.smoke.failure import CheckFailedError, CheckWarning
from ops.smoke.latency import Latency, measured, speech_start_s
from ops.smoke.recording import Recording
from ops.smoke.report import Check, Heard, Report, Status
from ops.stack import StackOutputs

MAX_WORD_ERROR_RATE = 0.12
"""Most that clean speech may cost: the project's target for it."""
CHECK_SECONDS = 10.0
SESSION_SECONDS = 60.0
WRONG_TOKEN = "perch-smoke-wrong-token"  # noqa: S105 - of nobody
Slo = Literal["off", "warn", "fail"]
"""Whether latency is measured, and what it means that it is above the objective."""


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
        min_certificate_days: Fewest days that the certificate must still be valid.
        dialect_b: Whether the recording is recognised over dialect B, too.
        slo: Whether latency is measured, and what it means to be above the objective.
        on_check: Called with each check as it ends.
    """

    outputs: StackOutputs
    recorded: Recording
    colour: str | None = None
    awake: Sequence[str] = ()
    max_word_error_rate: float = MAX_WORD_ERROR_RATE
    token: SecretStr | None = None
    authority: Path | None = None
    min_certificate_days: int = 0
    dialect_b: bool = True
    slo: Slo = "off"
    on_check: Callable[[Check], None] = field(default=lambda _: None)
    heard: Heard | None = None
    version: str | None = None
    answered: tuple[str, ...] = ()
    model: str | None = None
    certificate_days: int | None = None
    latency: Latency | None = None

    async def run(self) -> Report:
        """Make every check in order; one that others stand on lets them be skipped."""
        begun = time.monotonic()
        checks: list[Check] = []
        reachable = True
        for name, check, foundation in self._checks():
            done = await _time(name, check) if reachable else _skipped(name)
            reachable = reachable and not (foundation and done.status == "failed")
            checks.append(done)
            self.on_check(done)
        return Report(
            stack=self.outputs.environment,
            endpoint_url=self.outputs.endpoint_url,
            colour=self.colour,
            ok=all(check.status in {"ok", "warning"} for check in checks),
            seconds=round(time.monotonic() - begun, 3),
            checks=tuple(checks),
            heard=self.heard,
            version=self.version,
            answered=self.answered,
            model=self.model,
            certificate_days=self.certificate_days,
            latency=self.latency,
        )

    def _checks(self) -> Iterator[tuple[str, Callable[[], Awaitable[str]], bool]]:
        """Yield each check with its name, and whether the others stand on it."""
        yield "the endpoint takes connections", self._connects, True
        yield "its certificate is valid", self._certificate, True
        if self.min_certificate_days:
            # What is still valid proves the endpoint: the other checks do not stand on this one.
            yield "its certificate is valid long enough", self._long_enough, False
        yield "the gateway is alive", self._alive, False
        yield "the gateway is ready", self._ready, False
        yield "the colours are ready", self._colours, False
        yield "the colour that answers says so", self._own_colour, False
        yield "the model is listed", self._model_listed, False
        yield "a recording is recognised", self._session, False
        yield "a wrong token is refused", self._wrong_token, False
        if self.dialect_b:
            yield "dialect B recognises it too", self._session_b, False
        if self.slo != "off":
            yield "words come in time", self._in_time, False

    @property
    def _address(self) -> tuple[str, int]:
        parts = urlsplit(self.outputs.endpoint_url)
        return str(parts.hostname), parts.port or self.outputs.listener_port

    def _trust(self) -> ssl.SSLContext:
        return trust(self.authority or self.outputs.ca_certificate_path)

    def _headers(self, colour: str | None) -> dict[str, str]:
        return {self.outputs.direct_header: colour} if colour else {}

    def _connected(self) -> AbstractAsyncContextManager[ResumableConnection]:
        return connect(
            self.outputs.websocket_url,
            token=revealed(self.token),
            ssl_context=self._trust(),
            headers=self._headers(self.colour),
        )

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
        certificate = await shown(*self._address, self._trust())
        self.certificate_days = certificate.days
        return f"{certificate.version}, valid for {certificate.days} more days"

    async def _long_enough(self) -> str:
        said = f"it is valid for {self.certificate_days} more days"
        if (self.certificate_days or 0) < self.min_certificate_days:
            raise CheckFailedError(f"{said}; {self.min_certificate_days} are wanted")
        return said

    async def _get(self, path: str, colour: str | None) -> httpx.Response:
        host, _ = self._address
        try:
            async with httpx.AsyncClient(
                base_url=self.outputs.endpoint_url,
                verify=self._trust(),
                # Strangers are told a status, and neither version nor colour.
                headers={**self._headers(colour), **bearer(self.token)},
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

    async def _alive(self) -> str:
        response = await self._get("/healthz", self.colour)
        if response.status_code != httpx.codes.OK:
            raise CheckFailedError(f"GET /healthz answers {told.summary(response)}")
        with suppress(ValueError, KeyError, TypeError):
            self.version = str(response.json()["version"])
        return told.summary(response)

    async def _ready(self) -> str:
        response = await self._get("/readyz", self.colour)
        if response.status_code != httpx.codes.OK:
            raise CheckFailedError(f"GET /readyz answers {told.readiness(response)}")
        return told.readiness(response)

    async def _colours(self) -> str:
        names = [name for name, _ in self.outputs.colours.items()]
        answers = await asyncio.gather(*(self._get("/readyz", name) for name in names))
        seen: dict[str, str | None] = {
            name: None if answer.status_code == httpx.codes.OK else told.readiness(answer)
            for name, answer in zip(names, answers, strict=True)
        }
        words = "; ".join(
            f"{name} is ready" if lack is None else f"{name}: {lack}" for name, lack in seen.items()
        )
        if any(seen[name] is not None for name in self.awake):
            raise CheckFailedError(words)
        return words

    async def _own_colour(self) -> str:
        asked = (self._get("/healthz", self.colour) for _ in range(told.ASKED))
        said = [told.colour_of(answer) for answer in await asyncio.gather(*asked)]
        self.answered = tuple(sorted({colour for colour in said if colour}))
        return told.colours(said, self.colour)

    async def _model_listed(self) -> str:
        return told.model(await self._get("/readyz", self.colour), self._deployed())

    def _deployed(self) -> dict[str, str | None]:
        """Return the model of each colour that may answer."""
        made = self.outputs.colours.items()
        return {name: one.model for name, one in made if self.colour in {None, name}}

    async def _session(self) -> str:
        try:
            audio = await asyncio.to_thread(read_audio, self.recorded.path)
            async with self._connected() as connection:
                outcome = await stream(connection, audio, realtime=False)
        except ClientError as error:
            code = f" ({error.code})" if error.code else ""
            raise CheckFailedError(f"{error}{code}") from None
        except ValueError as error:
            raise CheckFailedError(str(error)) from None
        return self._judged(audio.seconds, outcome)

    def _judged(self, seconds: float, outcome: Outcome) -> str:
        """Compare what dialect A's session heard with what is said."""
        reference = self.recorded.reference
        wrong = None if reference is None else count_errors(reference, outcome.text).rate
        self.heard = Heard(
            recording=self.recorded.path,
            audio_seconds=seconds,
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

    async def _wrong_token(self) -> str:
        try:
            async with connect(
                self.outputs.websocket_url,
                token=WRONG_TOKEN,
                ssl_context=self._trust(),
                headers=self._headers(self.colour),
                resume=False,
            ):
                pass
        except (UnauthorizedError, ForbiddenError) as refusal:
            return f"refused with HTTP {refusal.status}"
        except ClientError as error:
            raise CheckFailedError(f"{error}") from None
        if self.token is not None:
            raise CheckFailedError(
                "it is let in: this stack asks for no token, though one was given to ask with"
            )
        return "this stack asks for no token: whoever reaches it may speak"

    async def _session_b(self) -> str:
        try:
            audio = await asyncio.to_thread(read_audio, self.recorded.path)
        except (ClientError, ValueError) as error:
            raise CheckFailedError(str(error)) from None
        heard = await recognise(
            self.outputs.websocket_url,
            audio,
            token=revealed(self.token),
            context=self._trust(),
            headers=self._headers(self.colour),
        )
        self.model = heard.model
        wanted = set(self._deployed().values())
        if heard.model not in wanted:
            raise CheckFailedError(
                f"the gateway asks for model {heard.model}; deployed: "
                + " or ".join(sorted(map(str, wanted)))
            )
        model = heard.model or "of the recogniser's own choice"
        reference = self.recorded.reference
        if reference is None:
            return f"model {model}: {heard.text}"
        wrong = count_errors(reference, heard.text).rate or 0.0
        said = f"{wrong:.1%} of the words wrong, model {model}"
        if wrong > self.max_word_error_rate:
            raise CheckFailedError(f"{said}, {self.max_word_error_rate:.0%} are allowed")
        return said

    async def _in_time(self) -> str:
        try:
            audio = await asyncio.to_thread(read_audio, self.recorded.path)
            async with self._connected() as connection:
                outcome = await stream(
                    connection, audio, realtime=True, speech_start_s=speech_start_s(audio)
                )
        except (ClientError, ValueError) as error:
            raise CheckFailedError(str(error)) from None
        self.latency = measured(outcome)
        if not self.latency.within:
            raise (CheckFailedError if self.slo == "fail" else CheckWarning)(str(self.latency))
        return str(self.latency)


def _mended(reconnects: Sequence[Reconnected]) -> str:
    """Say that a session needed more than one connection: words came, yet something is unwell."""
    if not reconnects:
        return ""
    longest = max(healed.outage_s for healed in reconnects)
    return (
        f"; the connection broke {len(reconnects)} time(s), for {longest:.1f} s at most, and was "
        f"made again ({reconnects[-1].reason})"
    )


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
    except CheckWarning as warning:
        status, detail = "warning", str(warning)
    except TimeoutError:
        detail = f"not done after {2 * SESSION_SECONDS:.0f} s"
    except OSError as error:
        # A connection that breaks where no check expects it.
        detail = str(error) or type(error).__name__
    return Check(
        name=name, status=status, seconds=round(time.monotonic() - begun, 3), detail=detail
    )
