"""An environment's own authority, and the certificates of its machines: made, signed and read.

Both are one PEM text each, so that a key and its certificate are always replaced together: the key
first, then certificates, the newest authority's before the one that it took the place of.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME: Final = timedelta(days=3650)
LEAF_LIFETIME: Final = timedelta(days=397)
"""The longest that browsers took of public authorities until 2026 (CA/Browser Forum, ballot SC-22):
a year, and a month for who renews once a year."""
CLOCK_SKEW: Final = timedelta(hours=1)
"""A certificate counts from before it was made, for machines whose clock is behind."""

SERVER: Final = (ExtendedKeyUsageOID.SERVER_AUTH,)
CLIENT: Final = (ExtendedKeyUsageOID.CLIENT_AUTH,)
"""What a certificate is for: to be shown by who is connected to, or by who connects."""

_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----\n?", re.DOTALL)


class UnusableIdentityError(ValueError):
    """A text holds no key with certificates that fit it. The message quotes nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A private key and certificates.

    Attributes:
        key: The key, which is never shown.
        certificates: Of an authority its own, then the one before it; of a gateway or a recogniser
            its own, then those of the authorities that are trusted.
    """

    key: ec.EllipticCurvePrivateKey
    certificates: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate of the key."""
        return self.certificates[0]

    @property
    def pem(self) -> str:
        """The text that is kept. It is a secret."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return key.decode() + self.certificates_pem

    @property
    def key_pem(self) -> str:
        """The key alone. It is a secret."""
        return self.pem.removesuffix(self.certificates_pem)

    @property
    def certificates_pem(self) -> str:
        """The part of it that is no secret."""
        return "".join(
            one.public_bytes(serialization.Encoding.PEM).decode() for one in self.certificates
        )

    def __repr__(self) -> str:
        """Leave the key out."""
        return f"Identity({self.certificate.subject.rfc4514_string()})"


def parse(text: str) -> Identity:
    """Read what `Identity.pem` gave, or a person wrote in the same form.

    Raises:
        UnusableIdentityError: There is no such key, no certificate, or they do not fit.
    """
    blocks = [(found[1], found[0].encode()) for found in _BLOCK.finditer(text)]
    keys = [block for kind, block in blocks if kind.endswith("PRIVATE KEY")]
    certificates = [block for kind, block in blocks if kind == "CERTIFICATE"]
    if len(keys) != 1 or not certificates:
        raise UnusableIdentityError(
            f"{len(keys)} private keys and {len(certificates)} certificates;"
            " accepted: PEM of one key and its certificate, then its authorities'"
        )
    try:
        key = serialization.load_pem_private_key(keys[0], password=None)
        chain = tuple(x509.load_pem_x509_certificate(one) for one in certificates)
    except (TypeError, ValueError):
        raise UnusableIdentityError(
            "a key or a certificate cannot be read; accepted: PEM, the key without a passphrase"
        ) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UnusableIdentityError("the key is not of an elliptic curve; accepted: EC, P-256")
    if key.public_key() != chain[0].public_key():
        raise UnusableIdentityError("the first certificate is of another key")
    return Identity(key=key, certificates=chain)


def new_authority(
    environment: str, *, now: datetime, before: Sequence[x509.Certificate] = ()
) -> Identity:
    """Return a new authority of an environment.

    Args:
        environment: The stack's name.
        now: Time, with offset.
        before: Certificates of the one whose place it takes. Its first stays trusted, for who was
            told of no other yet.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Perch {environment} {now:%Y-%m-%d}")
    made = (
        _builder(name, name, key, now=now, lifetime=AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(key=key, certificates=(made, *before[:1]))


def issue(
    authority: Identity,
    names: Sequence[str],
    *,
    now: datetime,
    lifetime: timedelta = LEAF_LIFETIME,
    usages: Sequence[x509.ObjectIdentifier] = SERVER,
) -> Identity:
    """Return a new key with a certificate for a server of these names, or for a client, or both.

    Args:
        authority: Who signs.
        names: Host names and IP addresses, the best known first.
        now: Time, with offset.
        lifetime: How long it counts; never longer than the authority's own certificate.
        usages: SERVER, CLIENT, or the sum of both.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    signer = authority.certificate
    lifetime = min(lifetime, signer.not_valid_after_utc - now)
    made = (
        _builder(_name(names[0]), signer.subject, key, now=now, lifetime=lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )
    return Identity(key=key, certificates=(made, *authority.certificates))


def gateway_identity(authority: Identity, environment: str, *, now: datetime) -> Identity:
    """Return a new key and certificate of an environment's gateways.

    They show it to who connects to them, and to recognisers on their machines that want one.
    """
    return issue(authority, gateway_names(environment), now=now, usages=SERVER + CLIENT)


def recogniser_identity(authority: Identity, environment: str, *, now: datetime) -> Identity:
    """Return a new key and certificate of the recognisers on an environment's own machines."""
    return issue(authority, recogniser_names(environment), now=now)


def first_identity(environment: str) -> str:
    """Return what an environment's gateways begin with, as PEM.

    Of an authority whose key nobody keeps, so that a stack's first machine needs no person and no
    authority's key comes into Pulumi's state. `perch certs rotate` makes the environment's own.
    """
    now = datetime.now(UTC)
    return gateway_identity(new_authority(environment, now=now), environment, now=now).pem


def first_recogniser_identity(environment: str) -> str:
    """Return what the recognisers on an environment's machines begin with; likewise."""
    now = datetime.now(UTC)
    return recogniser_identity(new_authority(environment, now=now), environment, now=now).pem


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Say whether an authority's certificate is the one that a certificate is from."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def gateway_names(environment: str) -> tuple[str, ...]:
    """Return the names in the certificate of an environment's gateways.

    Who asks a gateway itself is on its machine. The load balancer asks by an address that nobody
    knows beforehand, and looks at no name.
    """
    return (f"gateway.{environment}.perch.internal", "localhost", "127.0.0.1", "::1")


def recogniser_names(environment: str) -> tuple[str, ...]:
    """Return the names in the certificate of the recognisers on an environment's own machines.

    A gateway of a bundle asks by loopback's address, one in a container by the other's name.
    """
    names = (f"recogniser.{environment}.perch.internal", "perch-asr", "localhost")
    return (*names, "127.0.0.1", "::1")


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _name(common: str) -> x509.Name:
    # X.520 takes 64 characters here; the whole name stands among the alternatives.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
