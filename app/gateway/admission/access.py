"""Access control before the upgrade: bearer tokens, browser origins, host names."""

from collections.abc import Callable, Iterable
from typing import Final

from starlette.requests import HTTPConnection

from app.contract import ContractError, ErrorCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.admission.hosts import AcceptedHosts, Authority, Origin
from app.gateway.identity.identity import (
    Authenticator,
    ClientLimits,
    Identity,
    Refusal,
    Scope,
    TokenRefusedError,
)
from app.gateway.identity.keys import KeysUnavailableError

MAX_TOKENS: Final = 4
"""Of one request that are refused before it is: a signature costs some 0.1 ms to check."""

_BEARER_SUBPROTOCOL: Final = "bearer."
_SCHEMES: Final = frozenset({"bearer", "token"})
"""Of the header `Authorization`; Deepgram's SDKs call theirs `Token`."""
_MODELS_TOLD: Final = 10
_BY_TLS: Final = frozenset({"https", "wss"})
_IN_CLEAR: Final = frozenset({"http", "ws"})


class AccessPolicy:
    """Grants or denies access by host, token and origin.

    Args:
        authenticators: Say whose a token is, asked in this order. Without any, no token is asked
            for.
        origins: Accepted `Origin` values; none accepts every one. The gateway's own page is always
            accepted.
        hosts: Accepted `Host` values, as `AcceptedHosts` has them.
        refused: Told of each token that one of them knew and refused.
        revoked: Says why somebody whose token is good is not let in any more.
        stand_ins: Authenticators of tokens that stand for those of the others, asked before them.
        allow_anonymous: Whether who shows no token of theirs is let in all the same.
    """

    def __init__(  # noqa: PLR0913 - what a request is judged by
        self,
        authenticators: Iterable[Authenticator],
        origins: Iterable[str],
        hosts: Iterable[str],
        refused: Callable[[TokenRefusedError], None] = lambda _: None,
        revoked: Callable[[Identity], Refusal | None] = lambda _: None,
        *,
        stand_ins: Iterable[Authenticator] = (),
        allow_anonymous: bool = False,
    ) -> None:
        self._authenticators = tuple(authenticators)
        self._all = (*stand_ins, *self._authenticators) if self._authenticators else ()
        self._refused = refused
        self._revoked = revoked
        self._allow_anonymous = allow_anonymous
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._hosts = AcceptedHosts(hosts)

    @property
    def requires_token(self) -> bool:
        """Whether a token is needed."""
        return bool(self._authenticators) and not self._allow_anonymous

    async def check(
        self, connection: HTTPConnection, scope: Scope, more: Iterable[str] = ()
    ) -> Identity | None:
        """Check host, origin and token of a request.

        Args:
            connection: The request.
            scope: What it wants to do.
            more: Tokens that the client shows where its dialect has them.

        Returns:
            Who the client is; None where no token is required, and none of anybody's is shown.

        Raises:
            ContractError: `misdirected_request`, `forbidden_origin`, `unauthorized`,
                `insufficient_scope` or `identity_unavailable`.
        """
        self.check_host(connection)
        self._check_origin(connection)
        identity = await self._identify(
            self._all,
            [*_header_tokens(connection), *_subprotocol_tokens(connection), *more],
            connection.query_params.getlist("token"),
        )
        if identity is None:
            if self.requires_token:
                raise ContractError(ErrorCode.UNAUTHORIZED)
            return None
        _check_page(identity, connection)
        if scope not in identity.scopes:
            raise ContractError(ErrorCode.INSUFFICIENT_SCOPE, scope=scope.value)
        return identity

    async def check_owner(self, connection: HTTPConnection) -> Identity:
        """Check host, origin and header of a request for a token that stands for the one shown.

        One that itself stands for another is not taken, nor one anywhere but in the header.

        Raises:
            ContractError: As `check`, and `bad_request` where no token is asked for.
        """
        identity = await self.find_owner(connection)
        if identity is None:
            raise ContractError(
                ErrorCode.BAD_REQUEST, detail="this gateway asks for no token; connect without one"
            )
        return identity

    async def find_owner(self, connection: HTTPConnection) -> Identity | None:
        """Check as `check_owner`; return None where no token is asked for, and none is shown.

        Raises:
            ContractError: As `check`.
        """
        self.check_host(connection)
        self._check_origin(connection)
        identity = await self._identify(self._authenticators, _header_tokens(connection), [])
        if identity is None and self.requires_token:
            raise ContractError(ErrorCode.UNAUTHORIZED)
        return identity

    async def grants(self, connection: HTTPConnection, scope: Scope) -> bool:
        """Say whether a request shows a token with a scope, in a header."""
        try:
            identity = await self._identify(self._authenticators, _header_tokens(connection), [])
        except ContractError:
            return False
        return identity is not None and scope in identity.scopes

    async def _identify(
        self, authenticators: Iterable[Authenticator], kept_apart: list[str], in_address: list[str]
    ) -> Identity | None:
        """Return whose the first good token is, by the first authenticator that has one.

        Raises:
            ContractError: There is none, and there are bad ones.
        """
        refused: set[str] = set()
        for authenticator in authenticators:
            offered = kept_apart + in_address if authenticator.allowed_in_query else kept_apart
            for token in offered:
                if token in refused:
                    continue
                try:
                    identity = await self._shown_to(authenticator, token)
                except TokenRefusedError as error:
                    self._refused(error)
                    refused.add(token)
                    if len(refused) == MAX_TOKENS:
                        raise ContractError(ErrorCode.UNAUTHORIZED) from None
                else:
                    if identity is not None:
                        return identity
        if refused:
            raise ContractError(ErrorCode.UNAUTHORIZED)
        return None

    async def _shown_to(self, authenticator: Authenticator, token: str) -> Identity | None:
        try:
            identity = await authenticator.identify(token)
        except KeysUnavailableError:
            raise ContractError(ErrorCode.IDENTITY_UNAVAILABLE) from None
        if identity is not None and (reason := self._revoked(identity)) is not None:
            raise TokenRefusedError(reason, identity.key_id or identity.token_id)
        return identity

    def check_host(self, connection: HTTPConnection) -> None:
        """Check that a request names a host this gateway is known as.

        Only HTTP/1.0 may name none, and no browser speaks it.

        Raises:
            ContractError: `misdirected_request`.
        """
        for host in filter(None, connection.headers.getlist("host")):
            if not self._hosts.accept(host):
                raise ContractError(ErrorCode.MISDIRECTED_REQUEST, host=host[:MAX_ECHO_CHARS])

    def _check_origin(self, connection: HTTPConnection) -> None:
        for origin in connection.headers.getlist("origin"):
            if not self._accepts_page(origin, connection):
                raise ContractError(ErrorCode.FORBIDDEN_ORIGIN, origin=origin[:MAX_ECHO_CHARS])

    def _accepts_page(self, origin: str, connection: HTTPConnection) -> bool:
        try:
            page = Origin.parse(origin)
            if not self._origins or origin.lower() in self._origins:
                return True
            # The own page: whether the host is one of ours was checked before.
            own = Authority.parse(connection.headers.get("host", ""))
        except ValueError:
            return False
        if page is None or page.scheme not in _schemes_of_own_page(connection):
            return False
        return own.at(page.scheme) == page.authority


