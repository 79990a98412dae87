"""Who a connection counts for, and how long it says that it would wait."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from app.contract import ContractError, ErrorCode
from app.gateway.admission.clients import Clients, requested_wait
from app.gateway.identity.identity import Identity

PROXY = "10.1.2.3"
NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def connection(peer: str | None, *forwarded: str, query: str = "") -> HTTPConnection:
    return HTTPConnection(
        {
            "type": "websocket",
            "client": None if peer is None else (peer, 1234),
            "headers": [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded],
            "query_string": query.encode(),
        }
    )


def known_as(name: str) -> Identity:
    return Identity(client=name, scopes=frozenset())


def same(one: HTTPConnection, other: HTTPConnection) -> bool:
    clients = Clients(NETWORKS)
    return clients.visitor(one, None) == clients.visitor(other, None)


def test_a_client_is_its_token_wherever_it_comes_from() -> None:
    clients = Clients(())
    ann = clients.visitor(connection("192.0.2.1"), known_as("token-of-ann-0123456"))
    assert clients.visitor(connection("192.0.2.2"), known_as("token-of-ann-0123456")) == ann
    assert clients.visitor(connection("192.0.2.1"), known_as("token-of-ben-0123456")) != ann
    assert clients.visitor(connection("192.0.2.1"), None) != ann


def test_nothing_of_a_token_or_address_is_kept_and_no_two_processes_agree() -> None:
    hashes = {
        Clients(()).visitor(connection("192.0.2.1"), known_as("t" * 20)).client for _ in range(2)
    }
    assert len(hashes) == 2
    assert all(b"t" * 20 not in one and len(one) == 16 for one in hashes)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        # Whoever is not a trusted proxy may write into the header what it likes.
        (connection("192.0.2.1", "198.51.100.1"), connection("192.0.2.1", "198.51.100.2"), True),
        (connection(PROXY, "198.51.100.1"), connection(PROXY, "198.51.100.2"), False),
        (connection(PROXY, "6.6.6.6, 198.51.100.1"), connection(PROXY, "198.51.100.1"), True),
        (connection(PROXY, "6.6.6.6", "198.51.100.1"), connection(PROXY, "198.51.100.1"), True),
        (connection(PROXY, "198.51.100.1:4711"), connection(PROXY, "198.51.100.1"), True),
        (connection(PROXY, "198.51.100.1"), connection("198.51.100.1"), True),
        (connection("::ffff:10.1.2.3", "198.51.100.1"), connection("198.51.100.1"), True),
        (connection("fd00::1", "[2001:db8::1]:4711"), connection("2001:db8::1"), True),
        # One subscriber has a whole network of 64 bits.
        (connection("2001:db8::1"), connection("2001:db8::ffff"), True),
        (connection("2001:db8::1"), connection("2001:db8:0:1::1"), False),
        (connection(PROXY, "unknown"), connection(PROXY), True),
        (connection(None), connection(None), True),
    ],
)
def test_an_address_is_the_peers_or_what_a_trusted_proxy_says_last(
    one: HTTPConnection, other: HTTPConnection, is_same: bool
) -> None:
    assert same(one, other) is is_same


@given(
    peer=st.sampled_from([PROXY, "192.0.2.1", "", "testclient", "fd00::1%eth0"]),
    header=st.text(st.characters(max_codepoint=255), max_size=60),
)
def test_no_header_breaks_it(peer: str, header: str) -> None:
    assert len(Clients(NETWORKS).visitor(connection(peer, header), None).client) == 16


@pytest.mark.parametrize(("query", "seconds"), [("", None), ("wait=1", 1.0), ("wait=300", 300.0)])
def test_a_wait_is_so_many_seconds(query: str, seconds: float | None) -> None:
    assert requested_wait(connection("192.0.2.1", query=query)) == seconds


@pytest.mark.parametrize("value", ["", "0", "301", "-1", "nan", "inf", "soon", "x" * 500])
def test_any_other_wait_is_named_with_what_is_accepted(value: str) -> None:
    with pytest.raises(ContractError) as refused:
        requested_wait(connection("192.0.2.1", query=f"wait={value}"))
    assert refused.value.code is ErrorCode.BAD_REQUEST
    assert refused.value.sentence == (
        f"wait is {value[:80]!r}; accepted: a number of seconds from 1 to 300"
    )
