"""What a load balancer decides for one request: pure functions that touch nothing.

The rules are those of an AWS application load balancer as far as Perch's listener uses them: rules
by priority, forward by weight, a fixed response, and the headers it adds. Source: the Elastic Load
Balancing user guide for application load balancers, sections on listener rules and on X-Forwarded
headers.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

Headers = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
    }
)
"""Headers of one connection (RFC 9110, 7.6.1); Transfer-Encoding stays, for it frames the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What rules look at.

    Args:
        method: As in GET.
        target: Path and query as they came.
        headers: Pairs as they came.
        client: The client's IP address.
    """

    method: str
    target: str
    headers: Headers
    client: str

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def values(self, name: str) -> list[str]:
        """Return every value of a header, in order."""
        wanted = name.lower().encode("latin-1", errors="replace")
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests for a target group go.

    Args:
        name: For the log, as in `blue`.
        host: Address.
        port: TCP port.
        identity: PEM file of what it shows and of the authority that is believed; None for a target
            without TLS.
    """

    name: str
    host: str
    port: int
    identity: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """Pass the request on to one of these groups.

    Args:
        weights: Weight by the target group's ARN, 0 to 999.
    """

    weights: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer in the place of a target.

    Args:
        status: HTTP status.
        body: Text of the answer.
        content_type: Its type.
    """

    status: int
    body: str = ""
    content_type: str = "text/plain"


Action = Forward | Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a rule: it holds when any value fits.

    Args:
        field: `http-header`, `path-pattern`, `host-header`, `http-request-method` or `source-ip`.
        values: Patterns with * and ?, method names, or ranges of addresses.
        header: Name of the header, for `http-header`.
    """

    field: str
    values: tuple[str, ...]
    header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: it applies when all conditions hold."""

    priority: int
    conditions: tuple[Condition, ...]
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """All that a listener knows about where requests go.

    Args:
        default: What applies when no rule does.
        rules: The rules in the order of their priority.
    """

    default: Action
    rules: tuple[Rule, ...] = ()


@dataclass(slots=True)
class WeightedRoundRobin:
    """Whose turn it is among weighted groups, spread as evenly as weights allow.

    Over every run of as many turns as the weights sum to, each group is chosen exactly as often as
    its weight says (smooth weighted round robin, as nginx does it). AWS draws lots instead; the
    shares are the same in the long run, and here they hold for ten requests too.
    """

    credit: dict[str, int] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)

    def next(self, weights: Mapping[str, int]) -> str | None:
        """Return the group whose turn it is; None when every weight is 0."""
        if weights != self.weights:
            self.weights, self.credit = dict(weights), {}
        open_groups = {group: weight for group, weight in weights.items() if weight > 0}
        if not open_groups:
            return None
        for group, weight in open_groups.items():
            self.credit[group] = self.credit.get(group, 0) + weight
        chosen = max(open_groups, key=lambda group: self.credit[group])
        self.credit[chosen] -= sum(open_groups.values())
        return chosen


def fits(pattern: str, text: str, *, ignore_case: bool) -> bool:
    """Say whether ``text`` fits a pattern: * stands for any run of characters, ? for one."""
    translated = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.fullmatch(translated, text, flags) is not None


def _candidates(condition: Condition, request: Request) -> tuple[list[str], bool]:
    """Return what the condition's patterns are held against, and whether case matters not."""
    match condition.field:
        case "http-header":
            return request.values(condition.header), True
        case "host-header":
            return [host.rpartition(":")[0] or host for host in request.values("host")], True
        case "path-pattern":
            return [request.path], False
        case "http-request-method":
            return [request.method], False
        case _:
            return [], False


def holds(condition: Condition, request: Request) -> bool:
    """Say whether a condition holds; one of a kind that is not known here never does."""
    if condition.field == "source-ip":
        # Of mixed IP versions none is in the other's range.
        address = ip_address(request.client)
        return any(address in ip_network(value, strict=False) for value in condition.values)
    texts, ignore_case = _candidates(condition, request)
    return any(
        fits(pattern, text, ignore_case=ignore_case)
        for pattern in condition.values
        for text in texts
    )


def action_for(routes: Routes, request: Request) -> Action:
    """Return what the first fitting rule says, or the default."""
    for rule in routes.rules:
        if all(holds(condition, request) for condition in rule.conditions):
            return rule.action
    return routes.default


def _named_in_connection(headers: Headers) -> set[bytes]:
    """Return the tokens of the Connection header, lower case."""
    return {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }


def wants_upgrade(headers: Headers) -> bool:
    """Say whether a request asks to become a WebSocket."""
    upgrades = {value.strip().lower() for name, value in headers if name.lower() == b"upgrade"}
    return b"upgrade" in _named_in_connection(headers) and b"websocket" in upgrades


def _without(headers: Headers, names: Iterable[bytes]) -> list[tuple[bytes, bytes]]:
    dropped = set(names)
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def to_target(headers: Headers, *, client: str, port: int) -> list[tuple[bytes, bytes]]:
    """Return a request's headers as the target gets them.

    Args:
        headers: As the client sent them.
        client: The client's IP address.
        port: Port of the listener.
    """
    upgrade = wants_upgrade(headers)
    # A client may have headers dropped by naming them, but not those that frame the message.
    named = _named_in_connection(headers) - {b"transfer-encoding", b"content-length", b"host"}
    own = {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port"}
    passed = _without(headers, HOP_BY_HOP | named | own)
    if upgrade:
        passed += [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
    if not any(name.lower() == b"host" for name, _ in headers):
        # HTTP/1.0 need not name the host; HTTP/1.1, which the target is spoken to in, must.
        passed.append((b"host", f"localhost:{port}".encode("ascii")))
    before = [value for name, value in headers if name.lower() == b"x-forwarded-for"]
    return [
        *passed,
        (b"x-forwarded-for", b", ".join([*before, client.encode("ascii")])),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-port", str(port).encode("ascii")),
    ]


def to_client(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return a response's headers as the client gets them."""
    return _without(headers, HOP_BY_HOP | _named_in_connection(headers) - {b"transfer-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How a target group tests its targets.

    Args:
        path: What is asked for.
        interval: Seconds between two questions.
        timeout: Seconds for an answer.
        healthy_threshold: Good answers in a row after which an unhealthy target is healthy.
        unhealthy_threshold: Bad answers in a row after which it is unhealthy.
        statuses: HTTP statuses that count as good.
    """

    path: str
    interval: float
    timeout: float
    healthy_threshold: int
    unhealthy_threshold: int
    statuses: frozenset[int]


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of a target.

    Args:
        healthy: Whether it is given requests; None before the first answer.
        row: How many answers in a row spoke against that.
    """

    healthy: bool | None = None
    row: int = 0


def after(health: Health, *, good: bool, check: HealthCheck) -> Health:
    """Return what is known after one more answer; the first one decides at once."""
    if health.healthy is None or good == health.healthy:
        return Health(healthy=good)
    needed = check.healthy_threshold if good else check.unhealthy_threshold
    return (
        Health(healthy=good) if health.row + 1 >= needed else Health(health.healthy, health.row + 1)
    )


def statuses(matcher: str) -> frozenset[int]:
    """Read a matcher as a target group has it: `200`, `200,202` or `200-299`.

    Raises:
        ValueError: It is none of these.
    """
    found: set[int] = set()
    for part in matcher.split(","):
        low, _, high = part.strip().partition("-")
        found.update(range(int(low), int(high or low) + 1))
    return frozenset(found)
