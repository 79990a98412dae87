"""Clients of a planted gateway that show API keys and single-use tokens, good and bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import httpx

from tests.acceptance.leaks.planted_gateway import KEYS

if TYPE_CHECKING:
    from tests.acceptance.leaks.visits import Visits

EXCHANGE: Final = "an exchange"
"""Its answer has a single-use token on purpose."""
MISTAKES: Final = {
    "an exchange for a wrong page",
    "an exchange of a wrong field",
    "an exchange of a wrong kind",
}
"""Whose answers name what the client has sent."""


async def visit_with_keys(visits: Visits) -> None:
    """Show every key in every place, exchange the good one, and show what came for it."""
    for name, key in visits.gateway.keys.items():
        await visits.session(name, headers=_bearer(key.text))
        await visits.session(f"{name} as a subprotocol", offered=["perch", f"bearer.{key.text}"])
        await visits.session(f"{name} in the address", f"/ws?token={key.text}")
        await visits.session(f"{name}, mistyped", headers=_bearer(key.text[:-1] + "-"))
        await visits.session(f"{name}, too long", headers=_bearer(key.text * 2))
    for number in range(4):
        await _exchange(visits, ttl=60 + number)
    one, two, three, four = visits.single_use
    for again in ("", ", replayed"):
        await visits.session(f"a single-use token{again}", offered=["perch", f"bearer.{one}"])
        await visits.session(f"a single-use token in the address{again}", f"/ws?token={two}")
        await visits.session(
            f"a single-use token in dialect B{again}", "/ws/transcribe", _bearer(three)
        )
    await visits.session("a single-use token, forged", headers=_bearer(four[:-4] + "AAAA"))
    await _mistakes(visits, four)


async def _exchange(visits: Visits, **asked: object) -> None:
    async with _client(visits) as client:
        good = visits.gateway.keys[KEYS[0]]
        answer = await client.post("/v1/tokens", json=asked, headers=_bearer(good.text))
    visits.single_use.append(answer.json()["token"])
    visits.answers.append((EXCHANGE, f"{answer.headers}\n{answer.text}"))


async def _mistakes(visits: Visits, single_use: str) -> None:
    good, *bad = (key.text for key in visits.gateway.keys.values())
    async with _client(visits) as client:
        for name, shown, body in (
            ("an exchange for a wrong page", good, {"origin": good}),
            ("an exchange of a wrong field", good, {good: good}),
            ("an exchange of a wrong kind", good, {"ttl": good}),
            ("an exchange of a single-use token", single_use, {}),
            *(("an exchange of a bad key", key, {"origin": key}) for key in bad),
        ):
            answer = await client.post("/v1/tokens", json=body, headers=_bearer(shown))
            visits.answers.append((name, f"{answer.headers}\n{answer.text}"))
        for name, shown in (("readiness by a key", good), ("readiness by a bad key", bad[0])):
            answer = await client.get("/readyz", headers=_bearer(shown))
            visits.answers.append((name, f"{answer.headers}\n{answer.text}"))


def _client(visits: Visits) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=visits.trust,
        trust_env=False,
        base_url=f"https://localhost:{visits.gateway.port}",
    )


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
