"""What goes wrong with the machine a gateway runs on: disk, clock, names and certificates."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

from tests.chaos.clients import resuming
from tests.chaos.deployment import Deployment, endpoints, scenario
from tests.chaos.report import Promise, Row, judged
from tests.chaos.scenarios.common import SOME, roles, same_words, scene_at
from tests.chaos.scenarios.fleet import before, two_gateways
from tests.chaos.speech import LIVE, LONGER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.processes import Recogniser

FULL = Path("/dev/full")
YESTERDAY = timedelta(days=1)


@scenario("disk-full", "Not a byte of the gateway's log can be written (its output is /dev/full)")
async def disk_full(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(endpoints(only), {"LOG_LEVEL": "DEBUG"}, stdout=FULL)

    async def strike() -> None:
        """The disk is full all the time."""

    row = judged(title, await scene_at(gateway, [only], roles(SOME)).play(strike))
    # That nothing could be flushed is no reason not to end.
    await gateway.terminate()
    return row


@scenario("clock-jumps", "The gateway's wall clock jumps an hour on, then two hours back")
async def clock_jumps(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    gateway = await deployment.gateway(
        endpoints(only), {"WS_IDLE_TIMEOUT_S": "60"}, module="tests.chaos.shifted_clock"
    )

    async def strike() -> None:
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR2):
            gateway.signal(number)
            await asyncio.sleep(1.0)

    who = roles(SOME, client="resuming", session=resuming)
    return judged(title, await scene_at(gateway, [only], who).play(strike))


NAME = "recogniser.test"
OWN_NAMES = 'mount --bind "$0" /etc/hosts && exec "$@"'
"""Gives a program a file of names of its own, in namespaces that no administrator is needed for."""


@scenario(
    "name-moves",
    "The recogniser's name is given to another machine, then the first one gets SIGKILL",
)
async def name_moves(deployment: Deployment, title: str) -> Row:
    # Probes ask by the name, and a recogniser answers to names that it was told.
    known = ("--allowed-host", NAME)
    first = await deployment.own_recogniser("first", *known, host="127.0.0.2")
    second = await deployment.own_recogniser("second", *known, host="127.0.0.3", twin=first)
    await asyncio.gather(first.start(), second.start())
    hosts = deployment.folder / "hosts"

    def point_at(recogniser: Recogniser) -> None:
        hosts.write_text(f"127.0.0.1 localhost\n{recogniser.host} {NAME}\n", encoding="utf-8")

    point_at(first)
    named = f"dns:{NAME}:{first.grpc_port}/{first.http_port}"
    prefix = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", OWN_NAMES, str(hosts))
    gateway = await deployment.gateway(named, {"RIVA_DNS_REFRESH_S": "1"}, prefix=prefix)

    async def strike() -> None:
        point_at(second)
        await asyncio.sleep(2.0)
        await first.kill()

    experiment = scene_at(gateway, [first, second], roles(SOME, pacing=LIVE, names=LONGER))
    row = judged(title, await experiment.play(strike))
    # By then all have moved to where the name leads, some before the first one was killed.
    moved = await second.streams()
    return with_problems(row, [] if moved >= SOME else [f"only {moved} streams moved"])


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
async def riva_certificate_expires(deployment: Deployment, title: str) -> Row:
    authority = trustme.CA()
    certificate(deployment.folder, authority, expired=False)
    (deployment.folder / "ca.pem").write_bytes(authority.cert_pem.bytes())
    files = {"certificate": "riva.pem", "key": "riva.key"}
    flags = (f"--tls-{kind}={deployment.folder / file}" for kind, file in files.items())
    recogniser = await deployment.own_recogniser("riva", *flags)
    await recogniser.start()
    tls = {
        "RIVA_SSL": "true",
        "RIVA_HTTP_SSL": "false",
        "RIVA_SSL_CERT": str(deployment.folder / "ca.pem"),
    }
    gateway = await deployment.gateway(endpoints(recogniser), tls)

    async def restart(*, expired: bool) -> None:
        certificate(deployment.folder, authority, expired=expired)
        await recogniser.kill()
        await recogniser.start()

    async def strike() -> None:
        await restart(expired=True)

    experiment = scene_at(gateway, [recogniser], roles(SOME))
    trial = await experiment.play(strike)
    await restart(expired=False)
    await gateway.ready()
    renewed, _ = await experiment.run_undisturbed()
    row = judged(title, trial, Promise(errors={"asr_failed": SOME}, told=True))
    return with_problems(row, same_words(trial.undisturbed, renewed))


@scenario(
    "listener-certificate-expires",
    "The load balancer is restarted with a certificate that has expired, and again with a new one",
)
async def listener_certificate_expires(deployment: Deployment, title: str) -> Row:
    (only,) = await deployment.recognisers(1)
    async with two_gateways(deployment, only) as door:

        async def strike() -> None:
            door.certify(not_after=datetime.now(UTC) - YESTERDAY)
            await door.listener.kill()
            await door.listener.launch()

        who = roles(SOME, client="resuming", session=resuming)
        experiment = before(door, only, who)
        trial = await experiment.play(strike)
        door.certify()
        await door.listener.kill()
        await door.open()
        renewed, _ = await experiment.run_undisturbed()
    row = judged(title, trial, Promise(errors={"CertificateError": SOME}, told=True))
    return with_problems(row, same_words(trial.undisturbed, renewed))


def with_problems(row: Row, problems: Sequence[str]) -> Row:
    """The row with more promises that were not kept."""
    return replace(row, broken=(*row.broken, *problems))
