"""Tokens that nearly let somebody in, by what is wrong with each."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from itsdangerous import URLSafeSerializer
from itsdangerous.encoding import base64_encode
from jwt.algorithms import get_default_algorithms

from app.asr import BEGINNING
from app.credentials.api_key import ApiKey, checksum
from app.gateway.identity.identity import Identity
from app.gateway.identity.single_use import PREFIX, Grant, SingleUseTokens
from app.gateway.resume_token import ResumeTokens
from tests.acceptance.strangers.guarded import RESUME_KEY
from tests.support import issuer
from tests.support.issuer import claims, private_key, public_jwk, token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.acceptance.strangers.guarded import Guarded

_HOUR: Final = 3600


def good(gateway: Guarded) -> dict[str, str]:
    """Return what lets in: a token or key of each kind, some in a form that is rarely seen."""
    return {
        "static": gateway.static,
        "ES256": token(),
        "RS256": token(algorithm="RS256", key="two"),
        "EdDSA": token(algorithm="EdDSA", key="three"),
        "for several": token(claims(aud=["other", issuer.AUDIENCE])),
        "key": gateway.keys["good"].text,
        "single-use": single_use(),
    }


def single_use(**changes: object) -> str:
    """Return a single-use token as this gateway makes them, or one of another content."""
    if not changes:
        owner = Identity(client="api-key ann", scopes=frozenset({"stream"}))
        made = SingleUseTokens([RESUME_KEY])
        return made.mint(owner, Grant(scopes=frozenset({"stream"}), ttl_s=60)).token
    now = time.time()
    fields = {"v": 1, "nonce": "a", "by": "ann", "sc": ["stream"], "iat": now, "exp": now + 60}
    return _once(RESUME_KEY, b"perch single-use token", {**fields, **changes})


def _once(key: str, salt: bytes, fields: Mapping[str, object]) -> str:
    signing = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    by = URLSafeSerializer([key], salt=salt, signer_kwargs=signing)
    payload = base64_encode(json.dumps(fields).encode())
    return PREFIX + by.make_signer(salt).sign(payload).decode()


def forged(gateway: Guarded, stranger: str) -> dict[str, tuple[str, str]]:
    """Return each with the reason that the log must have; `stranger` is an address of theirs."""
    return {
        **_unsigned(),
        **_confused(),
        **_led_astray(stranger),
        **_claimed(),
        **_broken(),
        **_keys(gateway),
        **_single_use(),
    }


def too_long() -> str:
    """Return a good token in all but its length."""
    return token(claims(more="x" * 6200))


def part(value: object) -> str:
    """Return a part of a JSON Web Token."""
    return _text(json.dumps(value).encode())


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unsigned() -> dict[str, tuple[str, str]]:
    made = {}
    for name in ("none", "None", "NONE", "nOnE", ""):
        head = part({"alg": name, "typ": "JWT", "kid": "one"})
        made[f"alg {name!r}, no signature"] = (f"{head}.{part(claims())}.", "algorithm")
        made[f"alg {name!r}, a signature"] = (f"{head}.{part(claims())}.AAAA", "algorithm")
    head, body, mark = token().split(".")
    made["its signature cut off"] = (f"{head}.{body}.", "signature")
    made["its head of another alg"] = (
        f"{part({'alg': 'none', 'kid': 'one'})}.{body}.{mark}",
        "algorithm",
    )
    # CVE-2022-21449: a verifier that takes 0 for a number between 1 and the order.
    made["a signature of zeros"] = (f"{head}.{body}.{_text(bytes(64))}", "signature")
    made["a signature in DER"] = (
        f"{head}.{body}.{_text(bytes.fromhex('3006020100020100'))}",
        "signature",
    )
    return made


def _confused() -> dict[str, tuple[str, str]]:
    """A token by HMAC with what everybody knows: the issuer's public keys, and nothing."""
    public = private_key("RS256", "two").public_key()
    known = {
        "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "DER": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "PKCS1": public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "JWK": json.dumps(public_jwk("RS256", "two")).encode(),
        "nothing": b"",
    }
    made = {}
    for name, key in known.items():
        for kid in ("two", "/dev/null", "../../../../dev/null"):
            signing = f"{part({'alg': 'HS256', 'kid': kid})}.{part(claims())}"
            mark = hmac.digest(key, signing.encode(), "sha256")
            made[f"HS256 by {name}, kid {kid}"] = (f"{signing}.{_text(mark)}", "algorithm")
    for algorithm, other in (("RS256", "one"), ("ES256", "two"), ("EdDSA", "one")):
        right = {"RS256": "two", "ES256": "one", "EdDSA": "three"}[algorithm]
        shown = token(algorithm=algorithm, key=right, headers={"kid": other})
        made[f"{algorithm} with the kid of another kind"] = (shown, "key")
    made["PS256, which is not configured"] = (token(algorithm="PS256", key="two"), "algorithm")
    return made


