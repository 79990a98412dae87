"""How often a name is looked up, however often somebody asks and whatever fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.asr import AsrError
from app.asr.addresses import Address
from app.asr.pool.discovery import DnsGroup, EndpointDiscovery, LookupRules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.asr.pool.endpoint import Endpoint


class Nowhere:
    """A resolver that knows no name."""

    lookups = 0

    async def addresses(self, _: str, __: int) -> Sequence[str]:
        self.lookups += 1
        raise OSError("no such name")


def unmade(name: str, host: str) -> Endpoint:
    raise AssertionError((name, host))


@pytest.mark.parametrize(("pause", "within", "lookups"), [(0.0, 20.0, 3), (3600.0, 0.01, 1)])
async def test_who_hurries_waits_for_the_pause_and_for_no_more(
    monkeypatch: pytest.MonkeyPatch, pause: float, within: float, lookups: int
) -> None:
    monkeypatch.setattr("app.asr.pool.discovery.LEAST_PAUSE_S", pause)
    resolver = Nowhere()
    group = DnsGroup(name="riva", address=Address(host="riva.internal", port=50051), make=unmade)
    # The next lookup that nobody hurries is an hour away.
    rules = LookupRules(resolver=resolver, every_s=2 * 3600.0, within_s=within)
    discovery = EndpointDiscovery((), [group], rules)
    try:
        for _ in range(3):
            with pytest.raises(AsrError, match="UNAVAILABLE"):
                await discovery.known()
    finally:
        await discovery.aclose()
    assert resolver.lookups == lookups
