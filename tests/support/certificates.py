"""Certificates of a test: authorities of its own, and PEM files that are put in place of others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.certificates import facts_of_chain

if TYPE_CHECKING:
    from pathlib import Path

    import trustme


@dataclass(frozen=True, slots=True)
class Pair:
    """Where a certificate and its key lie."""

    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """Of the certificate that lies there now."""
        return facts_of_chain(self.certificate.read_bytes()).fingerprint


def pair_in(folder: Path, name: str) -> Pair:
    """Return where a pair is to lie."""
    return Pair(folder / f"{name}.pem", folder / f"{name}.key")


def put(pair: Pair, issued: trustme.LeafCert) -> None:
    """Put a certificate and its key in the place of those there, one after the other."""
    put_certificate(pair, issued)
    put_key(pair, issued)


def put_certificate(pair: Pair, issued: trustme.LeafCert) -> None:
    """Put a certificate and the chain behind it in place."""
    replace(pair.certificate, b"".join(part.bytes() for part in issued.cert_chain_pems))


def put_key(pair: Pair, issued: trustme.LeafCert) -> None:
    """Put a key in place."""
    replace(pair.key, issued.private_key_pem.bytes())


def put_authorities(path: Path, *authorities: trustme.CA) -> None:
    """Put a bundle of authorities in place."""
    replace(path, b"".join(one.cert_pem.bytes() for one in authorities))


def replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another at once, as whoever rotates it does."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.replace(path)


def fingerprint_of(issued: trustme.LeafCert) -> str:
    """Return the fingerprint of a certificate."""
    return facts_of_chain(issued.cert_chain_pems[0].bytes()).fingerprint


def seconds(moment: datetime) -> float:
    """Return a moment as metrics have it."""
    return moment.astimezone(UTC).timestamp()
