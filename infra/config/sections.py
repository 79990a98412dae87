"""Every configuration key of a stack: its kind, its default and what it means, in one place.

docs/configuration.md is generated from here. Rules between keys are in `infra.config.rules`.
"""

# ruff: noqa: RUF009 - key() and part() are field specifiers, as dataclasses.field is

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from infra.config import kinds
from infra.config.reader import Section, key, optional_part, part
from infra.config.text_kinds import CRON, OWNER, TAGS, VARIABLES

Colour = Literal["blue", "green"]
NatChoice = Literal["none", "single", "per_zone"]
Runtime = Literal["nim", "riva"]
Recognition = Literal["on", "off", "fallback"]
COLOURS: Final[tuple[Colour, ...]] = ("blue", "green")

DLAMI_PARAMETER: Final = (
    "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
)
"""AWS's public parameter that names the newest Deep Learning base AMI (Ubuntu 24.04)."""

TLS_POLICIES: Final = (
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
)
"""ALB security policies that offer TLS 1.3 and nothing older than TLS 1.2."""

_NAME = kinds.text(r"[^\x00-\x1f]{1,256}", "text of 1 to 256 characters")
_PORT = kinds.whole(1, 65535)
_ENDPOINT = kinds.text(
    r"[A-Za-z0-9.\-]{1,253}:[1-9]\d{0,4}/(?:0|[1-9]\d{0,4})",
    "host:port/http_port, http_port 0 where gRPC alone tells that it is ready",
)
_EMAIL = kinds.text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")
_DOMAIN = kinds.text(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?",
    "a host name in lower case",
)


@dataclass(frozen=True, kw_only=True)
class AdoptedVpc(Section):
    """A VPC that exists already and is used as it is."""

    vpc_id: str = key(kinds.aws_id("vpc"), "The VPC.")
    public_subnet_ids: tuple[str, ...] = key(
        kinds.many(kinds.aws_id("subnet"), 2, 3), "Subnets of the load balancer, one a zone."
    )
    private_subnet_ids: tuple[str, ...] = key(
        kinds.many(kinds.aws_id("subnet"), 2, 3), "Subnets of the GPU machines, one a zone."
    )


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(Section):
    """Where the environment lives."""

    cidr: str = key(
        kinds.cidr(20, 16), "IPv4 range of the VPC that is made.", default="10.64.0.0/16"
    )
    zones: int = key(kinds.whole(2, 3), "Availability zones to spread over.", default=2)
    zone_names: tuple[str, ...] = key(
        kinds.many(kinds.text(r"[a-z]{2}(-[a-z]+)+-\d[a-z]", "a zone such as us-east-2a"), 0, 3),
        "The zones by name, where the GPU type is not offered in all; empty: the region's first.",
        default=(),
    )
    nat: NatChoice = key(
        kinds.one_of("none", "single", "per_zone"),
        "NAT gateways: none (machines reach AWS's endpoints only), one for all, or one a zone.",
        default="single",
    )
    interface_endpoints: bool = key(
        kinds.flag(),
        "Whether AWS services are reached inside the VPC instead of through NAT.",
        default=True,
    )
    flow_logs: bool = key(kinds.flag(), "Whether the VPC's traffic is logged.", default=True)
    connect_endpoint: bool = key(
        kinds.flag(),
        "Whether an EC2 Instance Connect endpoint gives SSH to the machines, the only way in.",
        default=False,
    )
    adopt: AdoptedVpc | None = optional_part(
        AdoptedVpc, "Use this VPC and make none; cidr, zones and nat are then not used."
    )


