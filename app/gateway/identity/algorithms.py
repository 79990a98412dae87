"""The signature algorithms that tokens may have, and the keys that fit each.

RFC 8725, 3.1: which algorithms are accepted is decided here, never by what a token says of itself,
and a key serves the one algorithm that it is for.
"""

from collections.abc import Mapping
from typing import Final

from jwt import PyJWK

SYMMETRIC: Final = "HS256"
"""The gateway could issue what it checks: of a file alone, and beside no other algorithm."""

_KEYS: Final[Mapping[str, tuple[str, str | None]]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    SYMMETRIC: ("oct", None),
}
ALGORITHMS: Final = tuple(_KEYS)
DEFAULT_ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")


def fits(algorithm: str, jwk: Mapping[str, object]) -> bool:
    """Return whether a JSON Web Key (RFC 7517) may check signatures of an algorithm."""
    kind, curve = _KEYS[algorithm]
    return (
        jwk.get("kty") == kind
        and (curve is None or jwk.get("crv") == curve)
        and jwk.get("alg") in (None, algorithm)
        and jwk.get("use") in (None, "sig")
        and _may_verify(jwk.get("key_ops"))
    )


def key_for(algorithm: str, jwk: Mapping[str, object]) -> PyJWK:
    """Return a key, made for one algorithm.

    Raises:
        jwt.PyJWTError: It is no such key.
    """
    return PyJWK(dict(jwk), algorithm)


def _may_verify(operations: object) -> bool:
    return operations is None or (isinstance(operations, list) and "verify" in operations)
