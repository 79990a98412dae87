"""The certificate that an endpoint shows: whom it is trusted by, and how long it is valid."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.client import lacks_authority
from ops.console import hints
from ops.smoke.failure import CheckFailedError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A certificate that was trusted.

    Attributes:
        version: Of TLS, as it was agreed on.
        days: For how many more it is valid.
    """

    version: str | None
    days: int


def trust(path: Path | str | None) -> ssl.SSLContext:
    """Return what trusts an authority's PEM file, or the system's authorities for None.

    Raises:
        CheckFailedError: The file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=path)
    except FileNotFoundError:
        raise CheckFailedError(f"the authority's file {path} is not there") from None
    except ssl.SSLError:
        raise CheckFailedError(f"the authority's file {path} holds no certificate") from None
    except OSError as error:
        raise CheckFailedError(f"the authority's file {path}: {error.strerror}") from None


async def shown(host: str, port: int, context: ssl.SSLContext) -> Shown:
    """Return the certificate that an endpoint shows.

    Raises:
        CheckFailedError: It is not trusted, or no TLS comes about.
    """
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        hint = hints.certificate(unknown_authority=lacks_authority(error))
        raise CheckFailedError(
            f"it does not prove {host}: {error.verify_message}; {hint}"
        ) from None
    except (ssl.SSLError, OSError) as error:
        raise CheckFailedError(f"TLS with {host} port {port} fails: {error}") from None
    secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
    proof = secured.getpeercert() or {}
    version = secured.version()
    writer.close()
    await writer.wait_closed()
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(proof["notAfter"])), UTC)
    return Shown(version=version, days=(until - datetime.now(UTC)).days)
