"""A gateway full of secrets, used well and badly: nothing of them is in anything that it tells.

Searched are its log at DEBUG, its metrics, its traces, every answer to anybody, and its process.
In its environment are the two secrets that have no file; systemd gives them to it by a file that
root alone reads. An answer to a client may repeat what that client has sent; it has resume tokens,
and in exchange for a key a single-use token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.acceptance.leaks.key_visits import EXCHANGE, MISTAKES, visit_with_keys
from tests.acceptance.leaks.places import command_lines, environments
from tests.acceptance.leaks.planted_gateway import KEYS, PlantedGateway, planted_gateway
from tests.acceptance.leaks.visits import Visits
from tests.support.leaks.search import Search, Text
from tests.support.leaks.secrets import Secret, signature_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

BY_DESIGN = ("RIVA_API_KEY", "OTEL_EXPORTER_OTLP_HEADERS")

MAY_REPEAT = {
    "a message of an unknown type",
    "a wrong field",
    "an upload",
    "an upload that is none",
    "an upload of a language",
    "a page of that name",
    "a method of that name",
    "a wrong host",
    "an upgrade that is none",
    *MISTAKES,
}
"""Whose answers name what the client has sent, so that it finds its mistake."""


async def test_nothing_secret_is_in_anything_that_a_gateway_tells(tmp_path: Path) -> None:
    async with planted_gateway(tmp_path) as gateway:
        visits = Visits(gateway)
        await visits.all()
        await visit_with_keys(visits)
        lines = list(command_lines([gateway.pid]))
        variables = list(environments([gateway.pid], but=BY_DESIGN))
        every = list(environments([gateway.pid]))
    assert visits.tokens, "no session could be resumed"
    assert gateway.riva.streams, "no session reached the recogniser"
    assert gateway.collector.spans, "no trace came"
    resume = [
        signature_of(f"resume token {number}", token)
        for number, token in enumerate(dict.fromkeys(visits.tokens))
    ]
    single_use = [
        signature_of(f"single-use token {number}", token)
        for number, token in enumerate(visits.single_use)
    ]
    log = gateway.log.read_text()
    spans = "\n".join(repr(span) for span in gateway.collector.spans)
    of_all = Search([*gateway.secrets, *resume, *single_use])
    others, _ = of_all.found_in(
        [
            ("the log", log),
            *((f"line {number} of the log", line) for number, line in enumerate(log.splitlines())),
            ("the traces", spans),
            *lines,
            *variables,
        ]
    )
    assert not others
    # The search would have seen them where they are on purpose.
    assert len(of_all.found_in(every)[0]) == len(BY_DESIGN)
    of_gateway = Search([one for one in gateway.secrets if one not in _sent_by_clients(gateway)])
    told, _ = of_gateway.found_in(_numbered(visits.answers))
    assert not told
    repeated, _ = of_all.found_in(
        _numbered(
            (name, text)
            for name, text in visits.answers
            if '"resume"' not in text and name != EXCHANGE
        )
    )
    repeating = {name.partition(" #")[0] for name in repeated}
    assert MISTAKES <= repeating <= MAY_REPEAT, repeated
    for secret in (gateway.secrets[-2], gateway.token):
        assert secret.text not in log
    _check_keys_were_tried(visits, log, Search(single_use))


def _check_keys_were_tried(visits: Visits, log: str, single_use: Search) -> None:
    """Good ones let in, bad ones were refused for their reason, and the log names them by id."""
    let_in = {name for name, text in visits.answers if '_started"' in text}
    assert {name for name in let_in if "key" in name or "single" in name} == {
        "a good API key",
        "a good API key as a subprotocol",
        "a single-use token",
        "a single-use token in the address",
        "a single-use token in dialect B",
    }
    for reason in ("expired", "revoked", "unknown", "form", "used", "signature"):
        assert f'"reason":"{reason}"' in log.replace(" ", ""), reason
    for name in KEYS[1:]:
        assert visits.gateway.keys[name].key_id in log
    exchanged = [text for name, text in visits.answers if name == EXCHANGE]
    assert all(single_use.found(text) for text in exchanged)


def _sent_by_clients(gateway: PlantedGateway) -> list[Secret]:
    names = {"a token of the list", "a token of no list", "a signed token", *KEYS}
    return [secret for secret in gateway.secrets if secret.name in names]


def _numbered(answers: Iterable[tuple[str, str]]) -> Iterator[Text]:
    return ((f"{name} #{number}", text) for number, (name, text) in enumerate(answers))
