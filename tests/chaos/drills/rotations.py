"""What is rotated, and how: each as the pages tell people to, with an overlap.

A rotation says what is wrong afterwards, if anything: what is new must count, what is old must not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import trustme

from app.credentials.api_key import ApiKey
from ops.token import changes
from tests.chaos.drills.estate import RESUME_WINDOW_S, secret, trusting
from tests.support import issuer
from tests.support.certificates import put, put_authorities
from tests.support.keys import key_entry
from tests.support.processes import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.chaos.drills.crowd import Crowd
    from tests.chaos.drills.estate import Estate

REFUSED: Final = 401
UPGRADED: Final = 101
REVOKED: Final = ("unauthorized", 1008)
"""The last message of a session whose key was revoked, and how its connection is closed."""
OVERLAP: Final = timedelta(seconds=30)
"""Of two API keys: within it everybody who is cut off comes back, on two cores that do more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One line of the table, and how it comes about.

    Attributes:
        name: For `--only`.
        title: What is rotated.
        rotate: Does it while people speak; returns what is not as it must be.
    """

    name: str
    title: str
    rotate: Callable[[Estate, Crowd], Awaitable[list[str]]]


DRILLS: Final[dict[str, Drill]] = {}


def drill(
    name: str, title: str
) -> Callable[
    [Callable[[Estate, Crowd], Awaitable[list[str]]]],
    Callable[[Estate, Crowd], Awaitable[list[str]]],
]:
    """Register a drill."""

    def register(
        rotate: Callable[[Estate, Crowd], Awaitable[list[str]]],
    ) -> Callable[[Estate, Crowd], Awaitable[list[str]]]:
        DRILLS[name] = Drill(name=name, title=title, rotate=rotate)
        return rotate

    return register


@drill("listener-leaf", "The gateway's certificate, by the same authority")
async def listener_leaf(estate: Estate, crowd: Crowd) -> list[str]:
    """Renew the listener's certificate."""
    new = await estate.certify_listener(estate.authority)
    await crowd.cut_off(estate)
    shown = await estate.shown(estate.trust)
    return [] if shown == new else ["the old certificate is still shown"]


@drill("listener-ca", "The authority of the gateway's certificate: both believed, then the new one")
async def listener_ca(estate: Estate, crowd: Crowd) -> list[str]:
    """Go from one authority of the listener to another."""
    old, new = estate.authority, trustme.CA()
    # Clients that run believe both; contexts take no authority back.
    new.configure_trust(estate.trust)
    fingerprint = await estate.certify_listener(new)
    await crowd.cut_off(estate)
    estate.authority, estate.trust = new, trusting(new)
    estate.gateway.trust = estate.trust
    await crowd.cut_off(estate)
    problems = []
    if await estate.shown(estate.trust) != fingerprint:
        problems.append("who believes the new authority alone is not served")
    if await estate.shown(trusting(old)) is not None:
        problems.append("the certificate is one of the old authority")
    return problems


@drill("riva-client", "The gateway's certificate toward recognisers, by the same authority")
async def riva_client(estate: Estate, crowd: Crowd) -> list[str]:
    """Renew the client certificate; recognisers are not restarted."""
    await estate.certify_client(estate.riva_authority)
    await crowd.cut_off(estate)
    return []


@drill(
    "riva-ca",
    "The authority between gateway and recognisers: both believed, then leaves and client "
    "certificate of the new one, then the new one alone; recognisers restart one after the other",
)
async def riva_ca(estate: Estate, crowd: Crowd) -> list[str]:
    """Go from one authority to another at both ends."""
    old, new = estate.riva_authority, trustme.CA()
    await estate.believe_recognisers_of(old, new)
    put_authorities(estate.client_bundle, old, new)
    put(estate.riva, new.issue_cert(LOOPBACK))
    await estate.restart_recognisers()
    await estate.certify_client(new)
    await crowd.cut_off(estate)
    await estate.believe_recognisers_of(new)
    put_authorities(estate.client_bundle, new)
    await estate.restart_recognisers()
    estate.riva_authority = new
    return []


