"""Who is granted access by what a request says, without a server around it."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from app.contract import ContractError
from app.gateway.admission.access import AccessPolicy, Scope
from app.gateway.admission.hosts import Authority, Origin

TOKEN = "a-token-of-sixteen"  # pragma: allowlist secret


def request(
    *headers: tuple[str, str], query: str = "", subprotocols: tuple[str, ...] = ()
) -> HTTPConnection:
    return HTTPConnection(
        {
            "type": "websocket",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "query_string": query.encode(),
            "subprotocols": subprotocols,
        }
    )


@pytest.mark.parametrize(
    ("origin", "host", "accepted"),
    [
        ("https://app.example", "speech.example", True),
        ("https://APP.example", "speech.example", True),
        ("http://app.example", "speech.example", False),
        ("https://app.example:8443", "speech.example", False),
        # The gateway's own page, whose default port need not stand there.
        ("https://speech.example", "speech.example", True),
        ("https://speech.example", "speech.example:443", True),
        ("https://speech.example:443", "speech.example", True),
        ("https://speech.example", "speech.example:444", False),
        ("http://speech.example", "speech.example:80", True),
        ("http://speech.example:81", "speech.example", False),
        ("ws://speech.example", "speech.example:80", True),
        ("wss://speech.example", "speech.example:443", True),
        ("null", "speech.example", False),
        ("file://", "speech.example", False),
        ("https://[", "speech.example", False),
    ],
)
async def test_a_page_may_connect_that_is_listed_or_our_own(
    origin: str, host: str, *, accepted: bool
) -> None:
    policy = AccessPolicy((), ("https://app.example/",), ("*",))
    asked = request(("host", host), ("origin", origin))
    if accepted:
        assert await policy.check(asked, Scope.STREAM) is None
    else:
        with pytest.raises(ContractError) as refused:
            await policy.check(asked, Scope.STREAM)
        assert refused.value.code == "forbidden_origin"


@pytest.mark.parametrize(
    "asked",
    [
        request(("authorization", f"Bearer {TOKEN}")),
        request(("authorization", f"bearer  {TOKEN} ")),
        request(query=f"a=b&token={TOKEN}"),
        request(subprotocols=("perch", f"bearer.{TOKEN}")),
        request(("authorization", "Bearer wrong"), query=f"token=wrong&token={TOKEN}"),
    ],
)
async def test_a_token_may_stand_in_each_of_three_places(asked: HTTPConnection) -> None:
    policy = AccessPolicy((TOKEN, "another-of-sixteen"), (), ("*",))
    assert policy.requires_token
    assert await policy.check(asked, Scope.STREAM) == TOKEN


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(("authorization", TOKEN)),
        request(("authorization", f"Basic {TOKEN}")),
        request(subprotocols=(TOKEN,)),
        request(query=f"tokens={TOKEN}"),
        request(query=f"token={TOKEN}x"),
    ],
)
async def test_anything_else_is_no_token(asked: HTTPConnection) -> None:
    policy = AccessPolicy((TOKEN,), (), ("*",))
    with pytest.raises(ContractError) as refused:
        await policy.check(asked, Scope.STREAM)
    assert refused.value.code == "unauthorized"
    assert await policy.check(asked, Scope.STREAM, ["wrong", TOKEN]) == TOKEN


@pytest.mark.parametrize(
    ("text", "port"), [("http://a", 80), ("https://a", 443), ("ws://a", 80), ("wss://a", 443)]
)
def test_an_origin_without_a_port_has_its_schemes(text: str, port: int) -> None:
    scheme = text.partition(":")[0]
    assert Origin.parse(text) == Origin(scheme, Authority("a", port))
    assert Origin.parse(f"{text}:8443") == Origin(scheme, Authority("a", 8443))
    assert Origin.parse("app://a") == Origin("app", Authority("a", None))
