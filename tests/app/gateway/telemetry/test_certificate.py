"""Until when the gateway's own certificate is good, told of certificates with known ends."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from app.gateway.telemetry.certificate import certificate_expiry

NOW = datetime.now(UTC).replace(microsecond=0)


def files(folder: Path, authority: trustme.CA, ends: datetime) -> tuple[Path, Path]:
    made = authority.issue_cert("asr.example.com", not_after=ends)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    made.private_key_pem.write_to_path(key)
    return chain, key


@pytest.mark.parametrize("days", [30, -1], ids=["good", "ended"])
def test_its_end_is_told_whether_it_is_still_good_or_not(tmp_path: Path, days: int) -> None:
    ends = NOW + timedelta(days=days)
    assert certificate_expiry(*files(tmp_path, trustme.CA(), ends)) == ends.timestamp()


def test_of_a_chain_it_is_the_end_of_the_servers_own(tmp_path: Path) -> None:
    between = trustme.CA().create_child_ca()
    ends = NOW + timedelta(days=3)
    chain, key = files(tmp_path, between, ends)
    assert chain.read_text().count("BEGIN CERTIFICATE") == 2
    assert certificate_expiry(chain, key) == ends.timestamp()


def test_a_key_that_is_anothers_is_an_error(tmp_path: Path) -> None:
    chain, _ = files(tmp_path, trustme.CA(), NOW + timedelta(days=3))
    other = tmp_path / "other"
    other.mkdir()
    _, key = files(other, trustme.CA(), NOW + timedelta(days=3))
    with pytest.raises(ssl.SSLError, match=r"(?i)key.values.mismatch"):
        certificate_expiry(chain, key)
