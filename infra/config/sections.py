"""Every configuration key of a stack: its kind, its default and what it means, in one place.

A colour's are in `infra.config.colour`, those of recognisers elsewhere in `infra.config.elsewhere`.
docs/configuration.md is generated from here. Rules between keys are in `infra.config.rules`.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from infra.boot.settings import BOOT_SECONDS, LONGEST_READY_SECONDS, READY_SECONDS
from infra.config.colour import ColourSettings
from infra.config.elsewhere import FallbackSettings
from infra.config.text_kinds import CRON, DOMAIN, NAME, OWNER, TAGS, VARIABLES, Flag, Port
from infra.reading import kinds
from infra.reading.reader import Section

Colour = Literal["blue", "green"]
NatChoice = Literal["none", "single", "per_zone"]
Recognition = Literal["on", "off", "fallback"]
OtlpProtocol = Literal["http/protobuf", "grpc"]
OtherDialect = Literal["openai", "nim", "deepgram"]
COLOURS: Final[tuple[Colour, ...]] = ("blue", "green")

TLS_POLICIES: Final = (
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
)
"""ALB security policies that offer TLS 1.3 and nothing older than TLS 1.2."""

_EMAIL = kinds.text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")


class AdoptedVpc(Section):
    """A VPC that exists already and is used as it is."""

    vpc_id: Annotated[str, kinds.aws_id("vpc")]
    """The VPC."""
    public_subnet_ids: Annotated[tuple[str, ...], kinds.many(kinds.aws_id("subnet"), 2, 3)]
    """Subnets of the load balancer, one a zone."""
    private_subnet_ids: Annotated[tuple[str, ...], kinds.many(kinds.aws_id("subnet"), 2, 3)]
    """Subnets of the GPU machines, one a zone."""


class NetworkSettings(Section):
    """Where the environment lives."""

    cidr: Annotated[str, kinds.cidr(20, 16)] = "10.64.0.0/16"
    """IPv4 range of the VPC that is made."""
    zones: Annotated[int, kinds.whole(2, 3)] = 2
    """Availability zones to spread over."""
    zone_names: Annotated[
        tuple[str, ...],
        kinds.many(kinds.text(r"[a-z]{2}(-[a-z]+)+-\d[a-z]", "a zone such as us-east-2a"), 0, 3),
    ] = ()
    """The zones by name, where the GPU type is not offered in all; empty: the region's first."""
    nat: Annotated[NatChoice, kinds.one_of("none", "single", "per_zone")] = "single"
    """NAT gateways: none (machines reach AWS's endpoints only), one for all, or one a zone."""
    interface_endpoints: Flag = True
    """Whether AWS services are reached inside the VPC instead of through NAT."""
    flow_logs: Flag = True
    """Whether the VPC's traffic is logged."""
    connect_endpoint: Flag = False
    """Whether an EC2 Instance Connect endpoint gives SSH to the machines, the only way in."""
    scrape_cidrs: Annotated[tuple[str, ...], kinds.many(kinds.cidr(32, 8), 0, 4)] = ()
    """Ranges from which a Prometheus may read each machine's metrics, on port 9400: those of the
    machine, its gateway and its recogniser, and nothing else; empty: from nowhere."""
    adopt: AdoptedVpc | None = None
    """Use this VPC and make none; cidr, zones and nat are then not used."""


class AccessSettings(Section):
    """Who may reach the load balancer."""

    allowed_cidrs: Annotated[tuple[str, ...], kinds.many(kinds.cidr(), 1, 40)]
    """Ranges that may reach the endpoint."""
    anywhere_on_other_ports: Flag = False
    """Allow 0.0.0.0/0 also on ports other than 443: the HTTP redirect or another listener port."""


class DomainSettings(Section):
    """The name clients use."""

    name: Annotated[str, DOMAIN]
    """Host name of the endpoint; the certificate is for it."""
    alternative_names: Annotated[tuple[str, ...], kinds.many(DOMAIN, 0, 9)] = ()
    """Further names on the certificate."""
    zone_id: Annotated[
        str | None, kinds.optional(kinds.text(r"Z[A-Z0-9]{5,31}", "a Route 53 zone id Z..."))
    ] = None
    """Hosted zone in which the name and the certificate's proof are written."""
    external_dns: Flag = False
    """The name is kept outside Route 53: records are written by hand, none here."""


