"""What a stranger shows to be let in: an issuer's tokens, its key set, and tokens to resume by.

Nobody is let in but by what was signed, and for exactly that. Keys here are fixed, and good for
nothing else: signatures are then the same in every process.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from app.asr import Cursor, LastWord
from app.contract import ContractError
from app.contract.codes import ErrorCode
from app.gateway.identity.algorithms import DEFAULT_ALGORITHMS
from app.gateway.identity.identity import MAX_CLIENT_CHARS, Identity, TokenRefusedError
from app.gateway.identity.keys import Keys, KeySet, KeysUnavailableError
from app.gateway.identity.verifier import TokenRules, TokenVerifier
from app.gateway.resume_token import ResumeClaim, ResumeTokens
from tests.fuzz.target import Target, check_code
from tests.fuzz.targets.looping import ran

NOW: Final = 1_790_000_000.0
_ISSUER: Final = "https://issuer.example/"
_AUDIENCE: Final = "speech"
_RULES: Final = TokenRules(
    issuer=_ISSUER,
    audience=_AUDIENCE,
    algorithms=DEFAULT_ALGORITHMS,
    leeway_s=10.0,
    max_lifetime_s=3600.0,
)
_CLAIMS: Final[dict[str, Any]] = {
    "iss": _ISSUER,
    "aud": _AUDIENCE,
    "sub": "somebody",
    "iat": int(NOW) - 5,
    "exp": int(NOW) + 600,
    "scope": "stream file",
}


@cache
def _signer() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


@cache
def key_set() -> bytes:
    """Return the issuer's key set: one key that signs here, and one of another kind."""
    elliptic = ec.derive_private_key(0x5EED, ec.SECP256R1()).public_key()
    keys: list[dict[str, Any]] = [
        {**json.loads(OKPAlgorithm.to_jwk(_signer().public_key())), "kid": "one"},
        {**json.loads(ECAlgorithm.to_jwk(elliptic)), "kid": "two", "use": "sig"},
    ]
    for key in keys:
        key.pop("key_ops", None)
    return json.dumps({"keys": keys}).encode()


def signed(header: bytes, claims: bytes) -> str:
    """Return a token of any two texts, signed by the issuer's first key."""
    body = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
    mark = urlsafe_b64encode(_signer().sign(body)).rstrip(b"=")
    return (body + b"." + mark).decode()


class _Source:
    async def read(self) -> bytes:
        return key_set()


@cache
def _verifier() -> TokenVerifier:
    return TokenVerifier(
        _RULES, Keys(_Source(), _RULES.algorithms, 300.0, clock=lambda: 0.0), clock=lambda: NOW
    )


_HEADER: Final = b'{"alg": "EdDSA", "kid": "one", "typ": "at+jwt"}'


def identity_seeds() -> list[bytes]:
    """Tokens as they are (`r`), and pairs of header and claims that are signed first (`s`)."""
    claims = json.dumps(_CLAIMS).encode()
    headers = [
        _HEADER,
        b'{"alg": "EdDSA", "kid": "two"}',
        b'{"alg": "none"}',
        b'{"alg": "HS256", "kid": "one"}',
        b'{"alg": "EdDSA", "kid": "one", "crit": ["b64"], "b64": false}',
        b'{"alg": "EdDSA", "kid": ["one"], "typ": []}',
        b'{"alg": "EdDSA", "jku": "https://elsewhere.example/", "jwk": {}, "x5u": "x"}',
    ]
    said: list[dict[str, Any]] = [
        {**_CLAIMS, "exp": NOW - 100},
        {**_CLAIMS, "nbf": NOW + 100},
        {**_CLAIMS, "exp": 1e300},
        {**_CLAIMS, "aud": ["speech", "other"], "scp": ["stream"], "scope": None},
        {**_CLAIMS, "client_id": "app", "azp": "x"},
        {**_CLAIMS, "iss": ["https://issuer.example/"]},
    ]
    pairs = [(header, claims) for header in headers]
    pairs += [(_HEADER, json.dumps(one).encode()) for one in said]
    return [
        *(b"s" + header + b"\n" + text for header, text in pairs),
        *(b"r" + signed(*pair).encode() for pair in pairs[:4]),
    ]


def check_identity(data: bytes) -> None:
    """A bearer is let in as whom a signed token names, or is refused for one of the reasons."""
    if data[:1] == b"s":
        header, _, claims = data[1:].partition(b"\n")
        token = signed(header, claims)
    else:
        token = data[1:].decode("latin-1")
    identity = ran(_verified(token))
    if identity is None:
        return
    said = json.loads(claims) if data[:1] == b"s" else _CLAIMS
    assert said["iss"] == _ISSUER, said
    assert _AUDIENCE in ([said["aud"]] if isinstance(said["aud"], str) else said["aud"]), said
    assert NOW - 10 <= said["exp"] <= said["iat"] + 3600, said
    assert max(said["iat"], said.get("nbf", 0)) <= NOW + 10, said
    name = identity.client.removeprefix(f"{_ISSUER} ")
    assert name in {said.get(key) for key in ("client_id", "azp", "sub")}, said
    assert len(name) <= MAX_CLIENT_CHARS


async def _verified(token: str) -> Identity | None:
    async with asyncio.timeout(5):
        try:
            return await _verifier().identify(token)
        except TokenRefusedError:
            return None


