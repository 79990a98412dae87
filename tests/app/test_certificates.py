"""Until when certificates are good, told of certificates with known ends."""

from datetime import UTC, datetime, timedelta

import pytest
import trustme

from app.certificates import check_pair, facts_of_authorities, facts_of_chain

NOW = datetime.now(UTC).replace(microsecond=0)


def pems(authority: trustme.CA, ends: datetime) -> tuple[bytes, bytes]:
    made = authority.issue_cert("asr.example.com", not_after=ends)
    return b"".join(blob.bytes() for blob in made.cert_chain_pems), made.private_key_pem.bytes()


@pytest.mark.parametrize("days", [30, -1], ids=["good", "ended"])
def test_its_end_is_told_whether_it_is_still_good_or_not(days: int) -> None:
    ends = NOW + timedelta(days=days)
    chain, _ = pems(trustme.CA(), ends)
    assert facts_of_chain(chain).ends_at == ends.timestamp()
    assert facts_of_chain(chain).ends == ends.isoformat()


def test_of_a_chain_it_is_the_end_of_its_owners_and_of_authorities_the_first() -> None:
    soon, later = NOW + timedelta(days=3), NOW + timedelta(days=30)
    first, second = pems(trustme.CA(), later)[0], pems(trustme.CA(), soon)[0]
    chain = first + second
    assert facts_of_chain(chain).ends_at == later.timestamp()
    assert facts_of_authorities(chain).ends_at == soon.timestamp()


def test_a_key_that_is_anothers_is_an_error() -> None:
    authority = trustme.CA()
    (chain, key), (_, other) = pems(authority, NOW), pems(authority, NOW)
    check_pair(chain, key)
    with pytest.raises(ValueError, match=r"\w"):
        check_pair(chain, other)


def test_a_file_without_a_certificate_is_an_error() -> None:
    for nothing in (b"", b"-----BEGIN CERTIFICATE-----\n", b"text"):
        with pytest.raises(ValueError, match=r"\w"):
            facts_of_chain(nothing)
