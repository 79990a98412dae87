"""What goes wrong with the machine a gateway runs on: disk, clock, names and certificates."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from tests.chaos.report import Promise, Row, judged
from tests.chaos.scenarios.common import SOME, roles, scene_at
from tests.chaos.scenarios.fleet import before, two_gateways
from tests.chaos.stage import Stage, endpoints, scenario
from tests.chaos.talking import resuming
from tests.chaos.verdict import Difference, compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.talking import Heard

FULL = Path("/dev/full")
YESTERDAY = timedelta(days=1)


@scenario("disk-full", "Not a byte of the gateway's log can be written (its output is /dev/full)")
async def disk_full(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    gateway = await stage.stopped_gateway(endpoints(only), LOG_LEVEL="DEBUG")
    await gateway.start(stdout=FULL)

    async def strike() -> None:
        """The disk is full all the time."""

    row = judged(title, await scene_at(gateway, [only], roles(SOME)).play(strike))
    # That nothing could be flushed is no reason not to end.
    await gateway.terminate()
    return row


@scenario("clock-jumps", "The gateway's wall clock jumps an hour on, then two hours back")
async def clock_jumps(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    gateway = await stage.gateway(
        endpoints(only), module="tests.chaos.shifted_clock", WS_IDLE_TIMEOUT_S="60"
    )

    async def strike() -> None:
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR2):
            gateway.signal(number)
            await asyncio.sleep(1.0)

    return judged(title, await scene_at(gateway, [only], roles(SOME)).play(strike))


def certificate(folder: Path, authority: trustme.CA, *, expired: bool) -> None:
    """Write a server's certificate, valid for a day or since yesterday not any more."""
    now = datetime.now(UTC)
    issued = authority.issue_cert(
        "localhost",
        "127.0.0.1",
        not_before=now - 2 * YESTERDAY,
        not_after=now - YESTERDAY if expired else now + YESTERDAY,
    )
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    (folder / "riva.pem").write_bytes(chain)
    (folder / "riva.key").write_bytes(issued.private_key_pem.bytes())


@scenario(
    "riva-certificate-expires",
    "The recogniser is restarted with a certificate that has expired, and again with a new one",
)
async def riva_certificate_expires(stage: Stage, title: str) -> Row:
    authority = trustme.CA()
    certificate(stage.folder, authority, expired=False)
    (stage.folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
    recogniser = await stage.own_recogniser(
        "riva",
        tls_certificate=str(stage.folder / "riva.pem"),
        tls_key=str(stage.folder / "riva.key"),
    )
    await recogniser.start()
    tls = {"RIVA_SSL": "true", "RIVA_SSL_CERT": str(stage.folder / "ca.pem")}
    gateway = await stage.gateway(endpoints(recogniser), RIVA_HTTP_SSL="false", **tls)

    async def restart(*, expired: bool) -> None:
        certificate(stage.folder, authority, expired=expired)
        await recogniser.kill()
        await recogniser.start()

    async def strike() -> None:
        await restart(expired=True)

    scene = scene_at(gateway, [recogniser], roles(SOME))
    trial = await scene.play(strike)
    await restart(expired=False)
    await gateway.ready()
    renewed, _ = await scene.rehearse()
    row = judged(title, trial, Promise(errors={"asr_failed": SOME}, told=True))
    return with_problems(row, same_words(trial.undisturbed, renewed))


@scenario(
    "listener-certificate-expires",
    "The load balancer is restarted with a certificate that has expired, and again with a new one",
)
async def listener_certificate_expires(stage: Stage, title: str) -> Row:
    (only,) = await stage.recognisers(1)
    async with two_gateways(stage, only) as door:

        async def strike() -> None:
            door.certify(not_after=datetime.now(UTC) - YESTERDAY)
            await door.listener.kill()
            await door.listener.launch()

        who = roles(SOME, client="resuming", session=resuming)
        scene = before(door, only, who)
        trial = await scene.play(strike)
        door.certify()
        await door.listener.kill()
        await door.open()
        renewed, _ = await scene.rehearse()
    row = judged(title, trial, Promise(errors={"ConnectFailedError": SOME}, told=True))
    return with_problems(row, same_words(trial.undisturbed, renewed))


def same_words(undisturbed: Sequence[Heard], later: Sequence[Heard]) -> list[str]:
    """Say which sessions, held when all was mended, do not have the words from before."""
    return [
        f"session {number} after the repair: {two.text!r}, not {one.text!r}"
        for number, (one, two) in enumerate(zip(undisturbed, later, strict=True))
        if compare(one.text, two.text) != Difference()
    ]


def with_problems(row: Row, problems: Sequence[str]) -> Row:
    """The row with more promises that were not kept."""
    return replace(row, broken=(*row.broken, *problems))
