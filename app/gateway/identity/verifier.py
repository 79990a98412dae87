"""Decides whether a JSON Web Token lets its bearer in, and as whom (RFC 7519, 8725, 9068)."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import time
from typing import Final

import jwt

from app.gateway.identity.identity import (
    MAX_CLIENT_CHARS,
    NO_LIMITS,
    ClientLimits,
    Identity,
    Refusal,
    TokenRefusedError,
)
from app.gateway.identity.keys import Keys

MAX_TOKEN_CHARS: Final = 8192
MAX_TOKEN_ID_CHARS: Final = 256
MAX_MODELS: Final = 100
MAX_LIMIT: Final = 1_000_000
"""Of sessions, at once or in a minute."""

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt", "application/jwt"})
"""RFC 9068, 2.1 has `at+jwt`, most issuers write JWT or nothing; other kinds let nobody in."""
_CLIENT_CLAIMS: Final = ("client_id", "azp", "sub")
"""RFC 9068, 2.2; OpenID Connect's `azp` where there is none; else the subject."""
_LIMITS_CLAIM: Final = "perch_limits"
"""An object of our own: RFC 7519, 4.3 leaves such names to issuer and service."""
_LIMIT_KEYS: Final = frozenset({"sessions", "new_per_minute", "models"})


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


class TokenVerifier:
    """Checks tokens of one issuer.

    Args:
        rules: What they must be.
        keys: Of the issuer.
        clock: Seconds since 1970.
    """

    allowed_in_query = False
    """It is good for more than one connection, and an address ends in the logs of others."""

    def __init__(self, rules: TokenRules, keys: Keys, clock: Callable[[], float] = time) -> None:
        self._rules = rules
        self._keys = keys
        self._clock = clock

    @property
    def keys(self) -> Keys:
        """The issuer's keys."""
        return self._keys

    async def identify(self, token: str) -> Identity:
        """Return who a token says its bearer is; every token is taken for one of the issuer's.

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
        return Identity(
            client=self._client(claims),
            scopes=frozenset(self._scopes(claims)),
            limits=_limits(claims),
            token_id=_token_id(claims),
            issued=_seconds(claims, "iat"),
            expires=_seconds(claims, "exp"),
        )

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
    # A stranger writes the header: a list or an object is no key of a set.
    return kind is None or (isinstance(kind, str) and kind.lower() in _TYPES)


def _token_id(claims: Mapping[str, object]) -> str | None:
    name = claims.get("jti")
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= MAX_TOKEN_ID_CHARS):
        raise TokenRefusedError(Refusal.CLAIMS)
    return name


def _limits(claims: Mapping[str, object]) -> ClientLimits:
    if _LIMITS_CLAIM not in claims:
        return NO_LIMITS
    said = claims[_LIMITS_CLAIM]
    # A name that is not known may be a limit that is misspelled: better none in than too much out.
    if not isinstance(said, dict) or not said.keys() <= _LIMIT_KEYS:
        raise TokenRefusedError(Refusal.CLAIMS)
    return ClientLimits(
        sessions=_limit(said.get("sessions")),
        new_per_minute=_limit(said.get("new_per_minute")),
        models=_models(said.get("models")),
    )


def _limit(value: object) -> int | None:
    if value is not None and (type(value) is not int or not 0 < value <= MAX_LIMIT):
        raise TokenRefusedError(Refusal.CLAIMS)
    return value


def _models(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not 0 < len(value) <= MAX_MODELS:
        raise TokenRefusedError(Refusal.CLAIMS)
    if not all(isinstance(name, str) and name for name in value):
        raise TokenRefusedError(Refusal.CLAIMS)
    return frozenset(value)


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
