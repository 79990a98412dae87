"""Who a client is and what it may do, whoever says so, and what everyone is that can say it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from app.credentials.scopes import Scope

__all__ = [
    "MAX_CLIENT_CHARS",
    "NO_LIMITS",
    "Authenticator",
    "ClientLimits",
    "Identity",
    "Refusal",
    "Scope",
    "TokenRefusedError",
]

MAX_CLIENT_CHARS: Final = 256


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
    CHECKSUM = "checksum"
    UNKNOWN = "unknown"
    SECRET = "secret"  # noqa: S105  # pragma: allowlist secret
    REVOKED = "revoked"
    USED = "used"


class TokenRefusedError(Exception):
    """A token lets nobody in.

    Attributes:
        reason: Why.
        token_id: Of the token, where it has a name that is no secret; for logs.
    """

    def __init__(self, reason: Refusal, token_id: str | None = None) -> None:
        self.reason = reason
        self.token_id = token_id
        super().__init__(reason.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """What one client may have at once; None is as the gateway's settings say for every client.

    Attributes:
        sessions: Sessions at once, those that wait included.
        new_per_minute: Sessions begun in a minute.
        models: Names of the models that it may ask for.
        session_s: Seconds of a session's time on one connection.
    """

    sessions: int | None = None
    new_per_minute: int | None = None
    models: frozenset[str] | None = None
    session_s: float | None = None


NO_LIMITS: Final = ClientLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who shows a token.

    Two tokens of one client that may do the same are the same identity.

    Attributes:
        client: Name of the client, unique over all issuers and never a secret.
        scopes: What it may do, without the issuer's prefix: those of `Scope`, and whatever else its
            token has.
        limits: Of this client.
        token_id: Name of the token (`jti`); None where it has none.
        key_id: Id of the API key; None where it is none. Whatever stands for a token, as one that
            was exchanged for it does, has its client, ids and `issued`: by these it is revoked.
        issued: When the token was made, in seconds since 1970; None where nobody knows.
        expires: When it ends; None where it does not.
        origin: The browser's pages that may show the token; None for those of the gateway's list.
        stands_in: Whether the token was made for one that is kept elsewhere, whose client, names
            and times it has: no other is made for it.
        resumes: Id of the one session that the token lets its bearer go on with; None for any.
    """

    client: str
    scopes: frozenset[str]
    limits: ClientLimits = NO_LIMITS
    token_id: str | None = field(default=None, compare=False)
    key_id: str | None = field(default=None, compare=False)
    issued: float | None = field(default=None, compare=False)
    expires: float | None = field(default=None, compare=False)
    origin: str | None = field(default=None, compare=False)
    stands_in: bool = field(default=False, compare=False)
    resumes: str | None = field(default=None, compare=False)


class Authenticator(Protocol):
    """Somebody who can say whose a token is: a list, an issuer's keys."""

    @property
    def allowed_in_query(self) -> bool:
        """Whether its tokens may stand in an address, which ends in the logs of others."""

    async def identify(self, token: str) -> Identity | None:
        """Return whose a token is; None where it is none of this authenticator's.

        Raises:
            TokenRefusedError: It is one, and lets nobody in.
            app.gateway.identity.keys.KeysUnavailableError: It cannot be told now.
        """
