"""Hands a session over to the connection that resumes it: of its own client, one at a time.

Within one gateway: that the same token is used at two gateways is seen by neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from app.asr import DEFAULT_GROUP, Cursor
from app.contract import ContractError, ErrorCode
from app.contract.fields import ResumeOffer, ResumePoint
from app.gateway.admission.clients import Visitor
from app.gateway.admission.slots import Admission
from app.gateway.admission.waiting_room import Ticket
from app.gateway.resume_token import ResumeClaim, ResumeTokens, owner_fields


class SessionHolder(Protocol):
    """A connection that has a session."""

    @property
    def ticket(self) -> Ticket | None:
        """The session's slot, or its place in the queue."""

    def superseded(self, *, gives_back: bool) -> None:
        """End, because another connection resumes the session.

        Args:
            gives_back: Whether the ticket is returned; the other connection has it otherwise.
        """


@dataclass(frozen=True, slots=True)
class ClientTokens:
    """Issues and checks the resume tokens of one client.

    Attributes:
        tokens: Issue and read them.
        visitor: The client.
    """

    tokens: ResumeTokens
    visitor: Visitor

    def offer(self) -> ResumeOffer:
        """Return the offer of a hello."""
        return self.tokens.offer(
            self.visitor.marks()[0], as_bearer=self.owner_fields("", None) is not None
        )

    def owner_fields(self, model: str, until: float | None) -> Mapping[str, object] | None:
        """Return what the tokens of a session say of its owner, as `owner_fields` has it."""
        owner = self.visitor.identity
        return None if owner is None else owner_fields(owner, model, until)

    def point(
        self,
        cursor: Cursor,
        session_id: str,
        group: str = DEFAULT_GROUP,
        owner: Mapping[str, object] | None = None,
    ) -> ResumePoint:
        """Return where a session can be resumed.

        Args:
            cursor: The place.
            session_id: Of the session.
            group: The group of recognisers that it is with.
            owner: What is said of whose it is.
        """
        return self.tokens.point(cursor, session_id, self.visitor.marks()[0], group, owner)

    def claim(self, token: str | None) -> ResumeClaim | None:
        """Return what a token allows the client; None without a token.

        With a bearer token, another client's resume token is refused. An address identifies less:
        it changes in the middle of a session. From another one the session is resumed at the same
        place, but as a new one, which counts as such and ends nobody's.

        Raises:
            ContractError: `resume_rejected`.
        """
        identity = self.visitor.identity
        bound_to = None if identity is None else identity.resumes
        if token is None:
            if bound_to is not None:
                raise _another_session()
            return None
        claim = self.tokens.read(token)
        if bound_to is not None and claim.session_id != bound_to:
            raise _another_session()
        if claim.mark in self.visitor.marks():
            return claim
        if self.visitor.has_token:
            raise ContractError(
                ErrorCode.RESUME_REJECTED, detail="the token was given to another client"
            )
        return replace(claim, session_id=None)


def _another_session() -> ContractError:
    return ContractError(
        ErrorCode.RESUME_REJECTED,
        detail="this connection was opened by a resume token, and goes on with that session alone",
    )


class SessionRegistry:
    """Maps session ids to the connections that hold them."""

    def __init__(self) -> None:
        self._bearers: dict[str, SessionHolder] = {}

    def ticket(
        self, claim: ResumeClaim | None, admission: Admission, visitor: Visitor, group: str
    ) -> Ticket:
        """Return a slot or a place in the queue; the session's own where a connection holds it.

        That connection is ended: often it is half open, and its client is the one who comes.

        Args:
            claim: What the client resumes; None for a new session.
            admission: Where slots come from.
            visitor: The client.
            group: The group of recognisers the session is for.

        Raises:
            ContractError: What `Admission.queue` or `Admission.take_over` says; nothing is ended.
        """
        # The token of a hello belongs to no session: it begins one.
        session_id = None if claim is None else claim.session_id
        older = None if session_id is None else self._bearers.get(session_id)
        held = None if older is None else older.ticket
        if held is not None and held.is_admitted and held.group == group:
            ticket = admission.take_over(held)
        else:
            ticket = admission.queue(visitor, resumed=session_id is not None, group=group)
        if older is not None:
            older.superseded(gives_back=ticket is not held)
        return ticket

    def enter(self, session_id: str, bearer: SessionHolder) -> None:
        """Register a connection as the holder of a session."""
        self._bearers[session_id] = bearer

    def leave(self, session_id: str, bearer: SessionHolder) -> None:
        """Remove it, unless another one holds the session by now."""
        if self._bearers.get(session_id) is bearer:
            del self._bearers[session_id]
