"""Each kind of value: what it takes, and that it refuses everything else with a ValueError."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.config.text_kinds import CRON
from infra.reading import kinds

EXAMPLES: list[tuple[kinds.Kind[Any], list[tuple[object, object]], list[object]]] = [
    (kinds.text(r"[a-z]+", "letters"), [("ab", "ab")], ["", "a1", 5, None, ["a"]]),
    (
        kinds.whole(1, 9),
        [(1, 1), ("9", 9), (4.0, 4)],
        [0, 10, True, 1.5, 1e300, "1.0", " 1", "", None, "9" * 40],
    ),
    (kinds.flag(), [(True, True), ("false", False)], [1, 0, "yes", "True", None]),
    (kinds.one_of("a", "b"), [("a", "a")], ["c", None, True, ["a"]]),
    (kinds.one_of(30, 90), [(30, 30), ("90", 90), (30.0, 30)], [31, 30.5, "x", True, None]),
    (kinds.optional(kinds.flag()), [(None, None), (True, True)], ["no", 3]),
    (
        kinds.many(kinds.whole(0, 5), 1, 2),
        [([1], (1,)), ([1, 2], (1, 2))],
        [[], [1, 1], [1, 2, 3], "1", [9]],
    ),
    (
        kinds.table(kinds.text(r".+", "a name"), kinds.text(r".*", "text"), 1),
        [({"a": "b"}, {"a": "b"})],
        [{"a": "b", "c": "d"}, {"a": 1}, [], {"": "x"}],
    ),
    (
        CRON,
        [
            (line, line)
            for line in ("0 19 * * MON-FRI", "*/5 8-18/2 1,15 jan 0", "00 07 31 12 sun,tue")
        ],
        [
            "0 25 * * *",
            "60 0 * * *",
            "0 0 0 * *",
            "0 0 * 13 *",
            "0 0 * * 7",
            "0 0 * *",
            "a b c d e",
        ],
    ),
    (
        kinds.cidr(24, 16),
        [("10.0.0.0/16", "10.0.0.0/16")],
        ["10.0.0.0/8", "10.0.0.1/16", "10.0.0.0", "::/0", 5, "x/16"],
    ),
    (kinds.aws_id("vpc"), [("vpc-0a1b2c3d", "vpc-0a1b2c3d")], ["vpc-", "subnet-0a1b2c3d", None]),
    (
        kinds.arn("acm", "certificate/"),
        [("arn:aws:acm:us-east-2:123456789012:certificate/x",) * 2],
        ["arn:aws:iam::123456789012:server-certificate/x", None],
    ),
]


@pytest.mark.parametrize(("kind", "good", "bad"), EXAMPLES)
def test_a_kind_takes_what_it_says_and_nothing_else(
    kind: kinds.Kind[Any], good: list[tuple[object, object]], bad: list[object]
) -> None:
    for raw, value in good:
        assert kind.parse(raw) == value
    for raw in bad:
        with pytest.raises(ValueError, match=r"."):
            kind.parse(raw)


@given(raw=st.from_type(type).flatmap(st.from_type) | st.recursive(st.none() | st.text(), st.lists))
def test_no_kind_fails_in_any_other_way_than_by_refusing(raw: object) -> None:
    for kind, _, _ in EXAMPLES:
        try:
            kind.parse(raw)
        except ValueError:
            continue


def test_what_is_accepted_is_said_in_words() -> None:
    assert kinds.whole(1, 9, "seconds").accepted == "a whole number from 1 to 9 seconds"
    assert kinds.optional(kinds.flag()).accepted == "true or false, or null"
    assert kinds.one_of("a", "b").accepted == "one of a, b"
