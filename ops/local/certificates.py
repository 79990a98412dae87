"""The certificate of the local environment, and the authority that signs it.

The authority is kept in the state folder, so that trust given to it once in a browser outlives
restarts. The server's certificate is short-lived and made anew when little of its life is left.
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ops.console.errors import ConfigurationError
from ops.loopback import NAMES
from ops.private_files import write_private

LIFETIME = timedelta(days=90)
RENEW_BEFORE = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsIdentity:
    """What the listener proves itself with.

    Args:
        certificate: PEM file: the server's certificate and what is between it and the authority.
        key: PEM file of its private key.
        authority: PEM file of the authority; None when it is one that every machine trusts.
    """

    certificate: Path
    key: Path
    authority: Path | None


def _load(path: Path) -> x509.Certificate | None:
    """Return the first certificate of a PEM file; None when there is none that can be read.

    Raises:
        ConfigurationError: There is a file, and it is closed to this user.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}; remove it") from None


def _known(ca_file: Path, ca_key: Path, *, now: datetime) -> trustme.CA | None:
    """Return the authority that is kept; None when there is none that can sign now."""
    present = _load(ca_file)
    if present is None or not ca_key.exists() or present.not_valid_after_utc <= now:
        return None
    try:
        return trustme.CA.from_pem(ca_file.read_bytes(), ca_key.read_bytes())
    except (ValueError, TypeError):
        # Half a key, as after a full disk.
        return None
    except OSError as error:
        raise ConfigurationError(f"{ca_key} cannot be read: {error.strerror}; remove it") from None


def _covers(certificate: x509.Certificate, name: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    dns = names.get_values_for_type(x509.DNSName)
    return name in dns or name in map(str, names.get_values_for_type(x509.IPAddress))


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def is_current(certificate: x509.Certificate, *, now: datetime) -> bool:
    """Say whether a certificate names all of `NAMES` and outlives the renewal margin."""
    lasting = (
        certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    )
    return lasting and all(_covers(certificate, name) for name in NAMES)


def own(folder: Path, *, now: datetime | None = None) -> TlsIdentity:
    """Return an identity of the folder's own authority, making what is missing or nearly over.

    Args:
        folder: Where the authority and the certificate are kept.
        now: Time, with offset; the present when None.
    """
    now = now or datetime.now(UTC)
    identity = TlsIdentity(
        certificate=folder / "server.pem", key=folder / "server.key", authority=folder / "ca.pem"
    )
    ca_file, ca_key = folder / "ca.pem", folder / "ca.key"
    authority = _known(ca_file, ca_key, now=now)
    if authority is None:
        authority = trustme.CA(
            organization_name="Perch", organization_unit_name="local environment"
        )
        # Never an old certificate beside a new key, should this be cut off in the middle.
        ca_file.unlink(missing_ok=True)
        write_private(ca_key, authority.private_key_pem.bytes().decode())
        write_private(ca_file, authority.cert_pem.bytes().decode())
    else:
        server, signer = _load(identity.certificate), _load(ca_file)
        if (
            server is not None
            and signer is not None
            and identity.key.exists()
            and _signed_by(server, signer)
            and is_current(server, now=now)
        ):
            return identity
    issued = authority.issue_cert(
        *NAMES,
        common_name=NAMES[0],
        not_before=now - timedelta(days=1),
        not_after=now + LIFETIME,
    )
    write_private(identity.key, issued.private_key_pem.bytes().decode())
    write_private(identity.certificate, "".join(b.bytes().decode() for b in issued.cert_chain_pems))
    return identity


def given(certificate: Path, key: Path, *, now: datetime | None = None) -> TlsIdentity:
    """Return an identity of the person's own files.

    Args:
        certificate: PEM file of the certificate chain.
        key: PEM file of the private key.
        now: Time, with offset; the present when None.

    Raises:
        ConfigurationError: The files do not belong together, have expired, or do not name
            localhost.
    """
    now = now or datetime.now(UTC)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--certificate {certificate} with --key {key} cannot be used: {error}"
        ) from None
    server, last = chain[0], chain[-1]
    if not server.not_valid_before_utc <= now < server.not_valid_after_utc:
        raise ConfigurationError(
            f"--certificate {certificate} is valid from {server.not_valid_before_utc:%Y-%m-%d} "
            f"to {server.not_valid_after_utc:%Y-%m-%d}, not today"
        )
    if not _covers(server, NAMES[0]):
        raise ConfigurationError(
            f"--certificate {certificate} does not name localhost, by which this machine is reached"
        )
    # Clients must be told of a chain's own authority; a public one is known to them.
    return TlsIdentity(
        certificate=certificate.absolute(),
        key=key.absolute(),
        authority=certificate.absolute() if last.issuer == last.subject else None,
    )