def _led_astray(stranger: str) -> dict[str, tuple[str, str]]:
    """A token by a stranger's key, whose head says where that is."""
    jwk = public_jwk("ES256", "stranger")
    made: dict[str, tuple[str, str]] = {}
    said: list[dict[str, Any]] = [
        {"jku": stranger},
        {"x5u": stranger},
        {"jwk": jwk},
        {"x5c": ["AAAA"]},
        {"jku": stranger, "jwk": jwk, "x5u": stranger},
    ]
    for more in said:
        name = " and ".join(more)
        made[f"{name}, kid of the issuer"] = (
            token(key="stranger", headers={**more, "kid": "one"}),
            "signature",
        )
        made[f"{name}, kid of its own"] = (token(key="stranger", headers=more), "key")
    for kid in ("ONE", "one ", "one\0", "../one", "' OR 1=1 --", stranger, "o" * 4000):
        made[f"kid {kid[:20]!r}"] = (token(headers={"kid": kid}), "key")
    return made


def _claimed() -> dict[str, tuple[str, str]]:
    """Signed by the issuer, for something else."""
    now = time.time()
    said: dict[str, tuple[dict[str, object], str]] = {
        "expired": ({"iat": now - _HOUR, "exp": now - 31}, "expired"),
        "early": ({"nbf": now + 600}, "early"),
        "of tomorrow": ({"iat": now + 86_400, "exp": now + 90_000}, "early"),
        "good for too long": ({"exp": now + 90_000}, "lifetime"),
        "good for ever": ({"exp": None}, "claims"),
        "good until infinity": ({"exp": float("inf")}, "claims"),
        "good until no number": ({"exp": float("nan")}, "claims"),
        "good until a text": ({"exp": str(now + 60)}, "claims"),
        "not issued": ({"iat": None}, "claims"),
        "for somebody else": ({"aud": "other.example"}, "audience"),
        "for nobody": ({"aud": None}, "claims"),
        "for a part of us": ({"aud": issuer.AUDIENCE[:-1]}, "audience"),
        "for more than us": ({"aud": f"{issuer.AUDIENCE}.evil.example"}, "audience"),
        "for us in capitals": ({"aud": issuer.AUDIENCE.upper()}, "audience"),
        "for a list of none": ({"aud": []}, "claims"),
        "of another issuer": ({"iss": "https://evil.example/"}, "issuer"),
        "of an issuer without its slash": ({"iss": issuer.NAME[:-1]}, "issuer"),
        "of an issuer and more": ({"iss": f"{issuer.NAME}evil"}, "issuer"),
        "of a list of issuers": ({"iss": [issuer.NAME]}, "issuer"),
        "of no issuer": ({"iss": None}, "claims"),
        "for no client": ({"client_id": "", "sub": None}, "claims"),
        "with limits that are none": ({"perch_limits": {"session": 9}}, "claims"),
        "revoked": ({"jti": "revoked"}, "revoked"),
        "of a revoked client": ({"client_id": "revoked"}, "revoked"),
    }
    made = {}
    for name, (changes, reason) in said.items():
        kept = {**claims(), **changes}
        said_of_it = {key: value for key, value in kept.items() if value is not None}
        made[name] = (_signed({"alg": "ES256", "kid": "one"}, said_of_it), reason)
    return made


