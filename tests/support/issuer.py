"""An issuer of tokens: keys of its own, and an address with TLS that has the public ones."""

import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

NAME: Final = "https://issuer.example/"
AUDIENCE: Final = "speech.example"
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


@cache
def private_key(algorithm: str, name: str) -> PrivateKey:
    """Return a key; the same for the same name, as making one takes a while."""
    del name
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(algorithm: str, name: str) -> dict[str, Any]:
    """Return the public half as a JSON Web Key."""
    made = get_default_algorithms()[algorithm]
    text = type(made).to_jwk(private_key(algorithm, name).public_key())
    jwk: dict[str, Any] = json.loads(text)
    jwk.pop("key_ops", None)
    return {**jwk, "kid": name, "use": "sig"}


def claims(now: float | None = None, **changes: object) -> dict[str, object]:
    """Return claims that let a client in for an hour; a claim that is None is left out."""
    now = time.time() if now is None else now
    said: dict[str, object] = {
        "iss": NAME,
        "aud": AUDIENCE,
        "sub": "somebody",
        "client_id": "app",
        "iat": now,
        "exp": now + 3600,
        "scope": "stream file",
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def token(
    said: Mapping[str, object] | None = None,
    *,
    algorithm: str = "ES256",
    key: str = "one",
    headers: Mapping[str, object] | None = None,
) -> str:
    """Return a token that the issuer signed with one of its keys."""
    return jwt.encode(
        dict(claims() if said is None else said),
        private_key(algorithm, key),
        algorithm,
        {"kid": key, **(headers or {})},
    )


def key_set(*keys: tuple[str, str]) -> bytes:
    """Return a key set of (algorithm, name)."""
    return json.dumps({"keys": [public_jwk(*key) for key in keys]}).encode()


@dataclass
class Address:
    """Where the key set is.

    Attributes:
        url: With https.
        authority: PEM of what signed its certificate.
        document: What it answers.
        status: With which status.
        asked: How often it was asked.
    """

    url: str
    authority: str
    document: bytes
    status: int = 200
    asked: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def serving(document: bytes) -> Iterator[Address]:
    """Serve a key set over TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address.asked += 1
            self.send_response(address.status)
            for name, value in address.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(address.document)))
            self.end_headers()
            self.wfile.write(address.document)

        def log_message(self, *_: object) -> None:
            pass

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    address = Address(
        f"https://localhost:{server.server_port}/keys",
        authority.cert_pem.bytes().decode(),
        document,
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
