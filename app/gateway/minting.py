"""Exchanges a kept credential for a single-use token: what every route that makes one calls."""

from collections.abc import Callable
from datetime import UTC, datetime
from math import ceil
from time import monotonic
from typing import Final

from app.contract import ContractError, ErrorCode, TokenAnswer, TokenRequest
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.admission.hosts import Origin
from app.gateway.admission.rate import ClientBuckets
from app.gateway.identity.identity import Identity
from app.gateway.identity.single_use import Grant, SingleUseTokens

_MINUTE_S: Final = 60.0
_MS: Final = 1000
_MIN_BURST: Final = 1.0


class TokenMint:
    """Makes single-use tokens within what their owners may do.

    Args:
        tokens: Signs them.
        per_minute: Tokens made for one client in a minute; 0 means no limit.
        clock: Seconds that only go up.
    """

    def __init__(
        self,
        tokens: SingleUseTokens,
        per_minute: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._tokens = tokens
        self._per_minute = per_minute
        self._buckets = ClientBuckets(per_minute / _MINUTE_S, max(_MIN_BURST, per_minute), clock)

    def exchange(self, owner: Identity, request: TokenRequest) -> TokenAnswer:
        """Make a token.

        Args:
            owner: Who the kept credential says it is.
            request: What the token is to allow.

        Raises:
            ContractError: `insufficient_scope`, `bad_request` or `too_many_tokens`.
        """
        for scope in request.scopes:
            if scope not in owner.scopes:
                raise ContractError(ErrorCode.INSUFFICIENT_SCOPE, scope=scope)
        grant = Grant(
            scopes=frozenset(request.scopes),
            ttl_s=request.ttl,
            max_session_s=request.max_session_seconds,
            origin=_checked(request.origin),
        )
        self._charge(owner.client)
        try:
            made = self._tokens.mint(owner, grant)
        except ValueError as error:
            raise ContractError(ErrorCode.BAD_REQUEST, detail=str(error)) from error
        return TokenAnswer(
            token=made.token,
            expires_at=datetime.fromtimestamp(made.expires, UTC),
            expires_in=round(made.ttl_s, 3),
            scopes=sorted(grant.scopes),
        )

    def _charge(self, client: str) -> None:
        if not self._per_minute:
            return
        seconds = self._buckets.take(client)
        if seconds > 0:
            # Upwards: who comes after what it was told must not be told again.
            after = ceil(seconds * _MS) / _MS
            raise ContractError(
                ErrorCode.TOO_MANY_TOKENS, rate=self._per_minute, retry_after_s=after
            )


def _checked(origin: str | None) -> str | None:
    """Return an origin that a browser may show, None where none is asked for."""
    if origin is None:
        return None
    try:
        page = Origin.parse(origin)
    except ValueError:
        page = None
    if page is None:
        shown = origin[:MAX_ECHO_CHARS]
        raise ContractError(
            ErrorCode.BAD_REQUEST,
            detail=f"origin is {shown!r}; accepted: an origin such as https://app.example.org",
        )
    return origin