class CertificateSettings(Section):
    """What the endpoint shows to prove its name."""

    arn: Annotated[str | None, kinds.optional(kinds.arn("acm", "certificate/"))] = None
    """A certificate that ACM holds already; null: one is requested and proved by DNS."""
    ca_path: Annotated[str | None, kinds.optional(NAME)] = None
    """Path of the CA certificate clients must trust, where it is a private one."""


class LoadBalancerSettings(Section):
    """The entrance."""

    port: Port = 443
    """Port of the HTTPS listener."""
    http_redirect: Flag = True
    """Whether port 80 answers with a redirect to HTTPS."""
    internal: Flag = False
    """Reachable only from inside the VPC and what is joined to it."""
    tls_policy: Annotated[str, kinds.one_of(*TLS_POLICIES)] = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    """TLS versions and ciphers."""
    idle_timeout_seconds: Annotated[int, kinds.whole(60, 4000, "seconds")] = 360
    """A connection without a byte is closed after so long; at least twice gateway.ping_seconds."""
    deletion_protection: Flag = True
    """Whether AWS refuses to delete the load balancer."""
    access_logs: Flag = True
    """Whether requests are logged to a bucket."""
    direct_header: Annotated[str, kinds.text(r"X-[A-Za-z0-9\-]{1,38}", "a header name X-...")] = (
        "X-Perch-Colour"
    )
    """Header whose value, blue or green, reaches that colour whatever the weights are."""
    direct_cidrs: Annotated[tuple[str, ...], kinds.many(kinds.cidr(), 0, 4)] = ()
    """Ranges from which that header counts; empty: from everywhere that may reach the endpoint."""
    waf: Flag = False
    """Whether a web ACL stands before the endpoint."""
    waf_requests_per_5_minutes: Annotated[int, kinds.whole(100, 2_000_000)] = 2000
    """Requests one address may make in 5 minutes."""


class TracesSettings(Section):
    """A collector of traces, which gateways send theirs to by OTLP."""

    endpoint: Annotated[
        str,
        kinds.text(
            r"https?://[A-Za-z0-9.\-]{1,253}:"
            r"(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])",
            "http:// or https://, a host and its port, such as http://otel.example.org:4318",
        ),
    ]
    """Its address."""
    cidrs: Annotated[tuple[str, ...], kinds.many(kinds.cidr(32, 16), 1, 4)]
    """Ranges it is in; machines may go out to these on its port."""
    protocol: Annotated[OtlpProtocol, kinds.one_of("http/protobuf", "grpc")] = "http/protobuf"
    """How it is spoken to."""
    sample_percent: Annotated[int, kinds.whole(0, 100, "percent")] = 100
    """Share of streams that are recorded, of those whose client does not say by itself."""


class GatewaySettings(Section):
    """The service in front of the recogniser, on the same machine."""

    ping_seconds: Annotated[int, kinds.whole(5, 300, "seconds")] = 20
    """How often the gateway pings a quiet client."""
    drain_seconds: Annotated[int, kinds.whole(1, 3300, "seconds")] = 300
    """How long a leaving machine may take for its sessions: half of it, at most a minute, they
    go on by themselves, then they are finalised."""
    tokens: Flag = True
    """Whether bearer tokens of a list let clients in, beside API keys (`perch token`); the secret
    gateway_bearer_tokens must then be filled."""
    anonymous: Flag = False
    """Whether everybody in access.allowed_cidrs may speak without showing anything: only where
    tokens is false and no issuer of tokens is set, and never for the Internet."""
    recogniser_key: Flag = False
    """Whether recognisers want a key or a JWT in the metadata of each call: gateways then show the
    secret riva_api_key, to recognisers elsewhere by TLS alone."""
    max_sessions: Annotated[int, kinds.whole(1, 10_000)] = 64
    """Sessions one machine admits at a time."""
    riva_streams: Annotated[int, kinds.whole(0, 10_000)] = 0
    """Streams one recogniser takes at a time, as measured; 0: not known."""
    recognition: Annotated[Recognition, kinds.one_of("on", "off", "fallback")] = "on"
    """What the switch says when it is made; afterwards `perch recognition` owns it."""
    fallback: FallbackSettings | None = None
    """Where `perch recognition fallback` sends sessions; absent: nowhere."""
    traces: TracesSettings | None = None
    """Where gateways send traces of their streams; absent: nowhere."""
    dialects: Annotated[
        tuple[OtherDialect, ...] | None,
        kinds.optional(kinds.many(kinds.one_of(*get_args(OtherDialect)), 0, 8)),
    ] = None
    """Other services whose clients gateways answer beside Perch's own; null: all there are."""
    environment: Annotated[Mapping[str, str], VARIABLES] = Field(default_factory=dict)
    """Further environment variables of the gateway, nothing secret."""


