"""What a gateway tells of itself over HTTP: its colour, and which models its recogniser lists."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from ops.smoke.failure import CheckFailedError, CheckWarning

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

ASKED: Final = 5
"""How often the endpoint is asked whose answer it gives: one answer shows one colour alone."""
BODY_CHARS: Final = 160
_GROUP: Final = "default"
"""Of recognisers: the one that a session without a language of its own goes to."""


def summary(answer: httpx.Response) -> str:
    """Return an answer in a line: its status, and the beginning of its body."""
    body = " ".join(answer.text.split())
    short = body if len(body) <= BODY_CHARS else f"{body[:BODY_CHARS]}..."
    return f"HTTP {answer.status_code} {short}".strip()


def readiness(answer: httpx.Response) -> str:
    """Return what `/readyz` says in words; as `summary` where no gateway answers."""
    said = _told(answer)
    reasons = said.get("reasons")
    if isinstance(reasons, list) and reasons:
        return f"HTTP {answer.status_code}: {'; '.join(map(str, reasons))}"
    known = [said.get(name) for name in ("colour", "sessions", "slots", "recognition")]
    if None in known[1:]:
        return summary(answer)
    colour, sessions, slots, recognition = known
    return (
        f"{colour or 'a gateway'} has {sessions} of {slots} sessions, recognition is {recognition}"
    )


def colour_of(answer: httpx.Response) -> str | None:
    """Return the colour that a gateway says it is of, in `/healthz` or `/readyz`."""
    said = _told(answer).get("colour")
    return said if isinstance(said, str) else None


def colours(said: Sequence[str | None], wanted: str | None) -> str:
    """Return which colours answered, as a sentence.

    Args:
        said: Of each answer, the colour it was of; None where it does not say.
        wanted: The colour that was asked for; None where the weights decided.

    Raises:
        CheckFailedError: Another colour than the one asked for answered.
        CheckWarning: One does not say which it is: nobody has told it, or it takes us for a
            stranger.
    """
    counted = Counter(said)
    sentence = "answered: " + ", ".join(
        f"{colour or 'a gateway that does not say its colour'} {times} of {len(said)} times"
        for colour, times in sorted(counted.items(), key=lambda one: one[0] or "")
    )
    if wanted is not None and set(counted) - {None, wanted}:
        raise CheckFailedError(f"{wanted} was asked for; {sentence}")
    if None in counted:
        raise CheckWarning(
            f"{sentence}; APP_COLOUR tells a gateway which it is, and it tells who shows a token "
            "with the scope admin"
        )
    return sentence


def model(answer: httpx.Response, deployed: Mapping[str, str | None]) -> str:
    """Say that the model asked for is among those that the recogniser lists.

    Args:
        answer: Of `/readyz`, ready or not.
        deployed: The model of each colour that may have answered; None for the recogniser's choice.

    Raises:
        CheckFailedError: It is not.
        CheckWarning: The gateway does not know what the recogniser lists.
    """
    listed = _listed(answer)
    own = colour_of(answer)
    wanted = {made for colour, made in deployed.items() if colour == own} or set(deployed.values())
    named = " or ".join(sorted(map(str, wanted)))
    if not listed:
        raise CheckWarning(
            "the gateway does not tell which models its recogniser lists; it tells who shows a "
            "token with the scope admin"
        )
    among = f"listed: {', '.join(listed)}"
    if None in wanted:
        return f"the recogniser chooses; {among}"
    if wanted.isdisjoint(listed):
        raise CheckFailedError(f"{named} is not among the recogniser's models; {among}")
    return f"{named} is {among}"


def _listed(answer: httpx.Response) -> list[str]:
    groups = _told(answer).get("groups")
    for group in groups if isinstance(groups, list) else ():
        if isinstance(group, dict) and group.get("name") == _GROUP:
            found = group.get("models")
            return [str(name) for name in found] if isinstance(found, list) else []
    return []


def _told(answer: httpx.Response) -> dict[str, Any]:
    """Return an answer's object; an empty one for whatever a load balancer says in its place."""
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
