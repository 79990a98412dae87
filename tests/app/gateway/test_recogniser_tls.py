"""TLS between a gateway and its recogniser: an emulator that wants client certificates.

What each mistake with a certificate is told as is shown with the client, in
`tests/app/asr/wire/test_tls.py`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from prometheus_client.parser import text_string_to_metric_families

from app import followed_files
from app.certificates import facts_of_authorities, facts_of_chain
from app.emulator import Emulator
from tests.app.gateway.conftest import Log
from tests.app.gateway.session.words import A
from tests.support.certificates import Pair, pair_in, put, put_authorities
from tests.support.gateways.running import (
    SILENCE_100MS,
    Running,
    client,
    eventually,
    running_emulator,
    running_gateway,
    said_until,
    send,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "127.0.0.1"
WANTS_A_CERTIFICATE = "The recogniser wants a client certificate, and this service has none."
REFUSED_CERTIFICATE = "The recogniser refused this service's client certificate."


@pytest.fixture(autouse=True)
def _looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_files, "POLL_S", 0.01)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    put_authorities(path, authority)
    return path


@pytest.fixture
def pair(authority: trustme.CA, tmp_path: Path) -> Pair:
    made = pair_in(tmp_path, "client")
    put(made, authority.issue_cert("gateway.internal"))
    return made


@asynccontextmanager
async def demanding(authority: trustme.CA, trusted: Path) -> AsyncIterator[Emulator]:
    """Run an emulator that wants client certificates of an authority."""
    own = pair_in(trusted.parent, "riva")
    put(own, authority.issue_cert(NAME))
    async with running_emulator(
        tls_certificate=own.certificate, tls_key=own.key, tls_client_ca=trusted
    ) as emulator:
        yield emulator


def way(trusted: Path, pair: Pair | None = None) -> dict[str, Any]:
    """Settings of the way to it; its HTTP port has no TLS, as a NIM's has none by itself."""
    files = (
        {} if pair is None else {"ssl_client_cert": pair.certificate, "ssl_client_key": pair.key}
    )
    return {"ssl": True, "http_ssl": False, "ssl_cert": trusted, "max_retries": 0, **files}


async def reasons(gateway: Running) -> list[str]:
    async with httpx.AsyncClient(base_url=gateway.http_url) as http:
        found: list[str] = (await http.get("/readyz")).json()["reasons"]
    return found


def ends(gateway: Running) -> dict[str, float]:
    text = gateway.gateway.metrics.render().decode()
    return {
        sample.labels["name"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "perch_certificate_expiry_timestamp_seconds"
    }


async def test_a_gateway_without_a_client_certificate_is_not_ready_and_says_why(
    authority: trustme.CA, trusted: Path, log: Log
) -> None:
    async with (
        demanding(authority, trusted) as emulator,
        running_gateway(emulator, way(trusted)) as gateway,
    ):
        assert await reasons(gateway) == [WANTS_A_CERTIFICATE]
        assert emulator.streams == ()
    told = [line for line in log.lines if line["event"] == "recogniser readiness"]
    assert (told[0]["ready"], told[0]["reason"]) == (False, WANTS_A_CERTIFICATE)


async def test_a_client_certificate_that_is_wrong_is_replaced_by_a_good_one_without_a_restart(
    authority: trustme.CA, trusted: Path, pair: Pair
) -> None:
    put(pair, trustme.CA().issue_cert("gateway.internal"))
    async with (
        demanding(authority, trusted) as emulator,
        running_gateway(emulator, way(trusted, pair), app_ready_probe_interval_s=0.05) as gateway,
    ):
        assert await reasons(gateway) == [REFUSED_CERTIFICATE]
        put(pair, authority.issue_cert("gateway.internal"))
        await eventually(lambda: gateway.gateway.readiness.unready_reason is None)
        async with client(gateway) as socket:
            await A.begin(socket)
            await socket.send(SILENCE_100MS * 10)
            await send(socket, A.stop)
            await said_until(socket, A.stopped)
        assert len(emulator.streams) == 1


async def test_the_ends_of_both_certificates_are_measured_and_follow_their_files(
    authority: trustme.CA, trusted: Path, pair: Pair, log: Log
) -> None:
    async with (
        demanding(authority, trusted) as emulator,
        running_gateway(emulator, way(trusted, pair)) as gateway,
    ):
        new = authority.issue_cert("gateway.internal")
        put(pair, new)
        fingerprint = facts_of_chain(new.cert_chain_pems[0].bytes()).fingerprint
        await eventually(lambda: fingerprint in log.text)
        assert ends(gateway) == {
            "riva_ca": facts_of_authorities(authority.cert_pem.bytes()).ends_at,
            "riva_client": facts_of_chain(new.cert_chain_pems[0].bytes()).ends_at,
        }
    assert "PRIVATE KEY" not in log.text
