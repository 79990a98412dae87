"""The client's W3C trace context (https://www.w3.org/TR/trace-context/), or a new one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Final, TypeAlias

from starlette.datastructures import Headers

Metadata: TypeAlias = tuple[tuple[str, str], ...]

_HEADER: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 1
_MEMBER: Final = re.compile(
    r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
"""One of `tracestate`: a vendor and its value."""
_MOST_MEMBERS: Final = 32
_MOST_STATE: Final = 512
"""Characters of `tracestate`: what the specification asks to carry at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceContext:
    """Which trace a connection belongs to.

    Attributes:
        trace_id: 32 lower-case hex digits, not all zero.
        parent_id: Span of the client, 16 hex digits; None where it named none.
        sampled: Whether the client records its part.
        state: Its `tracestate`, as far as it is valid; empty for none.
    """

    trace_id: str
    parent_id: str | None = None
    sampled: bool = False
    state: str = ""

    @property
    def metadata(self) -> Metadata:
        """What goes on to a recogniser where no span of ours lies in between."""
        if self.parent_id is None:
            return ()
        return metadata_of(self.trace_id, self.parent_id, _SAMPLED * self.sampled, self.state)


def metadata_of(trace_id: str, span_id: str, flags: int, state: str) -> Metadata:
    """Return the headers by which the next service joins a trace."""
    parent = ("traceparent", f"00-{trace_id}-{span_id}-{flags:02x}")
    return (parent, ("tracestate", state)) if state else (parent,)


def trace_context_of(headers: Headers) -> TraceContext:
    """Read the headers of a request; two of `traceparent` are none."""
    parents = headers.getlist("traceparent")
    parent = parents[0] if len(parents) == 1 else None
    return trace_context(parent, ",".join(headers.getlist("tracestate")))


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
                state=_valid_state(tracestate or ""),
            )
    return TraceContext(trace_id=token_hex(16))


def _valid_state(text: str) -> str:
    """Return a `tracestate` without what is too long at its end; none of one that is not valid.

    It goes on into gRPC's metadata, which takes printable ASCII alone.
    """
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    vendors = [member.partition("=")[0] for member in members]
    if len(members) > _MOST_MEMBERS or len(set(vendors)) < len(vendors):
        return ""
    if not all(map(_MEMBER.fullmatch, members)):
        return ""
    return _joined(members)


def _joined(members: Sequence[str]) -> str:
    while len(state := ",".join(members)) > _MOST_STATE:
        members = members[:-1]
    return state