def header_seeds() -> list[bytes]:
    """Headers of a token that is right in all else, with what has let strangers in elsewhere."""
    elsewhere = {"jku": "https://elsewhere.example/", "x5u": "https://elsewhere.example/"}
    own = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
    said: list[object] = [
        {"alg": "EdDSA", "kid": "one", "typ": "at+jwt"},
        {"alg": "EdDSA"},
        {"alg": "EdDSA", "kid": "one", **elsewhere, "jwk": own, "x5c": ["x"]},
        {"alg": "EdDSA", "kid": "two"},
        {"alg": "EdDSA", "kid": "../one"},
        {"alg": "EdDSA", "kid": None, "typ": None},
        {"alg": "EdDSA", "kid": 1, "typ": {}},
        {"alg": "EdDSA", "kid": "one", "typ": "JOSE"},
        {"alg": "EdDSA", "kid": "one", "crit": ["b64"], "b64": False},
        {"alg": "EdDSA", "kid": "one", "b64": False},
        {"alg": "EdDSA", "kid": "one", "cty": "JWT", "zip": "DEF", "enc": "A256GCM"},
        {"alg": "ES256", "kid": "one"},
        {"alg": "HS256", "kid": "one"},
        {"alg": "none"},
        {"alg": "None", "kid": "one"},
        {"alg": ["EdDSA"], "kid": "one"},
        ["alg"],
    ]
    two = b'{"alg": "none", "alg": "EdDSA", "kid": "two", "kid": "one"}'
    return [two, b"{", b"[" * 3000, *(json.dumps(one).encode() for one in said)]


def check_header(data: bytes) -> None:
    """A header lets in by a configured algorithm, a key of the issuer, and nothing else."""
    identity = ran(_verified(signed(data, json.dumps(_CLAIMS).encode())))
    if identity is None:
        return
    said = json.loads(data)
    assert (said["alg"], said.get("kid", "one")) in {("EdDSA", "one"), ("EdDSA", None)}, said
    assert "crit" not in said
    assert said.get("b64", True) is not False
    kind = said.get("typ")
    assert kind is None or "jwt" in kind.lower()
    assert identity.client == f"{_ISSUER} somebody"


def key_set_seeds() -> list[bytes]:
    """Key sets with keys of each kind, right and wrong."""
    (okp, elliptic) = json.loads(key_set())["keys"]
    rsa = {"kty": "RSA", "n": "u1SU1LfVLPHCozMxH2Mo", "e": "AQAB", "kid": "r"}
    sets: list[object] = [
        {"keys": [okp, elliptic]},
        {"keys": [rsa]},
        {"keys": [{**elliptic, "crv": "P-384"}, {**okp, "x": "AAAA"}]},
        {"keys": [{**okp, "key_ops": ["sign"]}, {**elliptic, "alg": "RS256"}]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},  # pragma: allowlist secret
        {"keys": {}},
        {"keys": [okp] * 101},
        [okp],
    ]
    return [json.dumps(one).encode() for one in sets]


def check_key_set(data: bytes) -> None:
    """A key set is read, or refused in one sentence without anything of it."""
    try:
        made = KeySet(data, DEFAULT_ALGORITHMS)
    except KeysUnavailableError as refused:
        _check_sentence(str(refused))
        return
    assert made.find("nobody has this name", "HS256") is None


def _check_sentence(sentence: str) -> None:
    assert len(sentence) < 200, sentence


_RESUME: Final = ResumeTokens(["a key of thirty-two characters!!", "b" * 32], 120, lambda: NOW)
_CURSORS: Final = (
    Cursor(position=12.5, covered=12.31, segment_id=4),
    Cursor(position=1.0, covered=1.0, segment_id=1, again=LastWord(letters="word", start=0.5)),
)


@cache
def _issued() -> dict[str, ResumeClaim]:
    made = [_RESUME.offer("mark").token]
    made += [_RESUME.point(one, "session", "mark").token for one in _CURSORS]
    made.append(_RESUME.point(_CURSORS[0], "session", "mark", "german").token)
    return {token: _RESUME.read(token) for token in made}


def resume_seeds() -> list[bytes]:
    """Tokens that were issued, and some that are none."""
    return [*(token.encode() for token in _issued()), b".eJw.b", b"", b"a.b.c", b"." * 40]


def check_resume(data: bytes) -> None:
    """A token goes on where one was issued for, or is refused in the contract's words."""
    try:
        claim = _RESUME.read(data.decode("latin-1"))
    except ContractError as refused:
        check_code(refused, {ErrorCode.RESUME_REJECTED})
        return
    assert claim in _issued().values(), claim


IDENTITY: Final = Target(
    name="identity",
    title="Tokens of an issuer",
    seeds=identity_seeds,
    check=check_identity,
)
JWT_HEADERS: Final = Target(
    name="jwt-headers",
    title="Headers of an issuer's tokens",
    seeds=header_seeds,
    check=check_header,
)
KEY_SETS: Final = Target(
    name="key-sets",
    title="Key sets of an issuer",
    seeds=key_set_seeds,
    check=check_key_set,
    longest=16_384,
)
RESUME: Final = Target(
    name="resume",
    title="Tokens to resume by",
    seeds=resume_seeds,
    check=check_resume,
)
