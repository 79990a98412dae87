"""An environment's own authority: what it makes, held against TLS as OpenSSL speaks it."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from infra.authority import (
    AUTHORITY_LIFETIME,
    LEAF_LIFETIME,
    Identity,
    UnusableIdentityError,
    first_identity,
    gateway_names,
    is_signed_by,
    issue,
    new_authority,
    parse,
)

NOW = datetime.now(UTC)
NAMES = gateway_names("dev")


def shakes_hands(server: Identity, trusted: str, name: str, folder: Path) -> None:
    """A client that believes `trusted` meets a server; raises ssl.SSLError where it does not."""
    file = folder / "server.pem"
    file.write_text(server.pem)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(file)
    client_side = ssl.create_default_context(cadata=trusted)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server_side.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (client, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("name", NAMES)
def test_a_certificate_is_believed_by_each_of_its_names(name: str, tmp_path: Path) -> None:
    authority = new_authority("dev", now=NOW)
    leaf = issue(authority, NAMES, now=NOW)
    shakes_hands(leaf, authority.certificates_pem, name, tmp_path)


@pytest.mark.parametrize("name", ["gateway.prod.perch.internal", "127.0.0.2", "example.org"])
def test_and_by_no_other(name: str, tmp_path: Path) -> None:
    authority = new_authority("dev", now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shakes_hands(issue(authority, NAMES, now=NOW), authority.certificates_pem, name, tmp_path)


def test_another_authority_of_the_same_name_is_not_believed(tmp_path: Path) -> None:
    authority, other = new_authority("dev", now=NOW), new_authority("dev", now=NOW)
    leaf = issue(authority, NAMES, now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shakes_hands(leaf, other.certificates_pem, "localhost", tmp_path)
    assert not is_signed_by(leaf.certificate, other.certificate)


def test_a_leaf_can_sign_nothing(tmp_path: Path) -> None:
    authority = new_authority("dev", now=NOW)
    leaf = issue(authority, NAMES, now=NOW)
    forged = issue(leaf, NAMES, now=NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shakes_hands(forged, authority.certificates_pem, "localhost", tmp_path)


@pytest.mark.parametrize("ago", [timedelta(days=398), -timedelta(days=1)], ids=["over", "to come"])
def test_a_certificate_counts_in_its_time_alone(ago: timedelta, tmp_path: Path) -> None:
    authority = new_authority("dev", now=NOW - timedelta(days=500))
    leaf = issue(authority, NAMES, now=NOW - ago)
    with pytest.raises(ssl.SSLCertVerificationError):
        shakes_hands(leaf, authority.certificates_pem, "localhost", tmp_path)


def test_a_leaf_never_outlives_its_authority() -> None:
    authority = new_authority("dev", now=NOW - AUTHORITY_LIFETIME + timedelta(days=30))
    leaf = issue(authority, NAMES, now=NOW)
    assert leaf.certificate.not_valid_after_utc == authority.certificate.not_valid_after_utc
    usual = issue(new_authority("dev", now=NOW), NAMES, now=NOW).certificate.not_valid_after_utc
    assert usual == (NOW + LEAF_LIFETIME).replace(microsecond=0)


def test_the_authority_before_stays_trusted_and_the_one_before_that_does_not(
    tmp_path: Path,
) -> None:
    """Whoever has fetched the next file believes a gateway that shows the one before."""
    first = new_authority("dev", now=NOW)
    second = new_authority("dev", now=NOW, before=first.certificates)
    third = new_authority("dev", now=NOW, before=second.certificates)
    trusted = issue(second, NAMES, now=NOW).certificates_pem
    for authority in (first, second):
        shakes_hands(issue(authority, NAMES, now=NOW), trusted, "localhost", tmp_path)
    assert third.certificates == (third.certificate, second.certificate)


def test_a_text_reads_back_as_it_was_written_and_shows_no_key() -> None:
    authority = new_authority("dev", now=NOW)
    for made in (authority, issue(authority, NAMES, now=NOW)):
        assert parse(made.pem).pem == made.pem
        assert "PRIVATE" not in made.certificates_pem
        assert made.pem.splitlines()[1] not in repr(made)


def test_a_stack_begins_with_a_certificate_that_is_good_for_a_year() -> None:
    identity = parse(first_identity("dev"))
    ends = identity.certificate.not_valid_after_utc
    assert ends - datetime.now(UTC) > timedelta(days=390)
    assert first_identity("dev") != first_identity("dev")


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_what_is_no_key_with_its_certificate_is_refused_without_a_word_of_it() -> None:
    authority = new_authority("dev", now=NOW)
    leaf = issue(authority, NAMES, now=NOW)
    key = leaf.pem.removesuffix(leaf.certificates_pem)
    broken = key.replace(key.splitlines()[1], "AAAA")
    wrong = {
        "0 private keys and 3 certificates": leaf.certificates_pem + authority.certificates_pem,
        "1 private keys and 0 certificates": key,
        "2 private keys": key + leaf.pem,
        "cannot be read": broken + leaf.certificates_pem,
        "another key": key + authority.certificates_pem,
        "elliptic curve": _pem(rsa.generate_private_key(65537, 2048)) + leaf.certificates_pem,
    }
    for words, text in wrong.items():
        with pytest.raises(UnusableIdentityError, match=words) as refusal:
            parse(text)
        assert key.splitlines()[1] not in str(refusal.value)


@given(st.text(max_size=300))
def test_any_other_text_is_refused_by_the_same_error(text: str) -> None:
    with pytest.raises(UnusableIdentityError):
        parse(text)