@drill(
    "issuer-key", "The key that an issuer signs tokens with: both in its key set, then the new one"
)
async def issuer_key(estate: Estate, crowd: Crowd) -> list[str]:
    """Rotate the signing key of JSON Web Tokens."""
    old = estate.signing_key
    new = f"key-{int(old.removeprefix('key-')) + 1}"
    estate.issuer.document = issuer.key_set(("ES256", old), ("ES256", new))
    fresh, stale = estate.issued(new), estate.issued(old)

    async def knows_the_new_one() -> bool:
        return await estate.status(fresh) == UPGRADED

    async def knows_the_old_one_no_more() -> bool:
        return await estate.status(stale) == REFUSED

    await estate.until(knows_the_new_one, "a token by the new key is taken")
    estate.signing_key = new
    await crowd.cut_off(estate)
    estate.issuer.document = issuer.key_set(("ES256", new))
    await estate.until(knows_the_old_one_no_more, "a token by the old key is refused")
    return []


@drill("static-token", "A bearer token of the list: both accepted, then the new one")
async def static_token(estate: Estate, crowd: Crowd) -> list[str]:
    """Rotate a static token."""
    old, new = estate.token, secret()
    await estate.accept_tokens(new, old)
    estate.token = new
    await crowd.cut_off(estate)
    await estate.accept_tokens(new)
    answers = await estate.status(old), await estate.status(new)
    return [] if answers == (REFUSED, UPGRADED) else [f"old and new are answered by {answers}"]


@drill(
    "api-key",
    "An API key, as `perch token rotate` does it: both good for the overlap, then the new one",
)
async def api_key(estate: Estate, crowd: Crowd) -> list[str]:
    """Rotate an API key; who began with the old one speaks on when that has ended."""
    old, new = estate.api_key, ApiKey.generate()
    entry = key_entry(new)
    await estate.go_by(changes.rotated(estate.listed, old.key_id, entry, OVERLAP))
    answers = await estate.status(old.text), await estate.status(new.text)
    await crowd.cut_off(estate)
    estate.api_key = new

    async def has_ended() -> bool:
        return await estate.status(old.text) == REFUSED

    before = {number: heard for number, heard in crowd.live.items() if heard.begun}
    await estate.until(has_ended, "the old key is refused")
    problems = []
    if not any(crowd.live.get(number) is heard for number, heard in before.items()):
        problems.append("nobody spoke until the old key had ended, so its end was not tried")
    if answers != (UPGRADED, UPGRADED):
        problems.append(f"in the overlap old and new are answered by {answers}")
    if await estate.status(new.text) != UPGRADED:
        problems.append("the new key is refused")
    return problems


@drill("api-key-revoked", "An API key that is revoked: its own sessions end, and nobody else's")
async def revoked_api_key(estate: Estate, crowd: Crowd) -> list[str]:
    """Revoke a key under a session that is none of the crowd's."""
    lost = ApiKey.generate()
    await estate.go_by(changes.with_key(estate.listed, key_entry(lost, owner="bob")))
    ended = await estate.ended_by(
        lost.text,
        lambda: estate.go_by(
            changes.without_keys(estate.listed, (lost.key_id,), datetime.now(UTC))
        ),
    )
    await crowd.cut_off(estate)
    problems = [] if ended == REVOKED else [f"the session of the revoked key ended with {ended}"]
    if await estate.status(lost.text) != REFUSED:
        problems.append("the revoked key is taken")
    return problems


@drill(
    "resume-keys",
    "The key of resume tokens: both accepted, the new one signs, then it alone once no token of "
    "the old one is good any more",
)
async def resume_keys(estate: Estate, crowd: Crowd) -> list[str]:
    """Rotate the key that signs resume tokens."""
    old, new = estate.resume_key, secret()
    by_the_old_one = await estate.offered()
    await estate.sign_resume_tokens_by(old, new)
    await estate.sign_resume_tokens_by(new, old)
    await crowd.cut_off(estate)
    await asyncio.sleep(RESUME_WINDOW_S)
    await estate.sign_resume_tokens_by(new)
    await crowd.cut_off(estate)
    estate.resume_key = new
    problems = []
    if not await estate.resumes(await estate.offered()):
        problems.append("a token by the new key is refused")
    if await estate.resumes(by_the_old_one):
        problems.append("a token by the old key is taken")
    return problems
