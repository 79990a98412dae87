"""Nobody gets in who does not belong: at a gateway's process, with real TLS.

Each forgery is shown as a header and as a subprotocol; a good token of each kind, shown in the same
way, is let in. That a browser's own parser sends nothing else is not shown here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.strangers.forgeries import forged, good, single_use
from tests.acceptance.strangers.guarded import UNAUTHORIZED, UPGRADED, bearer, guarded
from tests.support import issuer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.strangers.guarded import Guarded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def reasons(gateway: Guarded) -> list[str]:
    lines = [json.loads(line) for line in gateway.log.read_text().splitlines() if line[:1] == "{"]
    return [line["reason"] for line in lines if line["event"] == "token refused"]


async def test_what_is_forged_ended_early_for_others_or_revoked_is_refused_and_known_as_that(
    tmp_path: Path,
) -> None:
    with issuer.serving(issuer.key_set(("ES256", "stranger"))) as stranger:
        async with guarded(tmp_path) as gateway:
            for name, shown in good(gateway).items():
                status, said = await gateway.answer(bearer(shown))
                assert status == UPGRADED, (name, said)
            found = forged(gateway, stranger.url)
            for name, (shown, _) in found.items():
                status, said = await gateway.answer(bearer(shown))
                assert (status, '"unauthorized"' in said) == (UNAUTHORIZED, True), name
                assert shown[-20:] not in said, name
        assert stranger.asked == 0
    assert len(found) > 100
    logged = zip(found, reasons(gateway), strict=True)
    assert dict(logged) == {name: reason for name, (_, reason) in found.items()}
    log = gateway.log.read_text()
    assert "Traceback" not in log
    assert not [name for name, (shown, _) in found.items() if len(shown) > 30 and shown in log]


async def test_a_token_counts_where_its_kind_may_stand_and_nowhere_else(tmp_path: Path) -> None:
    async with guarded(tmp_path) as gateway:
        tokens = good(gateway)
        for name, shown in tokens.items():
            for more in ((), ("perch",), ("Perch", "bearer", "BEARER.x")):
                again = single_use() if name == "single-use" else shown
                status, said = await gateway.answer(offered=(*more, f"bearer.{again}"))
                assert status == UPGRADED, name
                # A server that chose it would send it back.
                assert again not in said
        once = single_use()
        for status in (UPGRADED, UNAUTHORIZED):
            assert (await gateway.answer(path=f"/ws?token={once}"))[0] == status
        for token in (gateway.static, tokens["key"], tokens["ES256"]):
            # An address ends in the logs of others: what can be used again lets nobody in there.
            assert (await gateway.answer(path=f"/ws?token={token}"))[0] == UNAUTHORIZED
            for headers in nowhere(token):
                status, said = await gateway.answer(*headers)
                assert status == UNAUTHORIZED, headers
                assert token not in said
            for offered in (f"BEARER.{token}", f"bearer{token}", f"bearer..{token}", token):
                assert (await gateway.answer(offered=(offered,)))[0] == UNAUTHORIZED, offered
    assert "Traceback" not in gateway.log.read_text()


def nowhere(token: str) -> list[list[tuple[str, str]]]:
    """Return headers that nearly are the one that a token stands in."""
    return [
        [],
        [("Authorization", token)],
        [("Authorization", f"Bearer{token}")],
        [("Authorization", f"Bearer: {token}")],
        [("Authorization", f"Basic {token}")],
        [("Authorization", f"Bearer token={token}")],
        [("Authorization", f'Bearer "{token}"')],
        [("Authorization", f"Bearer {token}, Bearer {token}")],
        [("Authorization", f"Bearer x {token}")],
        [("Authorization", "Bearer x"), bearer(token)],
        [("Proxy-Authorization", f"Bearer {token}")],
        [("X-Authorization", f"Bearer {token}")],
        [("X-Forwarded-Authorization", f"Bearer {token}")],
        [("Cookie", f"Authorization=Bearer {token}; token={token}")],
        [("Referer", f"https://perch.example/?token={token}")],
    ]
