"""TLS of the gateway's listener: what it accepts, and a certificate that may change as it runs."""

import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import time
from typing import Final, TypeAlias

from app.certificates import CertificateFacts, check_pair, facts_of_chain, facts_of_signer
from app.followed_files import FollowedFiles
from app.gateway.grpc_front.server import KeyPair
from app.gateway.telemetry.logs import get_logger
from app.gateway.telemetry.metrics import GatewayMetrics

CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
"""Of TLS 1.2: those of Mozilla's "intermediate" configuration, version 5.7, without finite-field
Diffie-Hellman, which every browser and load balancer of the last ten years does without. All of TLS
1.3's have forward secrecy."""
PROTOCOL: Final = "http/1.1"
"""What is negotiated by ALPN; uvicorn speaks no HTTP/2."""

_Found: TypeAlias = tuple[ssl.SSLContext, CertificateFacts, CertificateFacts | None, KeyPair]

_log = get_logger(__name__)


def listener_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return what the listener accepts: TLS 1.2 and 1.3 with forward secrecy, by this certificate.

    Nothing is resumed by a ticket: the key of those would open every TLS 1.2 connection that was
    resumed under it, and whoever resumes a session does not see the new certificate.

    Args:
        certificate: PEM file, the gateway's own certificate first.
        key: PEM file of its private key.

    Raises:
        OSError: They cannot be read, or do not fit each other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.set_alpn_protocols([PROTOCOL])
    context.load_cert_chain(certificate, key)
    return context


class ListenerCertificate:
    """The listener's certificate: follows its files, and gives handshakes the newest that fits.

    Connections that run keep theirs. Files of which only one is new yet change nothing, nor does
    a certificate that has ended while the one in use has not.

    Args:
        certificate: PEM file, the gateway's own certificate first.
        key: PEM file of its private key.
        metrics: Told when it ends.

    Attributes:
        context: What the listener is made with.
        files: Follows the two files.
        pair: What the newest was made of, for a listener that does its own handshakes.

    Raises:
        OSError: They cannot be read, or do not fit each other.
    """

    def __init__(self, certificate: Path, key: Path, metrics: GatewayMetrics) -> None:
        self.context: Final = listener_context(certificate, key)
        # Called for each handshake, without a name too.
        self.context.sni_callback = self._choose
        self.files: Final = FollowedFiles(
            "APP_SSL_CERT", [certificate, key], self._parse, self._take
        )
        self._paths = certificate, key
        self.pair = KeyPair(key=key.read_bytes(), chain=certificate.read_bytes())
        self._newest = self.context
        self._facts: CertificateFacts | None = None
        self._metrics = metrics

    def _choose(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        connection.context = self._newest

    def _parse(self, contents: Sequence[bytes]) -> _Found:
        facts = facts_of_chain(contents[0])
        # Before OpenSSL sees the key: of one with a password it would ask the terminal.
        check_pair(*contents)
        current = self._facts
        if current is not None and facts.ends_at <= time() < current.ends_at:
            raise ValueError(f"the certificate has ended on {facts.ends}")
        try:
            context = listener_context(*self._paths)
            # Python loads certificates by path alone: they may have changed since they were read.
            loaded = [path.read_bytes() for path in self._paths]
        except (OSError, ValueError) as error:
            # ssl.SSLError is an OSError. Its text names no key material.
            raise ValueError(f"certificate and key cannot be used ({error})") from None
        if loaded != list(contents):
            raise ValueError("the files changed while they were read")
        pair = KeyPair(chain=contents[0], key=contents[1])
        return context, facts, facts_of_signer(contents[0]), pair

    def _take(self, found: _Found) -> None:
        self._newest, self._facts, signer, self.pair = found
        facts, expiry = self._facts, self._metrics.certificate_expiry
        expiry.labels("gateway").set(facts.ends_at)
        if signer is not None:
            expiry.labels("gateway_ca").set(signer.ends_at)
        else:
            with suppress(KeyError):
                expiry.remove("gateway_ca")
        _log.info("certificate taken", fingerprint=facts.fingerprint, ends=facts.ends)
