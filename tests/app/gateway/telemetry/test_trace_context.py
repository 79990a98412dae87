"""What is taken from a client's W3C trace context."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from app.gateway.telemetry.trace_context import trace_context, trace_context_of

TRACE, SPAN = "4b" * 16, "0f" * 8


def test_the_clients_trace_goes_on() -> None:
    found = trace_context(f"00-{TRACE}-{SPAN}-01", "vendor=1")
    assert (found.trace_id, found.parent_id, found.sampled) == (TRACE, SPAN, True)
    assert found.state == "vendor=1"
    assert not trace_context(f"00-{TRACE}-{SPAN}-00").sampled
    # A later version may have more behind what this one knows.
    assert trace_context(f"01-{TRACE}-{SPAN}-01-more").trace_id == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
    ],
)
def test_what_is_not_valid_begins_a_new_trace(header: str | None) -> None:
    first, second = trace_context(header, "vendor=1"), trace_context(header)
    assert first.parent_id is None
    assert first.state == ""
    assert first.trace_id != second.trace_id != TRACE


HEX = st.text("0123456789abcdef", min_size=1, max_size=34)
NEARLY = st.builds(
    "-".join,
    st.lists(
        st.one_of(HEX, st.sampled_from(["00", "ff", TRACE, SPAN, "01", "0" * 32, "0" * 16])),
        min_size=1,
        max_size=6,
    ),
)


def is_valid(header: str) -> bool:
    """Say by the specification's own words whether a header may be gone on from."""
    parts = header.strip().split("-")
    if [len(part) for part in parts[:4]] != [2, 32, 16, 2] or parts[0] == "ff":
        return False
    if any(set(part) - set("0123456789abcdef") for part in parts[:4]):
        return False
    return (
        set(parts[1]) != {"0"} and set(parts[2]) != {"0"} and (parts[0] != "00" or len(parts) == 4)
    )


@given(st.one_of(st.text(max_size=80), NEARLY))
def test_a_header_is_gone_on_from_exactly_where_it_is_valid(header: str) -> None:
    found = trace_context(header, "vendor=1")
    assert re.fullmatch("[0-9a-f]{32}", found.trace_id)
    assert found.trace_id.strip("0")
    if is_valid(header):
        assert (found.trace_id, found.parent_id) == tuple(header.strip().split("-")[1:3])
        assert found.metadata[0] == (
            "traceparent",
            f"00-{found.trace_id}-{found.parent_id}-{'01' if found.sampled else '00'}",
        )
    else:
        assert found.trace_id not in header
        assert (found.parent_id, found.state, found.metadata) == (None, "", ())


@given(st.text(max_size=80))
def test_of_tracestate_goes_on_only_what_metadata_of_grpc_can_carry(state: str) -> None:
    found = trace_context(f"00-{TRACE}-{SPAN}-01", state).state
    assert found.isascii()
    assert found == "" or found.isprintable()


def test_tracestate_is_cut_at_the_end_of_a_member_and_dropped_where_it_is_none() -> None:
    parent = f"00-{TRACE}-{SPAN}-01"
    assert trace_context(parent, " a=1 ,, b@c=2").state == "a=1,b@c=2"
    long = ",".join(f"v{number}={'x' * 60}" for number in range(20))
    assert trace_context(parent, long).state == ",".join(long.split(",")[:8])
    for bad in ("A=1", "a", "a=", "a=1,a=2", "a=\u00e4", ",".join(f"v{n}=1" for n in range(33))):
        assert trace_context(parent, bad).state == ""


def test_two_headers_are_none_and_the_parts_of_a_state_are_one() -> None:
    parent = (b"traceparent", f"00-{TRACE}-{SPAN}-01".encode())
    states = [(b"tracestate", b"a=1"), (b"tracestate", b"b=2")]
    found = trace_context_of(Headers(raw=[parent, *states]))
    assert (found.trace_id, found.state) == (TRACE, "a=1,b=2")
    assert trace_context_of(Headers(raw=[parent, parent])).parent_id is None
