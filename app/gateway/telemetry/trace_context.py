"""The client's W3C trace context (https://www.w3.org/TR/trace-context/), or a new one."""

import re
from dataclasses import dataclass
from secrets import token_hex
from typing import Final

_HEADER: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """Which trace a connection belongs to.

    Attributes:
        trace_id: 32 lower-case hex digits, not all zero.
        parent_id: Span of the client, 16 hex digits; None where it named none.
        sampled: Whether the client records its part.
        state: Its `tracestate`, handed on as it came; empty for none.
    """

    trace_id: str
    parent_id: str | None = None
    sampled: bool = False
    state: str = ""


def trace_context(traceparent: str | None, tracestate: str | None = None) -> TraceContext:
    """Read a `traceparent` header; begin a new trace where there is none, or none that is valid."""
    found = _HEADER.fullmatch(traceparent.strip()) if traceparent else None
    if found is not None:
        version, trace_id, parent_id, flags, more = found.groups()
        later = version != "00"
        is_valid = version != "ff" and trace_id.strip("0") and parent_id.strip("0")
        if is_valid and (later or more is None):
            return TraceContext(
                trace_id=trace_id,
                parent_id=parent_id,
                sampled=bool(int(flags, 16) & _SAMPLED),
                # 512 characters are what the specification asks to carry at least.
                state=(tracestate or "")[:512],
            )
    return TraceContext(trace_id=token_hex(16))
