"""What the local listener decides, exactly. Does not prove that AWS decides the same."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.local.load_balancer.routing import (
    HOP_BY_HOP,
    Answer,
    Condition,
    Forward,
    Health,
    HealthCheck,
    Request,
    Routes,
    Rule,
    WeightedRoundRobin,
    action_for,
    after,
    fits,
    holds,
    statuses,
    to_client,
    to_target,
    wants_upgrade,
)

weights = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 50), max_size=4)
header_names = st.one_of(
    st.sampled_from(
        [b"Connection", b"X-Forwarded-For", b"Upgrade", b"Host", b"TE", b"X-A", b"Content-Length"]
    ),
    st.from_regex(rb"\A[a-z]{1,8}\Z"),
)
header_values = st.one_of(
    st.sampled_from([b"upgrade", b"Upgrade, X-A", b"websocket", b"close", b"host"]),
    st.from_regex(rb"\A[a-z0-9]{0,8}\Z"),
)
headers = st.lists(st.tuples(header_names, header_values), max_size=8)


def request(
    *pairs: tuple[bytes, bytes], method: str = "GET", target: str = "/", client: str = "::1"
) -> Request:
    return Request(method=method, target=target, headers=pairs, client=client)


@given(weights, st.integers(1, 3))
def test_over_as_many_turns_as_the_weights_sum_to_each_group_gets_its_weight(
    shares: dict[str, int], rounds: int
) -> None:
    turns = WeightedRoundRobin()
    total = sum(shares.values())
    counted = Counter(turns.next(shares) for _ in range(total * rounds))
    assert counted == {group: rounds * n for group, n in shares.items() if n}
    assert total or turns.next(shares) is None


@given(weights, weights)
def test_a_group_whose_weight_becomes_0_gets_nothing_from_then_on(
    before: dict[str, int], later: dict[str, int]
) -> None:
    turns = WeightedRoundRobin()
    for _ in range(7):
        turns.next(before)
    chosen = {turns.next(later) for _ in range(30)} - {None}
    assert chosen == {group for group in chosen if group and later[group] > 0}


def test_a_tenth_of_the_weight_is_one_in_ten_and_never_two_in_a_row() -> None:
    turns = WeightedRoundRobin()
    chosen = "".join(str(turns.next({"a": 9, "b": 1})) for _ in range(100))
    assert chosen.count("b") == 10
    assert "bb" not in chosen


@pytest.mark.parametrize(
    ("pattern", "text", "fitting"),
    [
        ("green", "green", True),
        ("green", "GREEN", True),
        ("gr*", "green", True),
        ("gr??n", "green", True),
        ("gr?n", "green", False),
        ("*", "", True),
        (".*", "x", False),
        ("green", "greener", False),
    ],
)
def test_a_pattern_stands_for_what_the_rule_says(pattern: str, text: str, fitting: bool) -> None:
    assert fits(pattern, text, ignore_case=True) is fitting


@given(st.text(max_size=20))
def test_any_text_fits_itself_when_it_has_no_wildcard(text: str) -> None:
    pattern = text.replace("*", "").replace("?", "")
    assert fits(pattern, pattern, ignore_case=False)


@pytest.mark.parametrize(
    ("condition", "seen", "held"),
    [
        (
            Condition(field="http-header", header="X-Perch-Colour", values=("green",)),
            request((b"x-perch-colour", b"Green")),
            True,
        ),
        (
            Condition(field="http-header", header="X-Perch-Colour", values=("green",)),
            request((b"x-perch-colour", b"blue"), (b"x-perch-color", b"green")),
            False,
        ),
        (
            Condition(field="path-pattern", values=("/metrics", "/ws/*")),
            request(target="/ws/transcribe?client_id=1"),
            True,
        ),
        (Condition(field="path-pattern", values=("/metrics",)), request(target="/METRICS"), False),
        (
            Condition(field="host-header", values=("*.example.org",)),
            request((b"Host", b"a.EXAMPLE.org:8443")),
            True,
        ),
        (Condition(field="http-request-method", values=("POST",)), request(method="POST"), True),
        (Condition(field="source-ip", values=("::1/128",)), request(client="::1"), True),
        (Condition(field="source-ip", values=("127.0.0.0/8",)), request(client="::1"), False),
        (Condition(field="source-ip", values=("127.0.0.1/8",)), request(client="127.9.9.9"), True),
        (Condition(field="query-string", values=("*",)), request(target="/?a=b"), False),
    ],
)
def test_a_condition_holds_exactly_when_it_should(
    condition: Condition, seen: Request, held: bool
) -> None:
    assert holds(condition, seen) is held


def test_the_first_rule_whose_every_condition_holds_decides() -> None:
    green = Forward(weights={"green": 1})
    hidden = Answer(status=404)
    split = Forward(weights={"blue": 100, "green": 0})
    header = Condition(field="http-header", header="X-Perch-Colour", values=("green",))
    path = Condition(field="path-pattern", values=("/metrics",))
    routes = Routes(
        default=split,
        rules=(
            Rule(priority=1, conditions=(header, path), action=green),
            Rule(priority=2, conditions=(path,), action=hidden),
            Rule(priority=3, conditions=(header,), action=green),
        ),
    )
    asked = (b"x-perch-colour", b"green")
    assert action_for(routes, request(asked, target="/metrics")) is green
    assert action_for(routes, request(target="/metrics")) is hidden
    assert action_for(routes, request(asked)) is green
    assert action_for(routes, request()) is split


@given(headers)
def test_a_target_never_gets_headers_that_belong_to_the_clients_connection(
    given_headers: list[tuple[bytes, bytes]],
) -> None:
    passed = to_target(given_headers, client="192.0.2.1", port=8443)
    names = [name.lower() for name, _ in passed]
    tunnel = {b"connection", b"upgrade"} if wants_upgrade(given_headers) else set()
    assert HOP_BY_HOP & set(names) == tunnel
    for own in (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port"):
        assert names.count(own) == 1
    assert b"host" in names
    assert dict(passed)[b"x-forwarded-for"].endswith(b"192.0.2.1")


@given(headers)
def test_what_frames_a_message_cannot_be_named_away(
    given_headers: list[tuple[bytes, bytes]],
) -> None:
    framed = [*given_headers, (b"Connection", b"content-length, transfer-encoding, host")]
    passed = [name.lower() for name, _ in to_target(framed, client="192.0.2.1", port=8443)]
    lengths = [name for name, _ in given_headers if name == b"Content-Length"]
    assert passed.count(b"content-length") == len(lengths)


def test_a_header_named_in_connection_ends_here_in_both_directions() -> None:
    pairs = [(b"Connection", b"close, X-Secret"), (b"X-Secret", b"1"), (b"Server", b"uvicorn")]
    assert b"X-Secret" not in dict(to_target(pairs, client="192.0.2.1", port=8443))
    assert to_client(pairs) == [(b"Server", b"uvicorn")]


CHECK = HealthCheck(
    path="/readyz",
    interval=10,
    timeout=5,
    healthy_threshold=3,
    unhealthy_threshold=2,
    statuses=frozenset({200}),
)


def test_health_turns_after_as_many_answers_in_a_row_as_the_group_asks_for() -> None:
    seen = []
    health = Health()
    for good in (True, False, True, False, False, True, True, False, True, True, True):
        health = after(health, good=good, check=CHECK)
        seen.append(health.healthy)
    up, down = True, False
    assert seen == [up, up, up, up, down, down, down, down, down, down, up]


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [("200", {200}), ("200,204", {200, 204}), ("200-202, 301", {200, 201, 202, 301})],
)
def test_a_matcher_lists_its_statuses(matcher: str, expected: set[int]) -> None:
    assert statuses(matcher) == expected
