"""Decides whether a JSON Web Token lets its bearer in, and as whom (RFC 7519, 8725, 9068)."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from time import time
from typing import Final

import jwt

from app.gateway.identity.keys import Keys

MAX_TOKEN_CHARS: Final = 8192
MAX_CLIENT_CHARS: Final = 256

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_TYPES: Final = frozenset({None, "jwt", "at+jwt", "application/at+jwt", "application/jwt"})
"""RFC 9068, 2.1 has `at+jwt`, most issuers write JWT or nothing; other kinds let nobody in."""
_CLIENT_CLAIMS: Final = ("client_id", "azp", "sub")
"""RFC 9068, 2.2; OpenID Connect's `azp` where there is none; else the subject."""


class Refusal(StrEnum):
    """Why a token is refused: for logs and metrics, never for who showed it."""

    FORM = "form"
    ALGORITHM = "algorithm"
    KEY = "key"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    EARLY = "early"
    LIFETIME = "lifetime"
    CLAIMS = "claims"


class TokenRefusedError(Exception):
    """A token lets nobody in.

    Attributes:
        reason: Why.
    """

    def __init__(self, reason: Refusal) -> None:
        self.reason = reason
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What a token must be.

    Attributes:
        issuer: Its `iss`, letter for letter.
        audience: One of its `aud`.
        algorithms: Of its signature.
        leeway_s: Seconds that the issuer's clock may be off.
        max_lifetime_s: Longest time from `iat` to `exp`.
        scope_prefix: Before each scope's name, as issuers have it that know several services.
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    leeway_s: float
    max_lifetime_s: float
    scope_prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who shows a token.

    Attributes:
        client: Name of the client, unique over all issuers.
        scopes: What it may do, without the prefix.
    """

    client: str
    scopes: frozenset[str]


class TokenVerifier:
    """Checks tokens of one issuer.

    Args:
        rules: What they must be.
        keys: Of the issuer.
        clock: Seconds since 1970.
    """

    def __init__(self, rules: TokenRules, keys: Keys, clock: Callable[[], float] = time) -> None:
        self._rules = rules
        self._keys = keys
        self._clock = clock

    @property
    def keys(self) -> Keys:
        """The issuer's keys."""
        return self._keys

    async def verify(self, token: str) -> Identity:
        """Return who a token says its bearer is.

        Raises:
            TokenRefusedError: It lets nobody in.
            KeysUnavailableError: There are no keys to check any token with.
        """
        kid, algorithm = self._header(token)
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise TokenRefusedError(Refusal.KEY)
        claims = self._signed(token, key, algorithm)
        self._check_times(claims)
        return Identity(client=self._client(claims), scopes=frozenset(self._scopes(claims)))

    def _header(self, token: str) -> tuple[str | None, str]:
        """Return the names of key and algorithm; nothing else that a header offers is followed."""
        if len(token) > MAX_TOKEN_CHARS or _COMPACT.fullmatch(token) is None:
            raise TokenRefusedError(Refusal.FORM)
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise TokenRefusedError(Refusal.FORM) from None
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
        if algorithm not in self._rules.algorithms:
            raise TokenRefusedError(Refusal.ALGORITHM)
        # No extension is understood here, and RFC 7515, 4.1.11 has one refused that is critical.
        if "crit" in header or not isinstance(kid, str | None) or not _is_type(kind):
            raise TokenRefusedError(Refusal.FORM)
        return kid, algorithm

    def _signed(self, token: str, key: jwt.PyJWK, algorithm: str) -> Mapping[str, object]:
        rules = self._rules
        try:
            # Times are checked here by one clock, which tests can set.
            claims: Mapping[str, object] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                issuer=rules.issuer,
                audience=rules.audience,
                options={
                    "require": ["iss", "aud", "exp", "iat"],
                    "enforce_minimum_key_length": True,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidSignatureError:
            raise TokenRefusedError(Refusal.SIGNATURE) from None
        except jwt.InvalidIssuerError:
            raise TokenRefusedError(Refusal.ISSUER) from None
        except jwt.InvalidAudienceError:
            raise TokenRefusedError(Refusal.AUDIENCE) from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise TokenRefusedError(Refusal.CLAIMS) from None
        return claims

    def _check_times(self, claims: Mapping[str, object]) -> None:
        now, leeway = self._clock(), self._rules.leeway_s
        expires, issued = _seconds(claims, "exp"), _seconds(claims, "iat")
        if now >= expires + leeway:
            raise TokenRefusedError(Refusal.EXPIRED)
        begins = max(issued, _seconds(claims, "nbf")) if "nbf" in claims else issued
        if now < begins - leeway:
            raise TokenRefusedError(Refusal.EARLY)
        if expires - issued > self._rules.max_lifetime_s:
            raise TokenRefusedError(Refusal.LIFETIME)

    def _client(self, claims: Mapping[str, object]) -> str:
        name = next((claims[key] for key in _CLIENT_CLAIMS if key in claims), None)
        if not isinstance(name, str) or not 0 < len(name) <= MAX_CLIENT_CHARS:
            raise TokenRefusedError(Refusal.CLAIMS)
        return f"{self._rules.issuer} {name}"

    def _scopes(self, claims: Mapping[str, object]) -> Iterable[str]:
        # RFC 8693, 4.2 has words in one text; some issuers write a list, or call it `scp`.
        said = claims.get("scope", claims.get("scp", ""))
        names = said.split() if isinstance(said, str) else said
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TokenRefusedError(Refusal.CLAIMS)
        prefix = self._rules.scope_prefix
        return (name.removeprefix(prefix) for name in names if name.startswith(prefix))


def _is_type(kind: object) -> bool:
    return (kind.lower() if isinstance(kind, str) else kind) in _TYPES


def _seconds(claims: Mapping[str, object], name: str) -> float:
    value = claims[name]
    # A bool is a number to Python, and JSON's NaN and Infinity are to its parser.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefusedError(Refusal.CLAIMS)
    try:
        seconds = float(value)
    except OverflowError:
        raise TokenRefusedError(Refusal.CLAIMS) from None
    if not math.isfinite(seconds):
        raise TokenRefusedError(Refusal.CLAIMS)
    return seconds
