"""Why a WebSocket could not be opened, in words that say what would be right instead."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final
from urllib.parse import SplitResult

from websockets.exceptions import InvalidMessage, InvalidProxy

from ..errors import CertificateError, ConnectFailedError

PROBE_SECONDS: Final = 2.0
"""How long a port is asked whether it speaks TLS; a handshake takes one round trip or two."""

_PLAIN_ANSWERS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}
)
"""What OpenSSL calls an answer that is no TLS; the name depends on its version and the answer."""
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's X509_V_ERR_* of certificates that lead to no authority one believes (x509_vfy.h)."""


async def failure(error: Exception, parts: SplitResult, shown: str) -> ConnectFailedError:
    """Return what a failed attempt to connect is raised as.

    Args:
        error: What came of it: of the network, of TLS, of a proxy, or no HTTP answer.
        parts: The URL.
        shown: The same as it may be shown.
    """
    said = f"cannot connect to {shown}: {str(error) or 'the connection was closed at once'}"
    match error:
        case ssl.SSLCertVerificationError():
            return CertificateError(
                f"cannot connect to {shown}: certificate verify failed: {error.verify_message}",
                unknown_authority=lacks_authority(error),
            )
        case ssl.SSLError() if error.reason in _PLAIN_ANSWERS:
            return ConnectFailedError(
                f"cannot connect to {shown}: what answers there speaks no TLS; use ws://"
            )
        case ConnectionResetError() if parts.scheme == "wss":
            hint = "if what answers there speaks no TLS, use ws://"
            return ConnectFailedError(f"{said}; {hint}", retryable=True)
        case InvalidMessage() if parts.scheme == "ws" and await _speaks_tls(parts):
            return ConnectFailedError(
                f"cannot connect to {shown}: this port speaks TLS; use wss://"
            )
        case InvalidProxy() | ImportError() | ValueError():
            return ConnectFailedError(
                f"{said}; the proxy is the one that the environment names (HTTPS_PROXY, "
                "HTTP_PROXY, ALL_PROXY; exempt hosts stand in NO_PROXY), and SOCKS needs the "
                "package python-socks"
            )
        case _:
            return ConnectFailedError(said, retryable=True)


def lacks_authority(error: ssl.SSLCertVerificationError) -> bool:
    """Say whether a certificate was refused because nobody who is believed signed it."""
    return error.verify_code in _UNKNOWN_AUTHORITY


async def _speaks_tls(parts: SplitResult) -> bool:
    """Say whether a port completes a handshake; nothing is sent over it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(PROBE_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, ssl=context)
            writer.transport.abort()
            return True
    return False
