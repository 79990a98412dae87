"""The certificates of a TLS front under test, and a port on which nobody listens."""

import socket
import ssl

import pytest
import trustme

from tests.support.moto import aws_models_once

__all__ = ["aws_models_once"]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def unused_tcp_port() -> int:
    """A port on which nobody listens: taken and given back a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def tls(server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> dict[str, ssl.SSLContext]:
    """Both ends' contexts, as `running_front` takes them."""
    return {"server_tls": server_tls, "client_tls": client_tls}