@dataclass(frozen=True, kw_only=True)
class AccessSettings(Section):
    """Who may reach the load balancer."""

    allowed_cidrs: tuple[str, ...] = key(
        kinds.many(kinds.cidr(), 1, 40), "Ranges that may reach the endpoint."
    )
    anywhere_on_other_ports: bool = key(
        kinds.flag(),
        "Allow 0.0.0.0/0 also on ports other than 443: the HTTP redirect or another listener port.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class DomainSettings(Section):
    """The name clients use."""

    name: str = key(_DOMAIN, "Host name of the endpoint; the certificate is for it.")
    alternative_names: tuple[str, ...] = key(
        kinds.many(_DOMAIN, 0, 9), "Further names on the certificate.", default=()
    )
    zone_id: str | None = key(
        kinds.optional(kinds.text(r"Z[A-Z0-9]{5,31}", "a Route 53 zone id Z...")),
        "Hosted zone in which the name and the certificate's proof are written.",
        default=None,
    )
    external_dns: bool = key(
        kinds.flag(),
        "The name is kept outside Route 53: records are written by hand, none here.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class CertificateSettings(Section):
    """What the endpoint shows to prove its name."""

    arn: str | None = key(
        kinds.optional(kinds.arn("acm", "certificate/")),
        "A certificate that ACM holds already; null: one is requested and proved by DNS.",
        default=None,
    )
    ca_path: str | None = key(
        kinds.optional(_NAME),
        "Path of the CA certificate clients must trust, where it is a private one.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class LoadBalancerSettings(Section):
    """The entrance."""

    port: int = key(_PORT, "Port of the HTTPS listener.", default=443)
    http_redirect: bool = key(
        kinds.flag(), "Whether port 80 answers with a redirect to HTTPS.", default=True
    )
    internal: bool = key(
        kinds.flag(), "Reachable only from inside the VPC and what is joined to it.", default=False
    )
    tls_policy: str = key(
        kinds.one_of(*TLS_POLICIES),
        "TLS versions and ciphers.",
        default="ELBSecurityPolicy-TLS13-1-2-2021-06",
    )
    idle_timeout_seconds: int = key(
        kinds.whole(60, 4000, "seconds"),
        "A connection without a byte is closed after so long; at least twice gateway.ping_seconds.",
        default=360,
    )
    deletion_protection: bool = key(
        kinds.flag(), "Whether AWS refuses to delete the load balancer.", default=True
    )
    access_logs: bool = key(kinds.flag(), "Whether requests are logged to a bucket.", default=True)
    direct_header: str = key(
        kinds.text(r"X-[A-Za-z0-9\-]{1,38}", "a header name X-..."),
        "Header whose value, blue or green, reaches that colour whatever the weights are.",
        default="X-Perch-Colour",
    )
    direct_cidrs: tuple[str, ...] = key(
        kinds.many(kinds.cidr(), 0, 4),
        "Ranges from which that header counts; empty: from everywhere that may reach the endpoint.",
        default=(),
    )
    waf: bool = key(kinds.flag(), "Whether a web ACL stands before the endpoint.", default=False)
    waf_requests_per_5_minutes: int = key(
        kinds.whole(100, 2_000_000), "Requests one address may make in 5 minutes.", default=2000
    )


@dataclass(frozen=True, kw_only=True)
class FallbackSettings(Section):
    """Recognisers outside both groups, for `perch recognition fallback`."""

    endpoints: tuple[str, ...] = key(
        kinds.many(_ENDPOINT, 1, 8), "The recognisers; RIVA_FALLBACK_ENDPOINTS of every gateway."
    )
    cidrs: tuple[str, ...] = key(
        kinds.many(kinds.cidr(32, 16), 1, 4), "Ranges they are in; machines may go out to these."
    )


@dataclass(frozen=True, kw_only=True)
class GatewaySettings(Section):
    """The service in front of the recogniser, on the same machine."""

    ping_seconds: int = key(
        kinds.whole(5, 300, "seconds"), "How often the gateway pings a quiet client.", default=20
    )
    drain_seconds: int = key(
        kinds.whole(1, 3300, "seconds"),
        "How long a leaving machine may take for its sessions: half of it, at most a minute, they"
        " go on by themselves, then they are finalised.",
        default=300,
    )
    tokens: bool = key(
        kinds.flag(),
        "Whether clients must show a token; the secret gateway_signing_key must then be filled.",
        default=True,
    )
    max_sessions: int = key(
        kinds.whole(1, 10_000), "Sessions one machine admits at a time.", default=64
    )
    riva_streams: int = key(
        kinds.whole(0, 10_000),
        "Streams one recogniser takes at a time, as measured; 0: not known.",
        default=0,
    )
    recognition: Recognition = key(
        kinds.one_of("on", "off", "fallback"),
        "What the switch says when it is made; afterwards `perch recognition` owns it.",
        default="on",
    )
    fallback: FallbackSettings | None = optional_part(
        FallbackSettings, "Where `perch recognition fallback` sends sessions; absent: nowhere."
    )
    environment: Mapping[str, str] = key(
        VARIABLES,
        "Further environment variables of the gateway, nothing secret.",
        default={},
    )


@dataclass(frozen=True, kw_only=True)
class ColourSettings(Section):
    """One of the two groups of machines."""

    image: str = key(
        _NAME,
        "Recogniser image with a pinned tag or digest, such as "
        "nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.5.0.",
    )
    runtime: Runtime = key(
        kinds.one_of("nim", "riva"),
        "nim: a Speech NIM container; riva: a classic Riva server.",
        default="nim",
    )
    selector: str = key(
        kinds.text(r"[\w.\-=,]{0,256}", "a NIM_TAGS_SELECTOR such as mode=str,vad=silero"),
        "NIM_TAGS_SELECTOR; it must name a mode.",
        default="mode=str",
    )
    model: str = key(
        kinds.text(r"[\w.\-]{0,128}", "a served model name, or empty"),
        "Model the gateway asks for; empty: the server's own choice.",
        default="",
    )
    gateway_tag: str | None = key(
        kinds.optional(kinds.text(r"[A-Za-z0-9_][A-Za-z0-9._\-]{0,127}", "an image tag")),
        "Tag of the gateway's image in the stack's own ECR repository.",
        default=None,
    )
    gateway_bundle: str | None = key(
        kinds.optional(kinds.text(r"[\w./+\-]{1,200}\.tar\.gz", "a key that ends in .tar.gz")),
        "Instead of an image: key of a bundle of wheels in the stack's artefact bucket.",
        default=None,
    )
    gateway_sha256: str | None = key(
        kinds.optional(kinds.text(r"[0-9a-f]{64}", "64 lower-case hex digits")),
        "SHA-256 of that bundle.",
        default=None,
    )
    instance_types: tuple[str, ...] = key(
        kinds.many(kinds.text(r"[a-z0-9\-]+\.[a-z0-9]+", "an instance type"), 1, 8),
        "Instance types in order of preference; all of one GPU architecture, for the model cache.",
        default=("g6.xlarge", "g6.2xlarge"),
    )
    min_machines: int = key(kinds.whole(0, 100), "Fewest machines.", default=0)
    max_machines: int = key(kinds.whole(0, 100), "Most machines.", default=2)
    start_machines: int = key(
        kinds.whole(0, 100),
        "Machines started with the colour and by office hours; min_machines if that is more.",
        default=0,
    )
    weight: int = key(
        kinds.whole(0, 100),
        "Share of new sessions when the listener is made; afterwards `perch canary` owns it.",
    )
    volume_gib: int = key(
        kinds.whole(200, 16384, "GiB"), "Size of the encrypted root volume.", default=200
    )
    ami_parameter: str = key(
        kinds.text(r"/[\w.\-/]{1,512}(?::\d+)?", "the name of an SSM parameter"),
        "SSM parameter that names the AMI; resolved at each deployment, recorded in the outputs.",
        default=DLAMI_PARAMETER,
    )
    ami_id: str | None = key(
        kinds.optional(kinds.aws_id("ami")),
        "The AMI itself, to stay with one that the outputs recorded; it wins over ami_parameter.",
        default=None,
    )
    gateway_port: int = key(_PORT, "Port of the gateway on the machine.", default=8080)
    riva_grpc_port: int = key(_PORT, "Port of the recogniser's gRPC on the machine.", default=50051)
    riva_http_port: int = key(
        _PORT, "Port of the recogniser's HTTP health on the machine.", default=9000
    )


@dataclass(frozen=True, kw_only=True)
class OfficeHours(Section):
    """When the machines run at all."""

    start: str = key(CRON, "When each colour's start_machines are started.")
    stop: str = key(CRON, "When all are stopped.")
    time_zone: str = key(
        kinds.text(r"[A-Za-z_]+(?:/[A-Za-z_\-+0-9]+)*", "a time zone name such as Europe/Berlin"),
        "Time zone of both.",
        default="Etc/UTC",
    )


@dataclass(frozen=True, kw_only=True)
class ScalingSettings(Section):
    """How many machines."""

    streams_per_machine: int = key(
        kinds.whole(1, 10_000), "Active streams a machine is meant to carry.", default=40
    )
    idle_minutes: int | None = key(
        kinds.optional(kinds.whole(15, 1440, "minutes")),
        "Without a session for so long, a colour goes down to no machine; null: never."
        " It needs min_machines 0.",
        default=None,
    )
    office_hours: OfficeHours | None = optional_part(
        OfficeHours, "Start and stop the machines by the clock; absent: they run always."
    )


@dataclass(frozen=True, kw_only=True)
class ObservabilitySettings(Section):
    """What is kept and who hears of it."""

    log_retention_days: int = key(
        kinds.one_of(30, 90, 180, 365, 400, 731),
        "How long logs are kept, in days.",
        default=365,
    )
    alarm_emails: tuple[str, ...] = key(
        kinds.many(_EMAIL, 0, 20), "Who is told of alarms.", default=()
    )
    monthly_budget_usd: int | None = key(
        kinds.optional(kinds.whole(1, 10_000_000, "US dollars")),
        "Cost a month above which the same people are told; null: no budget.",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class Settings(Section):
    """Everything one stack says."""

    owner: str = key(OWNER, "Who answers for the environment; stands in the tag Owner.")
    account_id: str | None = key(
        kinds.optional(kinds.text(r"\d{12}", "an AWS account of 12 digits, in quotes")),
        "The only account this stack may be applied to; null: whichever the credentials are of.",
        default=None,
    )
    disposable: bool = key(
        kinds.flag(),
        "Whether `pulumi destroy` may delete everything with what is in it; false also protects"
        " keys and secrets from any deletion.",
        default=False,
    )
    tags: Mapping[str, str] = key(
        TAGS,
        "Further tags on every resource, beside those that the program sets.",
        default={},
    )
    network: NetworkSettings = part(NetworkSettings, "Where the environment lives.")
    access: AccessSettings = part(AccessSettings, "Who may reach the load balancer.")
    domain: DomainSettings = part(DomainSettings, "The name clients use.")
    certificate: CertificateSettings = part(CertificateSettings, "What proves that name.")
    load_balancer: LoadBalancerSettings = part(LoadBalancerSettings, "The entrance.")
    gateway: GatewaySettings = part(GatewaySettings, "The service before the recogniser.")
    blue: ColourSettings = part(ColourSettings, "One of the two groups of machines.")
    green: ColourSettings = part(ColourSettings, "The other group of machines.")
    scaling: ScalingSettings = part(ScalingSettings, "How many machines.")
    observability: ObservabilitySettings = part(
        ObservabilitySettings, "What is kept and who hears of it."
    )

    def colour(self, colour: Colour) -> ColourSettings:
        """The settings of one colour."""
        return self.blue if colour == "blue" else self.green