def _broken() -> dict[str, tuple[str, str]]:
    whole = token()
    head, body, mark = whole.split(".")
    other = token(claims(client_id="somebody else")).split(".")[1]
    return {
        "the claims of another": (f"{head}.{other}.{mark}", "signature"),
        "a part more": (f"{whole}.{mark}", "form"),
        "encrypted, as it says": (f"{head}.{body}.{mark}.{body}.{mark}", "form"),
        "padded": (f"{whole}==", "form"),
        "critical": (_signed({"alg": "ES256", "kid": "one", "crit": ["exp"]}), "form"),
        "unencoded": (_signed({"alg": "ES256", "kid": "one", "b64": False}), "form"),
        "of another type": (token(headers={"typ": "logout+jwt"}), "form"),
        "a type that is a list": (_signed({"alg": "ES256", "kid": "one", "typ": []}), "form"),
        "a head that is a list": (f"{part(['ES256'])}.{body}.{mark}", "form"),
        "a head of a thousand lists": (f"{_text(b'[' * 3000)}.{body}.{mark}", "form"),
        "no token of anybody": ("aGVsbG8", "form"),
    }


def _signed(header: Mapping[str, object], said: Mapping[str, object] | None = None) -> str:
    """Return a token of the issuer with a head or claims that the library would not write."""
    signing = f"{part(header)}.{part(claims() if said is None else said)}"
    algorithm = get_default_algorithms()["ES256"]
    mark = algorithm.sign(signing.encode(), private_key("ES256", "one"))
    return f"{signing}.{_text(mark)}"


def _keys(gateway: Guarded) -> dict[str, tuple[str, str]]:
    fresh, whole = ApiKey.generate(), gateway.keys["good"].text
    swapped = f"perch_{gateway.keys['good'].key_id}{fresh.text[16:-6]}"
    return {
        "a key of nobody": (fresh.text, "unknown"),
        "a key that has ended": (gateway.keys["ended"].text, "expired"),
        "a key that is not good yet": (gateway.keys["early"].text, "early"),
        "a key that was rotated out": (gateway.keys["rotated"].text, "expired"),
        "a key that was revoked": (gateway.keys["revoked"].text, "revoked"),
        "another secret behind the id of a key": (swapped + checksum(swapped), "secret"),
        "a key with a wrong end": (whole[:-1] + ("0" if whole[-1] != "0" else "1"), "checksum"),
        "a key in capitals": (f"perch_{whole[6:].upper()}", "form"),
        "a key and a letter": (f"{whole}0", "form"),
        "two keys": (whole * 2, "form"),
        "a key of eight thousand letters": (f"perch_{'0' * 8000}", "form"),
        "the hash of a key": (gateway.keys["good"].sha256, "form"),
    }


def _single_use() -> dict[str, tuple[str, str]]:
    now = time.time()
    whole = single_use()
    fields = {"v": 1, "nonce": "b", "by": "ann", "sc": ["stream"], "iat": now, "exp": now + 60}
    resume = ResumeTokens([RESUME_KEY], 120)
    return {
        "a single-use token that has ended": (single_use(iat=now - 60, exp=now - 1), "expired"),
        "one of tomorrow": (single_use(iat=now + 300, exp=now + 400), "early"),
        "one that is good for too long": (single_use(exp=now + 660), "lifetime"),
        "one of another version": (single_use(v=2), "claims"),
        "one for nobody": (single_use(by=""), "claims"),
        "one of another key": (_once("x" * 32, b"perch single-use token", fields), "signature"),
        "one by the salt of resume tokens": (
            _once(RESUME_KEY, b"perch resume", fields),
            "signature",
        ),
        "one with another letter": (
            f"{whole[:20]}{'A' if whole[20] != 'A' else 'B'}{whole[21:]}",
            "signature",
        ),
        "a resume token as one": (PREFIX + resume.point(BEGINNING, "s").token, "signature"),
        "a resume token of a kept credential": (resume.point(BEGINNING, "s").token, "claims"),
        "one that is too long": (f"{PREFIX}{'a' * 6000}", "form"),
    }
