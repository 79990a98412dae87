"""The certificate of the local environment. A browser's opinion of it is not asked here."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from ops.console.errors import ConfigurationError
from ops.local import certificates
from ops.local.certificates import TlsIdentity, given, own

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def shakes_hands(identity: TlsIdentity, name: str) -> bool:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(identity.certificate, identity.key)
    client = ssl.create_default_context(cafile=identity.authority)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(10):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError:
                return False
    return not ends


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_every_name_of_this_machine_is_proved(tmp_path: Path, name: str) -> None:
    identity = own(tmp_path)
    assert shakes_hands(identity, name)
    assert not shakes_hands(identity, "example.org")
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


def test_a_restart_keeps_authority_and_certificate(tmp_path: Path) -> None:
    own(tmp_path, now=NOW)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    own(tmp_path, now=NOW + timedelta(days=60))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_certificate_near_its_end_is_renewed_under_the_same_authority(tmp_path: Path) -> None:
    own(tmp_path, now=NOW)
    ca, server = (tmp_path / "ca.pem").read_bytes(), (tmp_path / "server.pem").read_bytes()
    later = NOW + timedelta(days=80)
    own(tmp_path, now=later)
    assert (tmp_path / "ca.pem").read_bytes() == ca
    assert (tmp_path / "server.pem").read_bytes() != server
    renewed = x509.load_pem_x509_certificate((tmp_path / "server.pem").read_bytes())
    assert renewed.not_valid_after_utc == later + certificates.LIFETIME


@pytest.mark.parametrize("lost", ["ca.pem", "ca.key", "server.key", "server.pem"])
def test_whatever_is_lost_is_made_again_so_that_all_fits_together(
    tmp_path: Path, lost: str
) -> None:
    own(tmp_path)
    (tmp_path / lost).unlink()
    assert shakes_hands(own(tmp_path), "localhost")


def test_a_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    own(tmp_path)
    other = trustme.CA().issue_cert("localhost", "127.0.0.1", "::1")
    other.cert_chain_pems[0].write_to_path(tmp_path / "server.pem")
    other.private_key_pem.write_to_path(tmp_path / "server.key")
    assert shakes_hands(own(tmp_path), "localhost")


def write(tmp_path: Path, issued: trustme.LeafCert, *more: trustme.Blob) -> tuple[Path, Path]:
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    chain = (*issued.cert_chain_pems, *more)
    certificate.write_bytes(b"".join(blob.bytes() for blob in chain))
    issued.private_key_pem.write_to_path(key)
    return certificate, key


def test_a_persons_own_certificate_is_used_and_its_authority_found_in_the_chain(
    tmp_path: Path,
) -> None:
    ca = trustme.CA()
    certificate, key = write(tmp_path, ca.issue_cert("localhost"), ca.cert_pem)
    identity = given(certificate, key)
    assert identity == TlsIdentity(certificate=certificate, key=key, authority=certificate)
    assert shakes_hands(identity, "localhost")


def test_a_chain_without_its_authority_leaves_trust_to_the_system(tmp_path: Path) -> None:
    assert given(*write(tmp_path, trustme.CA().issue_cert("localhost"))).authority is None


def test_a_certificate_that_cannot_serve_is_refused_with_the_reason(tmp_path: Path) -> None:
    ca = trustme.CA()
    with pytest.raises(ConfigurationError, match="does not name localhost"):
        given(*write(tmp_path, ca.issue_cert("example.org")))
    old = ca.issue_cert("localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(ConfigurationError, match="valid from 2000-01-01 to 2020-01-01, not today"):
        given(*write(tmp_path, old))
    certificate, _ = write(tmp_path, ca.issue_cert("localhost"))
    stranger = tmp_path / "stranger.key"
    ca.issue_cert("localhost").private_key_pem.write_to_path(stranger)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        given(certificate, stranger)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        given(tmp_path / "missing.pem", stranger)
