"""The gateways of a stack on this machine, asked by themselves: without the listener, by TLS."""

import ssl
from functools import lru_cache
from pathlib import Path

import httpx


def trust(identity: Path) -> ssl.SSLContext:
    """Return what believes the authority in the gateways' own PEM file, and no other.

    Read anew when the file was replaced, as it is while certificates are rotated.

    Raises:
        OSError: There is no such file, or no certificate in it.
    """
    return _trust(identity, identity.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _trust(identity: Path, _written_ns: int) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(identity)
    return context


def ask(identity: Path, port: int, path: str, *, seconds: float) -> httpx.Response:
    """Ask a gateway something.

    Args:
        identity: The gateways' PEM file (`StateFolder.gateway_tls`).
        port: The gateway's.
        path: What is asked for.
        seconds: Deadline.

    Raises:
        httpx.HTTPError: It does not answer, or its certificate is of another authority.
    """
    try:
        trusted = trust(identity)
    except OSError as error:
        raise httpx.ConnectError(f"{identity} cannot be used: {error}") from None
    return httpx.get(
        f"https://127.0.0.1:{port}{path}", timeout=seconds, trust_env=False, verify=trusted
    )
