"""Who is granted access by what a request says, without a server around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.requests import HTTPConnection

from app.contract import ContractError
from app.gateway.admission.access import AccessPolicy
from app.gateway.admission.hosts import Authority, Origin
from app.gateway.identity.identity import Identity, Refusal, Scope, TokenRefusedError
from app.gateway.identity.keys import KeysUnavailableError
from app.gateway.identity.static_tokens import StaticTokens

TOKEN = "a-token-of-sixteen"  # pragma: allowlist secret


def request(
    *headers: tuple[str, str],
    query: str = "",
    subprotocols: tuple[str, ...] = (),
    scheme: str = "ws",
) -> HTTPConnection:
    return HTTPConnection(
        {
            "type": "websocket",
            "scheme": scheme,
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "query_string": query.encode(),
            "subprotocols": subprotocols,
        }
    )


async def bearer_of(token: str) -> Identity:
    identity = await StaticTokens((token,)).identify(token)
    assert identity is not None
    return identity


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
        ("ftp://speech.example", "speech.example", False),
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
    ("origin", "accepted"),
    [
        ("https://speech.example:8443", True),
        ("wss://speech.example:8443", True),
        ("http://speech.example:8443", False),
        ("ws://speech.example:8443", False),
        ("https://speech.example", False),
        ("ftp://speech.example:8443", False),
        ("://speech.example:8443", False),
    ],
)
@pytest.mark.parametrize("scheme", ["https", "wss"])
async def test_the_page_of_a_gateway_with_tls_never_came_in_clear(
    origin: str, scheme: str, *, accepted: bool
) -> None:
    policy = AccessPolicy((), ("https://app.example/",), ("*",))
    asked = request(("host", "speech.example:8443"), ("origin", origin), scheme=scheme)
    if accepted:
        assert await policy.check(asked, Scope.STREAM) is None
    else:
        with pytest.raises(ContractError) as refused:
            await policy.check(asked, Scope.STREAM)
        assert refused.value.code == "forbidden_origin"


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        ("https://perch.example", True),
        ("HTTPS://PERCH.EXAMPLE", True),
        ("https://perch.example.evil.com", False),
        ("https://evil.com/perch.example", False),
        ("https://evilperch.example", False),
        ("https://www.perch.example", False),
        ("https://perch.example@evil.com", False),
        ("https://perch.example.", False),
        ("https://perch.exampl", False),
        ("https://perch.example:444", False),
        ("http://perch.example", False),
        ("https://perch.example/", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("configured", ["https://perch.example", "HTTPS://Perch.Example/"])
async def test_a_listed_origin_has_no_neighbour_that_is_let_in(
    origin: str, configured: str, *, accepted: bool
) -> None:
    policy = AccessPolicy((), (configured,), ("*",))
    asked = request(("host", "speech.example"), ("origin", origin))
    if accepted:
        assert await policy.check(asked, Scope.STREAM) is None
    else:
        with pytest.raises(ContractError) as refused:
            await policy.check(asked, Scope.STREAM)
        assert refused.value.code == "forbidden_origin"
        assert origin[:20] in refused.value.sentence


async def test_one_bad_origin_or_host_beside_a_good_one_is_enough_to_refuse() -> None:
    policy = AccessPolicy((), ("https://perch.example",), ("speech.example",))
    good, host = ("origin", "https://perch.example"), ("host", "speech.example")
    assert await policy.check(request(host, good), Scope.STREAM) is None
    # Who is no browser names no origin, and HTTP/1.0 no host.
    assert await policy.check(request(host), Scope.STREAM) is None
    assert await policy.check(request(good), Scope.STREAM) is None
    assert await policy.check(request(("host", ""), good), Scope.STREAM) is None
    for bad, code in (
        (("origin", "https://evil.com"), "forbidden_origin"),
        (("host", "evil.com"), "misdirected_request"),
        (("host", "speech.example.evil.com"), "misdirected_request"),
    ):
        for asked in (request(host, good, bad), request(bad, host, good)):
            with pytest.raises(ContractError) as refused:
                await policy.check(asked, Scope.STREAM)
            assert refused.value.code == code
            assert bad[1] in refused.value.sentence


async def test_the_own_page_needs_a_host_to_be_ours() -> None:
    policy = AccessPolicy((), ("https://perch.example",), ("*",))
    with pytest.raises(ContractError):
        await policy.check(request(("origin", "https://speech.example")), Scope.STREAM)


@pytest.mark.parametrize(
    "asked",
    [
        request(("authorization", f"Bearer {TOKEN}")),
        request(("authorization", f"bearer  {TOKEN} ")),
        request(subprotocols=("perch", f"bearer.{TOKEN}")),
        request(("authorization", "Bearer wrong"), subprotocols=("bearer.x", f"bearer.{TOKEN}")),
    ],
)
async def test_a_token_may_stand_in_each_of_two_places(asked: HTTPConnection) -> None:
    policy = AccessPolicy((StaticTokens((TOKEN, "another-of-sixteen")),), (), ("*",))
    assert policy.requires_token
    assert await policy.check(asked, Scope.STREAM) == await bearer_of(TOKEN)


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(("authorization", TOKEN)),
        request(("authorization", f"Basic {TOKEN}")),
        request(("authorization", f"Bearer{TOKEN}")),
        request(("authorization", f"Bearer {TOKEN} x")),
        request(("authorization", f"Bearer {TOKEN.upper()}")),
        request(("authorization", f"Bearer {TOKEN[:-1]}")),
        request(("x-authorization", f"Bearer {TOKEN}")),
        request(("cookie", f"token={TOKEN}")),
        request(subprotocols=(f"Bearer.{TOKEN}",)),
        request(subprotocols=(f"bearer{TOKEN}",)),
        request(query=f"Token={TOKEN}"),
        request(subprotocols=(TOKEN,)),
        request(query=f"tokens={TOKEN}"),
        request(query=f"token={TOKEN}"),
        request(query=f"a=b&token=x&token={TOKEN}"),
        # Bytes that are no UTF-8: no token, and no failure of the server.
        request(query="token=%FF%FE"),
        request(subprotocols=("bearer.\udcff",)),
    ],
)
async def test_anything_else_is_no_token(asked: HTTPConnection) -> None:
    policy = AccessPolicy((StaticTokens((TOKEN,)),), (), ("*",))
    with pytest.raises(ContractError) as refused:
        await policy.check(asked, Scope.STREAM)
    assert refused.value.code == "unauthorized"
    assert await policy.check(asked, Scope.STREAM, ["wrong", TOKEN]) == await bearer_of(TOKEN)


@pytest.mark.parametrize(
    ("text", "port"), [("http://a", 80), ("https://a", 443), ("ws://a", 80), ("wss://a", 443)]
)
def test_an_origin_without_a_port_has_its_schemes(text: str, port: int) -> None:
    scheme = text.partition(":")[0]
    assert Origin.parse(text) == Origin(scheme, Authority("a", port))
    assert Origin.parse(f"{text}:8443") == Origin(scheme, Authority("a", 8443))
    assert Origin.parse("app://a") == Origin("app", Authority("a", None))


class Named:
    """Knows tokens that begin with its name, and refuses those that end with `bad`."""

    def __init__(self, name: str, *, in_query: bool = False) -> None:
        self.name = name
        self.allowed_in_query = in_query
        self.asked: list[str] = []

    async def identify(self, token: str) -> Identity | None:
        self.asked.append(token)
        if not token.startswith(self.name):
            return None
        if token.endswith("bad"):
            raise TokenRefusedError(Refusal.FORM)
        if token.endswith("later"):
            raise KeysUnavailableError
        return Identity(client=token, scopes=frozenset({"file"}))


def shown(*tokens: str, query: str = "") -> HTTPConnection:
    return request(query=query, subprotocols=tuple(f"bearer.{token}" for token in tokens))


async def test_authenticators_are_asked_in_turn_and_what_one_refuses_no_other_is_shown() -> None:
    told: list[str] = []
    first, second = Named("a"), Named("")
    policy = AccessPolicy((first, second), (), ("*",), lambda error: told.append(error.reason))
    found = await policy.check(shown("a-bad", "b-good"), Scope.FILE)
    assert found is not None
    assert found.client == "b-good"
    assert (first.asked, second.asked, told) == (["a-bad", "b-good"], ["b-good"], ["form"])


async def test_the_first_authenticator_that_knows_one_decides() -> None:
    policy = AccessPolicy((Named("a"), Named("b")), (), ("*",))
    found = await policy.check(shown("b-later", "b-bad", "a-good"), Scope.FILE)
    assert found is not None
    assert found.client == "a-good"


async def test_a_token_in_an_address_is_shown_to_those_that_allow_it_alone() -> None:
    careful, careless = Named("a"), Named("a", in_query=True)
    policy = AccessPolicy((careful, careless), (), ("*",))
    found = await policy.check(shown("b", query="token=a-good"), Scope.FILE)
    assert found is not None
    assert (careful.asked, careless.asked) == (["b"], ["b", "a-good"])


@pytest.mark.parametrize(
    ("tokens", "code"),
    [
        (("b", "b", "b", "b", "b"), "unauthorized"),
        (("a-1-bad", "a-2-bad", "a-3-bad", "a-good"), None),
        (("a-1-bad", "a-2-bad", "a-3-bad", "a-4-bad", "a-good"), "unauthorized"),
        (("b1", "b2", "b3", "b4", "a-good"), None),
        (("a-bad", "a-later", "a-good"), "identity_unavailable"),
    ],
)
async def test_a_request_is_refused_once_four_of_its_tokens_were(
    tokens: tuple[str, ...], code: str | None
) -> None:
    policy = AccessPolicy((Named("a"),), (), ("*",))
    if code is None:
        assert await policy.check(shown(*tokens), Scope.FILE) is not None
        return
    with pytest.raises(ContractError) as refused:
        await policy.check(shown(*tokens), Scope.FILE)
    assert refused.value.code == code


async def test_a_scope_that_is_missing_is_403_and_names_itself() -> None:
    policy = AccessPolicy((Named("a"),), (), ("*",))
    with pytest.raises(ContractError) as refused:
        await policy.check(shown("a-good"), Scope.STREAM)
    assert refused.value.code == "insufficient_scope"
    assert "stream" in refused.value.sentence


async def test_who_is_revoked_is_refused_by_a_token_that_is_good_and_told_so() -> None:
    told: list[tuple[str, str | None]] = []

    class Known(Named):
        async def identify(self, token: str) -> Identity | None:
            found = await super().identify(token)
            ids = {"key_id": "key"} if token == "a-key" else {"token_id": "jti"}
            return found and replace(found, **ids)  # type: ignore[arg-type]

    policy = AccessPolicy(
        (Known("a"),),
        (),
        ("*",),
        lambda error: told.append((error.reason, error.token_id)),
        lambda who: None if who.client == "a-good" else Refusal.REVOKED,
    )
    found = await policy.check(shown("a-key", "a-token", "a-good"), Scope.FILE)
    assert found is not None
    assert (found.client, told) == ("a-good", [("revoked", "key"), ("revoked", "jti")])
    with pytest.raises(ContractError) as refused:
        await policy.check(shown("a-key"), Scope.FILE)
    assert refused.value.code == "unauthorized"


async def test_where_anonymous_clients_are_let_in_only_what_nobody_knows_is_ignored() -> None:
    policy = AccessPolicy((Named("a"),), (), ("*",), allow_anonymous=True)
    assert not policy.requires_token
    assert await policy.check(shown(), Scope.STREAM) is None
    assert await policy.check(shown("b"), Scope.STREAM) is None
    assert await policy.check(shown("b", "a-good"), Scope.FILE) is not None
    for tokens, code in ((("a-bad",), "unauthorized"), (("a-good",), "insufficient_scope")):
        with pytest.raises(ContractError) as refused:
            await policy.check(shown(*tokens), Scope.STREAM)
        assert refused.value.code == code
