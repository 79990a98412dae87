"""What is read of certificates, and that a file which is none ends in a ValueError alone."""

import base64
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from app.certificates import check_pair, facts_of_authorities, facts_of_chain

AUTHORITY = trustme.CA()
ENDS = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
ISSUED = AUTHORITY.issue_cert("127.0.0.1", not_after=ENDS)
LEAF, KEY = ISSUED.cert_chain_pems[0].bytes(), ISSUED.private_key_pem.bytes()
DER = ssl.PEM_cert_to_DER_cert(LEAF.decode())
KEY_DER = base64.b64decode("".join(KEY.decode().splitlines()[1:-1]))


def pem(der: bytes, kind: str = "CERTIFICATE") -> bytes:
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n".encode()


def broken(der: bytes) -> st.SearchStrategy[bytes]:
    """The same with a few bytes changed."""
    changes = st.lists(
        st.tuples(st.integers(0, len(der) - 1), st.integers(0, 255)), min_size=1, max_size=4
    )

    def changed(places: list[tuple[int, int]]) -> bytes:
        found = bytearray(der)
        for at, value in places:
            found[at] = value
        return bytes(found)

    return changes.map(changed)


def test_the_facts_are_those_of_the_first_certificate() -> None:
    chain = LEAF + AUTHORITY.cert_pem.bytes()
    facts = facts_of_chain(chain)
    assert facts.fingerprint == sha256(DER).hexdigest()
    assert facts.ends_at == ENDS.timestamp()
    assert facts.ends == "2031-05-06T07:08:09+00:00"


def test_a_key_in_the_same_file_is_passed_over() -> None:
    assert facts_of_chain(KEY + LEAF) == facts_of_chain(LEAF)


def test_of_a_bundle_the_first_to_end_counts() -> None:
    soon = AUTHORITY.issue_cert("127.0.0.1", not_after=ENDS - timedelta(days=1))
    bundle = AUTHORITY.cert_pem.bytes() + LEAF + soon.cert_chain_pems[0].bytes()
    assert facts_of_authorities(bundle).ends_at == (ENDS - timedelta(days=1)).timestamp()


def test_a_pair_fits_and_the_key_of_another_does_not() -> None:
    check_pair(LEAF + AUTHORITY.cert_pem.bytes(), KEY)
    check_pair(KEY + LEAF, KEY + LEAF)
    other = AUTHORITY.issue_cert("127.0.0.1")
    rsa = AUTHORITY.issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)
    for one in (other, rsa):
        with pytest.raises(ValueError, match="do not fit each other"):
            check_pair(LEAF, one.private_key_pem.bytes())


@given(content=st.one_of(st.binary(max_size=200), broken(DER).map(pem)))
def test_what_is_no_certificate_is_a_value_error_or_is_read(content: bytes) -> None:
    for read in (facts_of_chain, facts_of_authorities):
        with suppress(ValueError):
            read(content)


@given(
    certificate=st.one_of(st.just(LEAF), broken(DER).map(pem)),
    key=st.one_of(
        st.binary(max_size=200),
        st.just(KEY),
        broken(KEY_DER).map(lambda der: pem(der, "EC PRIVATE KEY")),
    ),
)
def test_what_is_no_pair_is_a_value_error_or_fits(certificate: bytes, key: bytes) -> None:
    with suppress(ValueError):
        check_pair(certificate, key)


def test_a_key_of_a_kind_that_nobody_knows_is_said_as_that() -> None:
    curve = bytes.fromhex("2a8648ce3d030107")
    assert curve in DER
    strange = pem(DER.replace(curve, curve[:-1] + b"\x7f"))
    with pytest.raises(ValueError, match="is of a kind that is not known"):
        check_pair(strange, KEY)


def test_a_key_with_a_password_is_refused_without_asking_for_it() -> None:
    form = PrivateFormat.TraditionalOpenSSL
    locked = load_pem_private_key(KEY, None).private_bytes(
        Encoding.PEM, form, BestAvailableEncryption(b"made-up")
    )
    with pytest.raises(ValueError, match="without a password"):
        check_pair(LEAF, locked)
