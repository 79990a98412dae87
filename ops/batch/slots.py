"""How many more recordings may be heard: what a gateway has free, less what live sessions keep.

A gateway is asked each time before a recording begins, one beginning at a time, so that what it
answers is still so when the session starts. Behind a load balancer another gateway may take that
session, or refuse it: a refusal costs a recording nothing but time.
"""

from __future__ import annotations

import math
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.loopback import is_this_machine
from ops.console.options import bearer

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import SecretStr

_ASK_S: Final = 10.0


class Slots(BaseModel):
    """What `/readyz` says of a gateway's sessions.

    Attributes:
        slots: Sessions at once.
        free_sessions: Of those, not in use.
        waiting: Clients in the waiting room.
        draining: Whether it takes no new ones.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    slots: int = Field(ge=0)
    free_sessions: int = Field(ge=0)
    waiting: int = Field(ge=0)
    draining: bool

    def kept(self, share: float) -> int:
        """Return how many sessions a share keeps free, rounded up."""
        return math.ceil(self.slots * share - 1e-9)

    def has_room(self, share: float) -> bool:
        """Return whether a recording may begin, with a share of the slots kept free."""
        return not (self.draining or self.waiting) and self.free_sessions > self.kept(share)

    def lacks(self, share: float) -> bool:
        """Return whether live sessions need what recordings have: nobody else finds a slot."""
        return share > 0 and not self.draining and (self.waiting > 0 or self.free_sessions == 0)


class UnknownSlotsError(Exception):
    """A gateway answers and does not say how many sessions it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Asks a gateway, or the one that a load balancer chooses.

    Attributes:
        url: Of its WebSocket.
        trust: Whom to believe; None where nothing is encrypted.
        headers: Sent along.
        token: Bearer token, if it asks for one.
    """

    url: str
    trust: ssl.SSLContext | None = None
    headers: dict[str, str] = field(default_factory=dict)
    token: SecretStr | None = None

    async def ask(self) -> Slots | None:
        """Return what it says now; None where nothing answers.

        Raises:
            UnknownSlotsError: It does not tell.
        """
        way = urlsplit(self.url)
        scheme = "https" if way.scheme == "wss" else "http"
        # What is full is well.
        url = urlunsplit((scheme, way.netloc, "/readyz", "ignore=capacity", ""))
        try:
            async with httpx.AsyncClient(
                verify=self.trust or True,
                headers={**self.headers, **bearer(self.token)},
                timeout=_ASK_S,
                trust_env=not is_this_machine(way.hostname or ""),
            ) as http:
                answer = await http.get(url)
        except (httpx.HTTPError, ImportError, ValueError, httpx.InvalidURL):
            return None
        try:
            return Slots.model_validate_json(answer.content)
        except ValidationError:
            pass
        if answer.status_code == httpx.codes.OK:
            raise UnknownSlotsError
        return None


def trust_of(url: str, authority: Path | None) -> ssl.SSLContext | None:
    """Return whom to believe for a URL; None where nothing is encrypted.

    Raises:
        OSError: The file cannot be read; ssl.SSLError is one: it holds no certificate.
    """
    if urlsplit(url).scheme != "wss":
        return None
    return ssl.create_default_context(cafile=None if authority is None else str(authority))
