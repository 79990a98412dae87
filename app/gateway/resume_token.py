"""Resume tokens: signed cursors that a client takes to another gateway.

A token holds everything the other gateway needs, so none keeps state for clients that left. It is
signed, not encrypted: the client may know what is in it.

The token of a session that a single-use token began says whose it is, too: it opens the connection
on which that session goes on, and nothing else.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Final

from itsdangerous import BadData
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.asr import BEGINNING, DEFAULT_GROUP, Cursor, LastWord
from app.contract import ContractError, ErrorCode
from app.contract.fields import ResumeOffer, ResumePoint
from app.contract.limits import DEFAULT_HEARTBEAT_S, MAX_RESUME_TOKEN_CHARS
from app.gateway.identity.identity import ClientLimits, Identity, Refusal, Scope, TokenRefusedError
from app.gateway.identity.signing import keys_or_own, serializer

_VERSION: Final = 2
_SALT: Final = b"perch resume"
"""Keeps these signatures apart from any others made with the same keys."""

_MARK_SALT: Final = b"perch resume mark\0"
_MARK_BYTES: Final = 12
_MOST_LETTERS: Final = 40
"""Of the one word in a token, which is not sent again where it is recognised again."""

_MOST_OWNER_CHARS: Final = 500
"""Of names in a token, as JSON writes them; it is sent with every final."""

_DECIMALS: Final = 6
"""Microseconds: a sample at 48 kHz is 21 of them long."""


@dataclass(frozen=True, slots=True)
class ResumeClaim:
    """The content of a valid token.

    Attributes:
        cursor: Where the session is resumed.
        session_id: Of the session; None for the token of a hello, which belongs to none yet.
        mark: Of the client it was issued to.
        group: The group of recognisers that the session is with; None as long as it belongs to no
            session.
        owner: Whose session it is, where the token says so.
    """

    cursor: Cursor
    session_id: str | None
    mark: str = ""
    group: str | None = None
    owner: Identity | None = None


class _Owner(BaseModel):
    """Whose session it is. Names and times are those of what a single-use token was made for."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    by: str = Field(min_length=1)
    jti: str | None = None
    key: str | None = None
    made: float | None = None
    ends: float | None = None
    until: float | None = None
    ses: int | None = Field(default=None, gt=0)
    mod: str | None = None
    org: str | None = None

    def identity(self, session_id: str, now: float) -> Identity:
        """Return who may go on with the session."""
        return Identity(
            client=self.by,
            scopes=frozenset({Scope.STREAM}),
            limits=ClientLimits(
                sessions=self.ses,
                models=None if self.mod is None else frozenset({self.mod}),
                session_s=None if self.until is None else self.until - now,
            ),
            token_id=self.jti,
            key_id=self.key,
            issued=self.made,
            expires=self.ends,
            origin=self.org,
            stands_in=True,
            resumes=session_id,
        )


