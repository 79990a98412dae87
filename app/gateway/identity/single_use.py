"""Single-use tokens: what a browser shows in place of the credential that was exchanged for it.

A token says everything about its bearer, and is signed with the keys that all gateways of an
environment share: made at one, it lets in at any. Each gateway remembers those that it let in until
they end, so none lets in twice.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import floor
from time import time
from typing import Final

from itsdangerous import BadData
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.contract.limits import MAX_TOKEN_TTL_S
from app.gateway.identity.identity import (
    ClientLimits,
    Identity,
    Refusal,
    TokenRefusedError,
)
from app.gateway.identity.keys import KeysUnavailableError
from app.gateway.identity.signing import keys_or_own, serializer

PREFIX: Final = "perch-once."
"""Scanners of secrets find it, and it is what a subprotocol may have (RFC 9110, 5.6.2)."""
MAX_CHARS: Final = 6000
"""A request's line and headers have 16 KiB together."""
LEEWAY_S: Final = 30.0
"""Which the clock of the gateway that made a token may be ahead of this one."""
MAX_USED: Final = 100_000
"""Tokens that are remembered, some 20 MB."""

_SALT: Final = b"perch single-use token"
"""Keeps these signatures apart from any others made with the same keys."""
_VERSION: Final = 1
_NONCE_BYTES: Final = 16
_MS: Final = 1000
_ROUNDING_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token is to allow, of what its owner may do.

    Attributes:
        scopes: Of the owner's.
        ttl_s: Seconds it is good for, if the credential it is made for is good for as long.
        max_session_s: Longest session; None is as the gateway's settings have it.
        origin: The pages that may show it; None for any.
    """

    scopes: frozenset[str]
    ttl_s: float
    max_session_s: float | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A token that was made.

    Attributes:
        token: The token.
        expires: When it ends, in seconds since 1970.
        ttl_s: Seconds until then.
    """

    token: str = field(repr=False)
    expires: float
    ttl_s: float


class _Payload(BaseModel):
    """A token's fields. Short keys: it travels in a header."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    v: int
    nonce: str = Field(min_length=1, max_length=64)
    by: str = Field(min_length=1)
    sc: list[str] = Field(min_length=1)
    iat: float
    exp: float
    # Of the credential it was made for: by these it is revoked, and by its end it ends.
    jti: str | None = None
    key: str | None = None
    made: float | None = None
    ends: float | None = None
    ses: int | None = Field(default=None, gt=0)
    new: int | None = Field(default=None, gt=0)
    mod: list[str] | None = None
    max: float | None = Field(default=None, gt=0)
    org: str | None = None

    def identity(self) -> Identity:
        """Return who shows it."""
        return Identity(
            client=self.by,
            scopes=frozenset(self.sc),
            limits=ClientLimits(
                sessions=self.ses,
                new_per_minute=self.new,
                models=None if self.mod is None else frozenset(self.mod),
                session_s=self.max,
            ),
            token_id=self.jti,
            key_id=self.key,
            issued=self.made,
            expires=self.ends,
            origin=self.org,
            stands_in=True,
        )


class SingleUseTokens:
    """Makes tokens, and lets each in once.

    Args:
        keys: The first signs, all are accepted; without one a random key is made, which no other
            gateway knows.
        clock: Seconds since 1970: tokens go from machine to machine.
        max_used: How many are remembered.
    """

    allowed_in_query = True
    """In the logs of others it is used up already."""

    def __init__(
        self,
        keys: Sequence[str],
        clock: Callable[[], float] = time,
        max_used: int = MAX_USED,
    ) -> None:
        self.replace_keys(keys)
        self._clock = clock
        self._max_used = max_used
        self._used: set[str] = set()
        self._ends: list[tuple[float, str]] = []

    def replace_keys(self, keys: Sequence[str]) -> None:
        """Sign with the first of other keys from now on, and accept all of them and no others."""
        self._serializer = serializer(keys_or_own(keys), _SALT)

    def mint(self, owner: Identity, grant: Grant) -> Minted:
        """Make a token.

        Args:
            owner: For whom.
            grant: What it allows; the caller has checked it against what the owner may do.

        Raises:
            ValueError: No request could carry it: the owner may ask for too many models.
        """
        now = self._clock()
        # Neither outlives the credential, nor is remembered for longer than it says.
        ends = min(now + grant.ttl_s, now + MAX_TOKEN_TTL_S, owner.expires or now + MAX_TOKEN_TTL_S)
        expires = floor(ends * _MS) / _MS
        limits = owner.limits
        fields = {
            "v": _VERSION,
            "nonce": secrets.token_urlsafe(_NONCE_BYTES),
            "by": owner.client,
            "sc": sorted(grant.scopes),
            "iat": floor(now * _MS) / _MS,
            "exp": expires,
            "jti": owner.token_id,
            "key": owner.key_id,
            "made": owner.issued,
            "ends": owner.expires,
            "ses": limits.sessions,
            "new": limits.new_per_minute,
            "mod": None if limits.models is None else sorted(limits.models),
            "max": min(filter(None, (grant.max_session_s, limits.session_s)), default=None),
            "org": grant.origin,
        }
        signed = self._serializer.dumps({k: v for k, v in fields.items() if v is not None})
        token = PREFIX + signed
        if len(token) > MAX_CHARS:
            raise ValueError(f"a token of {len(token)} characters; at most {MAX_CHARS} can be sent")
        return Minted(token=token, expires=expires, ttl_s=max(0.0, expires - now))

    async def identify(self, token: str) -> Identity | None:
        """Return whose a token is, and use it up; None where it has another form.

        Raises:
            TokenRefusedError: It lets nobody in, or nobody any more.
            KeysUnavailableError: Too many are remembered to let another one in once alone.
        """
        if not token.startswith(PREFIX):
            return None
        payload = self._read(token)
        now = self._clock()
        if now >= payload.exp:
            raise TokenRefusedError(Refusal.EXPIRED)
        if payload.iat > now + LEEWAY_S:
            raise TokenRefusedError(Refusal.EARLY)
        if payload.exp - payload.iat > MAX_TOKEN_TTL_S + _ROUNDING_S:
            raise TokenRefusedError(Refusal.LIFETIME)
        self._use(payload.nonce, payload.exp, now)
        return payload.identity()

    def _read(self, token: str) -> _Payload:
        if len(token) > MAX_CHARS:
            raise TokenRefusedError(Refusal.FORM)
        try:
            content = self._serializer.loads(token.removeprefix(PREFIX))
        except BadData:
            raise TokenRefusedError(Refusal.SIGNATURE) from None
        try:
            payload = _Payload.model_validate(content)
        except ValidationError:
            # Signed by us: of another version of the gateway.
            raise TokenRefusedError(Refusal.CLAIMS) from None
        if payload.v != _VERSION:
            raise TokenRefusedError(Refusal.CLAIMS)
        return payload

    def _use(self, nonce: str, end: float, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            self._used.discard(heappop(self._ends)[1])
        if nonce in self._used:
            raise TokenRefusedError(Refusal.USED)
        if len(self._used) >= self._max_used:
            raise KeysUnavailableError(f"{self._max_used} single-use tokens are remembered")
        self._used.add(nonce)
        heappush(self._ends, (end, nonce))
