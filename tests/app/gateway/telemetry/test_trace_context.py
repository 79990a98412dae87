"""What is taken from a client's W3C trace context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gateway.telemetry.trace_context import trace_context

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


@given(st.text(max_size=80))
def test_any_text_gives_a_valid_trace(header: str) -> None:
    assert len(trace_context(header).trace_id) == 32
