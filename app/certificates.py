"""What a certificate says of itself: which one it is, and until when it is good."""

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """What is logged and measured of a certificate.

    Attributes:
        fingerprint: SHA-256 of the certificate, hexadecimal, as `openssl x509 -fingerprint -sha256`
            has it without colons.
        ends_at: Its last moment, in seconds since 1970.
    """

    fingerprint: str
    ends_at: float

    @property
    def ends(self) -> str:
        """Its last moment, for people."""
        return datetime.fromtimestamp(self.ends_at, UTC).isoformat()


def facts_of_chain(pem: bytes) -> CertificateFacts:
    """Return the facts of the first certificate of a chain, which is its owner's.

    Args:
        pem: One certificate or more.

    Raises:
        ValueError: It holds none.
    """
    return _all_facts(pem)[0]


def facts_of_signer(pem: bytes) -> CertificateFacts | None:
    """Return the facts of the certificate behind the first of a chain; None where it ends there.

    Args:
        pem: One certificate or more.

    Raises:
        ValueError: It holds none.
    """
    return next(iter(_all_facts(pem)[1:]), None)


def facts_of_authorities(pem: bytes) -> CertificateFacts:
    """Return the facts of the certificate in a bundle that ends first.

    While one authority takes another's place a bundle has both; once the old one is left out, the
    new one's end counts.

    Args:
        pem: One certificate or more.

    Raises:
        ValueError: It holds none.
    """
    return min(_all_facts(pem), key=lambda one: one.ends_at)


def check_pair(chain: bytes, key: bytes) -> None:
    """Check that a key is the one of a certificate.

    Args:
        chain: PEM, the certificate first.
        key: PEM, not encrypted.

    Raises:
        ValueError: It is not; the text names no key material.
    """
    try:
        private = load_pem_private_key(key, None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise ValueError("the key is none in PEM that can be read without a password") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    try:
        owner = _certificates(chain)[0].public_key()
    except UnsupportedAlgorithm:
        raise ValueError("the certificate's key is of a kind that is not known") from None
    if private.public_key().public_bytes(*form) != owner.public_bytes(*form):
        raise ValueError("certificate and key do not fit each other")


def _all_facts(pem: bytes) -> list[CertificateFacts]:
    return [
        CertificateFacts(
            fingerprint=one.fingerprint(SHA256()).hex(),
            ends_at=one.not_valid_after_utc.timestamp(),
        )
        for one in _certificates(pem)
    ]


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError("it holds no certificate in PEM that can be read") from None