class _Payload(BaseModel):
    """A token's fields. Short keys: it is sent with every final."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    v: int
    at: float = Field(ge=0, allow_inf_nan=False)
    sid: str | None
    pos: float = Field(ge=0, allow_inf_nan=False)
    cov: float = Field(ge=0, allow_inf_nan=False)
    seg: int = Field(ge=0)
    by: str
    grp: str = Field(default=DEFAULT_GROUP, min_length=1, max_length=_MOST_LETTERS)
    word: str | None = Field(default=None, min_length=1, max_length=_MOST_LETTERS)
    from_: float = Field(default=0.0, ge=0, allow_inf_nan=False, alias="from")
    own: _Owner | None = None

    def cursor(self) -> Cursor:
        """Return where the session is resumed."""
        again = None if self.word is None else LastWord(letters=self.word, start=self.from_)
        return Cursor(position=self.pos, covered=self.cov, segment_id=self.seg, again=again)


class ResumeTokens:
    """Issues and reads tokens.

    Args:
        keys: The first signs, all are accepted; without one a random key is made, which no other
            gateway knows.
        window_s: Seconds a token is good for.
        clock: Wall-clock seconds since 1970: tokens go from machine to machine.
    """

    def __init__(
        self, keys: Sequence[str], window_s: float, clock: Callable[[], float] = time
    ) -> None:
        self.replace_keys(keys)
        self.window_s = window_s
        self._clock = clock

    def replace_keys(self, keys: Sequence[str]) -> None:
        """Sign with the first of other keys from now on, and accept all of them and no others."""
        held = keys_or_own(keys)
        self._serializer = serializer(held, _SALT)
        self._marking = [hashlib.sha256(_MARK_SALT + key.encode()).digest() for key in held]

    def marks(self, client: bytes) -> tuple[str, ...]:
        """Return a client's marks in tokens, one for each key, the signing key first.

        Keyed, so that nobody who sees a token can guess the client's credentials by trial.
        """
        digests = [
            hashlib.blake2b(client, digest_size=_MARK_BYTES, key=key).digest()
            for key in self._marking
        ]
        return tuple(urlsafe_b64encode(digest).decode() for digest in digests)

    def offer(self, mark: str = "", *, as_bearer: bool = False) -> ResumeOffer:
        """Return the offer of a hello: the beginning of any session, until its first token.

        Args:
            mark: The client's.
            as_bearer: Whether the tokens of its sessions say whose they are.
        """
        return ResumeOffer(
            token=self._issue(BEGINNING, None, mark),
            window_s=self.window_s,
            heartbeat_s=DEFAULT_HEARTBEAT_S,
            as_bearer=as_bearer,
        )

    def point(
        self,
        cursor: Cursor,
        session_id: str,
        mark: str = "",
        group: str = DEFAULT_GROUP,
        owner: Mapping[str, object] | None = None,
    ) -> ResumePoint:
        """Return where a session can be resumed, by the client with a mark.

        Args:
            cursor: The place.
            session_id: Of the session.
            mark: The client's.
            group: The group of recognisers that the session is with.
            owner: Whose session it is, as `owner_fields` has it.
        """
        return ResumePoint(
            position=round(cursor.position, _DECIMALS),
            token=self._issue(cursor, session_id, mark, group, owner),
        )

    def is_ours(self, text: str) -> bool:
        """Return whether a gateway of this environment signed a text."""
        try:
            self._serializer.loads(text)
        except BadData:
            return False
        return True

    def read(self, token: str) -> ResumeClaim:
        """Check a token and return its content.

        Raises:
            ContractError: `resume_rejected`; the detail says why, and nothing of the token.
        """
        try:
            content = self._serializer.loads(token)
        except BadData as error:
            raise _rejected(
                "the token was not issued by a gateway of this environment, or was changed"
            ) from error
        # Signed by us: it is not the client's fault when it cannot be read.
        if not isinstance(content, dict) or content.get("v") != _VERSION:
            raise _rejected("the token is of another version of the gateway")
        try:
            payload = _Payload.model_validate(content)
        except ValidationError as error:
            raise _rejected("the token is of another version of the gateway") from error
        # Clocks differ between machines: a token from a little ahead is as good as a new one.
        age = self._clock() - payload.at
        if abs(age) > self.window_s:
            raise _rejected(
                f"the token is {age:.0f} s old; accepted: at most {self.window_s:g} s"
                if age > 0
                else f"the token is from {-age:.0f} s ahead; the gateways' clocks differ"
            )
        group = None if payload.sid is None else payload.grp
        owner = None
        if payload.own is not None and payload.sid is not None:
            owner = payload.own.identity(payload.sid, self._clock())
        return ResumeClaim(payload.cursor(), payload.sid, payload.by, group, owner)

    def _issue(
        self,
        cursor: Cursor,
        session_id: str | None,
        mark: str,
        group: str = DEFAULT_GROUP,
        owner: Mapping[str, object] | None = None,
    ) -> str:
        content: dict[str, object] = {
            "v": _VERSION,
            "at": round(self._clock(), 1),
            "sid": session_id,
            "pos": round(cursor.position, _DECIMALS),
            "cov": round(cursor.covered, _DECIMALS),
            "seg": cursor.segment_id,
            "by": mark,
        }
        # Left out for the default group: gateways that know no others read the token too.
        if group != DEFAULT_GROUP:
            content["grp"] = group
        if cursor.again is not None:
            content["word"] = cursor.again.letters
            content["from"] = round(cursor.again.start, _DECIMALS)
        if owner is not None:
            content["own"] = owner
        return self._serializer.dumps(content)


def _rejected(detail: str) -> ContractError:
    return ContractError(ErrorCode.RESUME_REJECTED, detail=detail)


class ResumeBearers:
    """Lets the clients of single-use tokens go on with their sessions by the newest resume token.

    Args:
        tokens: Read them.
        clock: Seconds since 1970.
    """

    allowed_in_query = False
    """It is good for as long as the window, and more than once."""

    def __init__(
        self,
        tokens: ResumeTokens,
        clock: Callable[[], float] = time,
    ) -> None:
        self._tokens = tokens
        self._clock = clock

    async def identify(self, token: str) -> Identity | None:
        """Return whose session a token goes on with; None where it is no resume token of ours.

        Raises:
            TokenRefusedError: It opens no connection, or none any more.
        """
        if len(token) > MAX_RESUME_TOKEN_CHARS or not self._tokens.is_ours(token):
            return None
        try:
            owner = self._tokens.read(token).owner
        except ContractError:
            raise TokenRefusedError(Refusal.EXPIRED) from None
        if owner is None:
            raise TokenRefusedError(Refusal.CLAIMS)
        now, left = self._clock(), owner.limits.session_s
        if (owner.expires is not None and now >= owner.expires) or (left is not None and left <= 0):
            raise TokenRefusedError(Refusal.EXPIRED, owner.token_id)
        return owner


def owner_fields(owner: Identity, model: str, until: float | None) -> Mapping[str, object] | None:
    """Return what a session's tokens say of its owner; None where they need not, or cannot.

    Args:
        owner: Whose session it is.
        model: What it asks for: no other may be asked for where it goes on.
        until: When it ends at the latest, in seconds since 1970; None for the gateway's own limit.
    """
    names = (owner.client, owner.token_id, owner.key_id, owner.origin)
    if not owner.stands_in or len(json.dumps(names)) > _MOST_OWNER_CHARS:
        return None
    fields = {
        "by": owner.client,
        "jti": owner.token_id,
        "key": owner.key_id,
        "made": owner.issued,
        "ends": owner.expires,
        "until": until,
        "ses": owner.limits.sessions,
        "mod": None if owner.limits.models is None else model,
        "org": owner.origin,
    }
    return {name: value for name, value in fields.items() if value is not None}
