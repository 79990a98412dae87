"""For how long the certificate of an endpoint is still valid."""

import socket
import ssl
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from ops.console.errors import CommandFailedError
from ops.stack import StackOutputs

SECONDS: Final = 5.0
"""Deadline of the connection and of the handshake, each."""


def days_left(outputs: StackOutputs) -> int:
    """Return whole days until the endpoint's certificate ends.

    Raises:
        CommandFailedError: The endpoint cannot be reached, or does not prove its name.
    """
    parts = urlsplit(outputs.endpoint_url)
    host, port = str(parts.hostname), parts.port or outputs.listener_port
    try:
        trust = ssl.create_default_context(cafile=outputs.ca_certificate_path)
        with (
            socket.create_connection((host, port), timeout=SECONDS) as plain,
            trust.wrap_socket(plain, server_hostname=host) as secured,
        ):
            proof = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        raise CommandFailedError(f"{host} does not prove itself: {error.verify_message}") from None
    except OSError as error:
        said = error.strerror or str(error) or type(error).__name__
        raise CommandFailedError(
            f"{host} port {port} cannot be reached from here: {said}"
        ) from None
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(proof["notAfter"])), UTC)
    return (until - datetime.now(UTC)).days