def _schemes_of_own_page(connection: HTTPConnection) -> frozenset[str]:
    """Return how the gateway's own page may have come.

    Where the gateway itself has TLS, never in clear: anybody on the way could have put a page of
    that name there. Where it has none, something before it may have.
    """
    has_tls = connection.scope.get("scheme") in _BY_TLS
    return _BY_TLS if has_tls else _BY_TLS | _IN_CLEAR


def check_model(limits: ClientLimits, model: str) -> None:
    """Refuse a model that a client may not ask for.

    Args:
        limits: The client's own.
        model: What it asks for; "" where the recogniser chooses.

    Raises:
        ContractError: `model_not_allowed`, with those that are.
    """
    allowed = limits.models
    if allowed is None or model in allowed:
        return
    names = sorted(allowed)
    told = ", ".join(names[:_MODELS_TOLD])
    more = len(names) - _MODELS_TOLD
    raise ContractError(
        ErrorCode.MODEL_NOT_ALLOWED,
        model=model or "that the recogniser chooses",
        accepted=f"{told} and {more} more" if more > 0 else told,
    )


def _check_page(identity: Identity, connection: HTTPConnection) -> None:
    """Refuse a token that was made for the pages of another origin."""
    if identity.origin is None:
        return
    shown = connection.headers.getlist("origin")
    if len(shown) != 1 or Origin.parse(shown[0]) != Origin.parse(identity.origin):
        origin = ", ".join(shown)[:MAX_ECHO_CHARS] or "of none"
        raise ContractError(ErrorCode.FORBIDDEN_ORIGIN, origin=origin)


def _header_tokens(connection: HTTPConnection) -> list[str]:
    scheme, _, credentials = connection.headers.get("authorization", "").partition(" ")
    return [credentials.strip()] if scheme.lower() in _SCHEMES else []


def _subprotocol_tokens(connection: HTTPConnection) -> list[str]:
    return [
        name.removeprefix(_BEARER_SUBPROTOCOL)
        for name in connection.scope.get("subprotocols", ())
        if name.startswith(_BEARER_SUBPROTOCOL)
    ]
