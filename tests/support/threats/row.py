"""What a row of the threat model says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

NEXT_REVIEW: Final = date(2027, 5, 31)
"""As of most of what stacks lack on purpose (infra/policies/exemptions.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A risk that is left, and known.

    Attributes:
        owner: The role that answers for it.
        review: When it has to be looked at again.
    """

    owner: str
    review: date = NEXT_REVIEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One thing that an attacker could try.

    Attributes:
        attempt: What, as a sentence.
        aims_at: Assets, by their letters.
        stopped_by: What stands against it, and what is left.
        tests: `PATH::NAME` of each test that shows it, from `tests/`.
        accepted: Who has accepted what is left; None where nothing is that matters.
    """

    attempt: str
    aims_at: str
    stopped_by: str
    tests: tuple[str, ...]
    accepted: Accepted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacker:
    """Somebody at an entry.

    Attributes:
        who: And what it has already.
        entry: Where it comes in.
        threats: What it could try there.
    """

    who: str
    entry: str
    threats: tuple[Threat, ...]


ASSETS: dict[str, str] = {
    "S": "speech: audio and words of clients, in flight; nothing of it is kept",
    "K": "secrets: tokens and API keys of clients, keys of resume and single-use tokens, the recogniser's "
    "API key, the NGC key, private keys of TLS, credentials of AWS",
    "G": "the service: that sessions run, for everybody who pays for them",
    "M": "money: GPU hours of the account, and recognition that somebody else pays for",
    "C": "control: what is deployed, which colour serves, whether recognition is on",
    "E": "evidence: logs, metrics, traces, the release's journal",
}
