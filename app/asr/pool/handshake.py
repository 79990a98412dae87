"""Find out why no connection comes about where TLS is asked for, by a handshake of our own.

With TLS 1.3 a server judges a client's certificate when the client is through with the handshake.
gRPC's server closes the connection then without an alert, and gRPC's client says "Socket closed",
as it does of a server that restarts. Here the end is told apart: a server of gRPC speaks first.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

from app.asr.errors import (
    CERTIFICATE_ENDED,
    CERTIFICATE_FOR_ANOTHER,
    CERTIFICATE_NOT_TRUSTED,
    NO_SECURE_CONNECTION,
    REFUSED_CERTIFICATE,
    SPEAKS_NO_TLS,
    SPEAKS_TLS,
    WANTS_A_CERTIFICATE,
)
from app.asr.pool.http_probe import tls_context

if TYPE_CHECKING:
    from app.asr.settings import RivaSettings

_ALPN: Final = "h2"
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""RFC 9113, 3.4: what a client says first, with empty settings."""
_BY_VERIFICATION: Final = {
    9: CERTIFICATE_ENDED,  # not yet valid
    10: CERTIFICATE_ENDED,
    62: CERTIFICATE_FOR_ANOTHER,  # a name
    64: CERTIFICATE_FOR_ANOTHER,  # an address
}
"""By OpenSSL's X509_V_ERR_*, its x509_vfy.h; all others are about who vouches for it."""
_NO_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)
"""Names that OpenSSL's releases have for an answer that is no TLS."""


async def tls_problem(settings: RivaSettings, authority: str | None) -> str | None:
    """Return why no connection comes about; None where TLS is not why. The caller has a deadline.

    Args:
        settings: with the recogniser's host and port.
        authority: the name it goes by, where that is not its host.
    """
    if not settings.ssl:
        return SPEAKS_TLS if await _speaks_tls(settings) else None
    try:
        context = await asyncio.to_thread(tls_context, settings)
    except (OSError, ValueError):
        return NO_SECURE_CONNECTION
    context.set_alpn_protocols([_ALPN])
    name = settings.ssl_server_name or authority or settings.host
    try:
        reader, writer = await asyncio.open_connection(
            settings.host, settings.port, ssl=context, server_hostname=name
        )
    except OSError as error:
        return _of_handshake(error, settings)
    try:
        writer.write(_PREFACE)
        spoke = await reader.read(1)
    except OSError:
        # A reset, or an alert (ssl.SSLError).
        spoke = b""
    finally:
        writer.close()
    return None if spoke else _of_client_certificate(settings)


def _of_handshake(error: OSError, settings: RivaSettings) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFICATION.get(error.verify_code, CERTIFICATE_NOT_TRUSTED)
    if isinstance(error, ssl.SSLError):
        return SPEAKS_NO_TLS if error.reason in _NO_TLS else NO_SECURE_CONNECTION
    # TLS 1.2: the client's certificate is judged within the handshake.
    is_cut = isinstance(error, ConnectionResetError)
    return _of_client_certificate(settings) if is_cut else None


def _of_client_certificate(settings: RivaSettings) -> str:
    return WANTS_A_CERTIFICATE if settings.ssl_client_cert is None else REFUSED_CERTIFICATE


async def _speaks_tls(settings: RivaSettings) -> bool:
    """Say whether a recogniser that is spoken to in clear has a certificate to show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nothing is said to it, and nothing of it is believed.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection(settings.host, settings.port, ssl=context)
    except OSError:
        return False
    writer.close()
    return True
