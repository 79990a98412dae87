"""Every port that `perch up` opens, who may speak there and what keeps others out.

The table stands in docs/security.md; a test holds it against the sockets of a running stack.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPort:
    """One kind of listening socket; all of them are on loopback addresses alone.

    Args:
        process: Name of the process in the state folder; `*` stands for each colour.
        what: What listens, for people.
        port: Where it listens unless told otherwise, blue's first.
        sockets: How many ports each such process has of it.
        speakers: Who is meant to speak there.
        guard: What keeps everybody else out, and what is left open.
    """

    process: str
    what: str
    port: str
    sockets: int = 1
    speakers: str
    guard: str


OPEN_PORTS = (
    OpenPort(
        process="aws",
        what="simulated AWS API (moto)",
        port="8440",
        speakers="processes of this run, and whoever is given its credentials file",
        guard="Each request is signed (Signature Version 4) with an access key that every run "
        "makes up anew. It stands in `.perch/STACK/aws-credentials`, mode 0600, and on no command "
        "line, in no environment and in no log. Host names this machine; a request with a header "
        "that only browsers add is refused before it is read; no CORS header is sent; moto's own "
        "pages are closed.",
    ),
    OpenPort(
        process="listener",
        what="TLS listener: page, sessions, uploads",
        port="8443",
        speakers="everybody on this machine: this is the service",
        guard="The gateway behind it refuses Hosts that are not its own, and sessions and uploads "
        "of pages of another origin (docs/adr/0312). A name rebound to this machine fails at the "
        "certificate before, which names localhost and the loopback addresses.",
    ),
    OpenPort(
        process="gateway-*",
        what="gateway, TLS",
        port="8081, 8082",
        speakers="the TLS listener",
        guard="The certificate is of the stack's own authority, which the listener demands. Hosts "
        "that are neither addresses nor localhost are refused, and sessions and uploads of pages "
        "of another origin; no CORS header is sent. Other users of this machine may speak here as "
        "at the TLS listener.",
    ),
    OpenPort(
        process="gateway-*",
        what="gateway's metrics and drain, plain HTTP",
        port="free ones; `admin_port` in the gateway's log",
        speakers="whoever runs the stack",
        guard="Hosts that are neither addresses nor localhost are refused, and a drain that a page "
        "or a proxy asks for. Other users of this machine may read the numbers, and may drain "
        "(docs/adr/0308, 0313).",
    ),
    OpenPort(
        process="emulator-*",
        what="recogniser, Riva's gRPC without TLS",
        port="50061, 50062",
        speakers="the gateways; any Riva client of this machine",
        guard="Browsers cannot speak it: it takes HTTP/2 without TLS alone, and they speak that "
        "nowhere. Other users of this machine may have speech recognised, as at the TLS listener; "
        "nothing of anybody else's can be had here.",
    ),
    OpenPort(
        process="emulator-*",
        what="recogniser's health, models and metrics, HTTP",
        port="9001, 9002",
        speakers="the gateways",
        guard="Host is an address or a known name; a request with a header that only browsers add "
        "is refused. There is nothing to be changed: scripts of faults are taken only under "
        "`perch up --faults`.",
    ),
    OpenPort(
        process="prometheus",
        what="Prometheus of `perch up --observe`, HTTP",
        port="8441",
        speakers="whoever runs the stack, `perch dashboards`, a Grafana of this machine",
        guard="Nothing can be changed by it: its administrative and lifecycle APIs stay closed. No "
        "CORS header is sent, so a page of another origin reads nothing. It looks at no Host: a "
        "name rebound to this machine, and other users of it, may read the stack's numbers.",
    ),
)

_HEAD = """
## Ports on this machine

What `make up` opens, on 127.0.0.1 and ::1 alone; docs/configuration.md and `make up ARGS=--help`
say how to move them. The process `host` opens none.

| Port | What listens | Who may speak | How it is guarded |
| --- | --- | --- | --- |
"""

_TAIL = """
The AWS CLI and every SDK reach the simulated AWS with two variables, as `perch` itself does:
`AWS_ENDPOINT_URL=http://127.0.0.1:8440 AWS_SHARED_CREDENTIALS_FILE=.perch/local/aws-credentials`.
"""


def open_ports_section() -> str:
    """Return the section of docs/security.md as Markdown."""
    rows = (f"| {one.port} | {one.what} | {one.speakers} | {one.guard} |\n" for one in OPEN_PORTS)
    return f"{_HEAD}{''.join(rows)}{_TAIL}"