class OfficeHours(Section):
    """When machines run whether somebody speaks or not."""

    start: Annotated[str, CRON]
    """From when each colour's start_machines are held: what is missing of them is started."""
    stop: Annotated[str, CRON]
    """From when they are held no more: idleness stops them, and no clock does."""
    time_zone: Annotated[
        str,
        kinds.text(r"[A-Za-z_]+(?:/[A-Za-z_\-+0-9]+)*", "a time zone name such as Europe/Berlin"),
    ] = "Etc/UTC"
    """Time zone of both."""


class ScalingSettings(Section):
    """How many machines."""

    streams_per_machine: Annotated[int, kinds.whole(1, 10_000)] = 40
    """Active streams a machine is meant to carry."""
    idle_minutes: Annotated[int | None, kinds.optional(kinds.whole(15, 1440, "minutes"))] = None
    """Without a session for so long, a colour goes down to no machine, and a session that is
    refused starts one; null: never. It needs min_machines 0."""
    ready_minutes: Annotated[int, kinds.whole(10, LONGEST_READY_SECONDS // 60, "minutes")] = (
        READY_SECONDS // 60
    )
    """How long a machine may take from its boot to readiness; then it is given up, and another
    one is tried. docs/cold-start.md says what a start consists of."""
    office_hours: OfficeHours | None = None
    """Hold start_machines by the clock; absent: min_machines is all that is held."""

    @property
    def launch_seconds(self) -> int:
        """Return how long a group waits for a machine that starts, its boot included."""
        return self.ready_minutes * 60 + BOOT_SECONDS


class ObservabilitySettings(Section):
    """What is logged and who is notified."""

    log_retention_days: Annotated[int, kinds.one_of(30, 90, 180, 365, 400, 731)] = 365
    """How long logs are kept, in days."""
    alarm_emails: Annotated[tuple[str, ...], kinds.many(_EMAIL, 0, 20)] = ()
    """Who is notified of alarms."""
    monthly_budget_usd: Annotated[
        int | None, kinds.optional(kinds.whole(1, 10_000_000, "US dollars"))
    ] = None
    """Cost a month above which the same people are notified; null: no budget."""


class Settings(Section):
    """Everything one stack says."""

    owner: Annotated[str, OWNER]
    """Who answers for the environment; stands in the tag Owner."""
    account_id: Annotated[
        str | None, kinds.optional(kinds.text(r"\d{12}", "an AWS account of 12 digits, in quotes"))
    ] = None
    """The only account this stack may be applied to; null: whichever the credentials are of."""
    permissions_boundary_arn: Annotated[
        str | None,
        kinds.optional(
            kinds.text(r"arn:aws[a-z-]*:iam::\d{12}:policy/.+", "an ARN of iam (policy/...)")
        ),
    ] = None
    """Policy that bounds every role of the stack, which a deployment from CI asks for (docs/ci.md);
    null: none."""
    disposable: Flag = False
    """Whether `pulumi destroy` may delete everything with what is in it; false also protects
    keys and secrets from any deletion."""
    tags: Annotated[Mapping[str, str], TAGS] = Field(default_factory=dict)
    """Further tags on every resource, beside those that the program sets."""
    network: NetworkSettings
    """Where the environment lives."""
    access: AccessSettings
    """Who may reach the load balancer."""
    domain: DomainSettings
    """The name clients use."""
    certificate: CertificateSettings
    """What proves that name."""
    load_balancer: LoadBalancerSettings
    """The entrance."""
    gateway: GatewaySettings
    """The service before the recogniser."""
    blue: ColourSettings
    """One of the two groups of machines."""
    green: ColourSettings
    """The other group of machines."""
    scaling: ScalingSettings
    """How many machines."""
    observability: ObservabilitySettings
    """What is logged and who is notified."""

    def colours(self) -> tuple[tuple[Colour, ColourSettings], ...]:
        """Return both colours by name."""
        return (("blue", self.blue), ("green", self.green))

    def colour(self, colour: Colour) -> ColourSettings:
        """Return the settings of one colour."""
        return self.blue if colour == "blue" else self.green
