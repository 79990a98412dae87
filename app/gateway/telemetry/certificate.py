"""Until when the gateway's own certificate is good."""

import ssl
from pathlib import Path
from typing import Final

_NO_CHECK_TIME: Final = 0x200000
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME: one that has ended is read as well."""


def certificate_expiry(chain: Path, key: Path) -> float:
    """Return when a certificate ends, in seconds since 1970.

    The standard library tells this only of a peer's certificate, so a client and a server of our
    own shake hands in memory.

    Args:
        chain: PEM file, the server's own certificate first.
        key: PEM file of its private key.

    Raises:
        OSError: They cannot be read, or do not fit each other.
    """
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(chain, key)
    client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_side.check_hostname = False
    # The certificate vouches for itself: whether anybody trusts it is not what is asked.
    client_side.load_verify_locations(chain)
    client_side.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_side.wrap_bio(to_client, to_server)
    server = server_side.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(2):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    ends = (client.getpeercert() or {}).get("notAfter")
    if not isinstance(ends, str):
        raise ssl.SSLError(f"{chain}: the certificate has no end")
    return float(ssl.cert_time_to_seconds(ends))
