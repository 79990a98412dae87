"""Headers that admission goes by: Host, Origin, Authorization, trace context, subprotocols."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from app.contract import ContractError
from app.contract.codes import ErrorCode
from app.gateway.admission.access import AccessPolicy
from app.gateway.identity.identity import Scope
from app.gateway.identity.static_tokens import StaticTokens
from app.gateway.telemetry.trace_context import trace_context_of
from tests.fuzz.target import Target, check_code
from tests.fuzz.targets.looping import ran

_TOKEN: Final = "a-token-of-the-list"
_POLICY: Final = AccessPolicy(
    [StaticTokens([_TOKEN])], ["https://perch.example"], ["perch.example", "*.below.org"]
)
_REFUSALS: Final = {
    ErrorCode.MISDIRECTED_REQUEST,
    ErrorCode.FORBIDDEN_ORIGIN,
    ErrorCode.UNAUTHORIZED,
}


def seeds() -> list[bytes]:
    """Requests' headers, a line each."""
    host, token = b"host: perch.example", b"authorization: Bearer " + _TOKEN.encode()
    return [
        b"\n".join([host, token]),
        b"\n".join([host, token, b"origin: https://perch.example"]),
        b"\n".join([host, token, b"origin: https://perch.example.evil.com"]),
        b"\n".join([b"host: a.below.org:8443", token, b"origin: https://a.below.org:8443"]),
        b"\n".join([b"host: [::1]:80", token, b"origin: http://[::1]"]),
        b"\n".join([b"host: localhost.", b"authorization: bearer x", b"origin: null"]),
        b"\n".join([host, host, token, token, b"origin: file://"]),
        b"\n".join([b"host: evil.example", token]),
        b"\n".join([host, b"sec-websocket-protocol: perch, bearer." + _TOKEN.encode()]),
        b"\n".join([host, token, b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01"]),
        b"\n".join([host, b"traceparent: cc-" + b"0" * 32 + b"-1-01", b"tracestate: a=b,c@d=e"]),
    ]


def check(data: bytes) -> None:
    """Who is let in has the token, from a page that may, to a host that is known."""
    pairs = [
        (name.strip().lower(), value.strip())
        for name, _, value in (line.partition(b":") for line in data.split(b"\n")[:40])
    ]
    context = trace_context_of(Headers(raw=pairs))
    assert len(context.trace_id) == 32, context
    assert context.state.isascii()
    offered = [value for name, value in pairs if name == b"sec-websocket-protocol"]
    scope = {
        "type": "websocket",
        "path": "/",
        "query_string": b"",
        "headers": pairs,
        "subprotocols": [one.strip() for one in b",".join(offered).decode("latin-1").split(",")],
    }
    try:
        identity = ran(_POLICY.check(HTTPConnection(scope), Scope.STREAM))
    except ContractError as refused:
        check_code(refused, _REFUSALS)
        return
    assert identity is not None
    assert _TOKEN not in identity.client
    shown = b" ".join(value for name, value in pairs if name != b"host")
    assert _TOKEN.encode() in shown
    for name, value in pairs:
        if name == b"origin":
            _check_page(value.decode("latin-1"))


def _check_page(origin: str) -> None:
    """Look at an origin as a browser does."""
    host = urlsplit(origin.strip().lower()).hostname
    assert host is not None, origin
    name = host.rstrip(".")
    known = name in {"perch.example", "localhost"} or name.endswith((".below.org", ".localhost"))
    assert known or ":" in name or name.replace(".", "").isdigit(), origin


HEADERS: Final = Target(
    name="headers",
    title="Headers that admission goes by",
    seeds=seeds,
    check=check,
)
