"""Every configuration key of a stack: its kind, its default and what it means, in one place.

docs/configuration.md is generated from here. Rules between keys are in `infra.config.rules`.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from infra.boot.settings import BOOT_SECONDS, LONGEST_READY_SECONDS, READY_SECONDS
from infra.catalogue.machine_images import DLAMI_PARAMETER
from infra.config.text_kinds import CRON, OWNER, TAGS, VARIABLES
from infra.reading import kinds
from infra.reading.reader import Named, Section

Colour = Literal["blue", "green"]
NatChoice = Literal["none", "single", "per_zone"]
Runtime = Literal["nim", "riva"]
Recognition = Literal["on", "off", "fallback"]
RecogniserTls = Literal["none", "public_ca", "private_ca", "mutual"]
OtlpProtocol = Literal["http/protobuf", "grpc"]
COLOURS: Final[tuple[Colour, ...]] = ("blue", "green")

TLS_POLICIES: Final = (
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
)
"""ALB security policies that offer TLS 1.3 and nothing older than TLS 1.2."""

_NAME = kinds.text(r"[^\x00-\x1f]{1,256}", "text of 1 to 256 characters")
Flag = Annotated[bool, kinds.flag()]
Port = Annotated[int, kinds.whole(1, 65535)]
_ENDPOINT = kinds.text(
    r"[A-Za-z0-9.\-]{1,253}:[1-9]\d{0,4}/(?:0|[1-9]\d{0,4})",
    "host:port/http_port, http_port 0 where gRPC alone tells that it is ready",
)
_LANGUAGE = kinds.text(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", "a language tag such as de-DE")
_MODEL = kinds.text(r"[\w.\-]{0,128}", "a served model name, or empty")
_GROUPS = Named(
    kinds.text(
        r"(?!default$|fallback$)[a-z][a-z0-9_]{0,31}",
        "a name of 1 to 32 small letters, digits and _, a letter first; not default, not fallback",
    ),
    16,
)
_EMAIL = kinds.text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")
_DOMAIN = kinds.text(
    r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?",
    "a host name in lower case",
)


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

    name: Annotated[str, _DOMAIN]
    """Host name of the endpoint; the certificate is for it."""
    alternative_names: Annotated[tuple[str, ...], kinds.many(_DOMAIN, 0, 9)] = ()
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
    ca_path: Annotated[str | None, kinds.optional(_NAME)] = None
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


class RecognisersElsewhere(Section):
    """Recognisers that gateways reach over the network."""

    endpoints: Annotated[tuple[str, ...], kinds.many(_ENDPOINT, 1, 8)]
    """The recognisers."""
    cidrs: Annotated[tuple[str, ...], kinds.many(kinds.cidr(32, 16), 1, 4)]
    """Ranges they are in; machines may go out to these."""
    tls: Annotated[RecogniserTls, kinds.one_of("none", "public_ca", "private_ca", "mutual")] = (
        "none"
    )
    """How gateways speak to them: none, in clear; public_ca, by TLS, with the certificates every
    system trusts; private_ca, by TLS, with the CA in the secret riva_tls_ca; mutual, the same and
    the gateway shows riva_tls_certificate."""
    server_name: Annotated[str | None, kinds.optional(_DOMAIN)] = None
    """Name in their certificate, where it is not the host's."""


class FallbackSettings(RecognisersElsewhere):
    """Recognisers outside both groups, for `perch recognition fallback`.

    RIVA_FALLBACK_ENDPOINTS of every gateway.
    """


class LanguageGroup(RecognisersElsewhere):
    """Recognisers elsewhere that serve languages of their own, under a name of your own.

    Together RIVA_GROUPS of the colour's gateways. A session goes to the group of its language,
    every other one to the machine's own recogniser.
    """

    languages: Annotated[tuple[str, ...], kinds.many(_LANGUAGE, 1, 64)]
    """Their languages; none may be in two groups of a colour, nor be the gateway's own."""
    model: Annotated[str, _MODEL] = ""
    """Model they are asked for; empty: their own choice."""
    streams: Annotated[int | None, kinds.optional(kinds.whole(0, 10_000))] = None
    """Streams each takes at a time, as measured; null: gateway.riva_streams."""


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
    """Whether clients must show a token; the secret gateway_signing_key must then be filled."""
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
    environment: Annotated[Mapping[str, str], VARIABLES] = Field(default_factory=dict)
    """Further environment variables of the gateway, nothing secret."""


class ColourSettings(Section):
    """One of the two groups of machines."""

    image: Annotated[str, _NAME]
    """Recogniser image with a pinned tag or digest, such as
    nvcr.io/nim/nvidia/parakeet-1-1b-rnnt-multilingual:1.5.0."""
    runtime: Annotated[Runtime, kinds.one_of("nim", "riva")] = "nim"
    """nim: a Speech NIM container; riva: a classic Riva server."""
    selector: Annotated[
        str, kinds.text(r"[\w.\-=,]{0,256}", "a NIM_TAGS_SELECTOR such as mode=str,vad=silero")
    ] = "mode=str"
    """NIM_TAGS_SELECTOR; it must name a mode."""
    model: Annotated[str, _MODEL] = ""
    """Model the gateway asks for; empty: the server's own choice."""
    language_groups: Annotated[Mapping[str, LanguageGroup], _GROUPS] = Field(default_factory=dict)
    """Recognisers elsewhere for further languages, by name; docs/deploy.md has an example."""
    recogniser_environment: Annotated[Mapping[str, str], VARIABLES] = Field(default_factory=dict)
    """Further environment variables of the recogniser, nothing secret, such as NIM_EXPORT_PATH."""
    ngc_key: Flag = True
    """Whether machines fetch ngc_api_key; false: the image is in another registry and the models
    are in the cache."""
    rmirs: Annotated[
        tuple[str, ...],
        kinds.many(kinds.text(r"[\w./\-]{1,200}\.rmir", "a key that ends in .rmir"), 0, 8),
    ] = ()
    """For riva: keys of RMIR files in the stack's artefact bucket, which the first machine
    deploys and the others take from the cache."""
    gateway_tag: Annotated[
        str | None,
        kinds.optional(kinds.text(r"[A-Za-z0-9_][A-Za-z0-9._\-]{0,127}", "an image tag")),
    ] = None
    """Tag of the gateway's image in the stack's own ECR repository."""
    gateway_bundle: Annotated[
        str | None,
        kinds.optional(kinds.text(r"[\w./+\-]{1,200}\.tar\.gz", "a key that ends in .tar.gz")),
    ] = None
    """Instead of an image: key of a bundle of wheels in the stack's artefact bucket."""
    gateway_sha256: Annotated[
        str | None, kinds.optional(kinds.text(r"[0-9a-f]{64}", "64 lower-case hex digits"))
    ] = None
    """SHA-256 of that bundle."""
    instance_types: Annotated[
        tuple[str, ...], kinds.many(kinds.text(r"[a-z0-9\-]+\.[a-z0-9]+", "an instance type"), 1, 8)
    ] = ("g6.2xlarge", "g6.4xlarge")
    """Instance types in order of preference; all of one GPU architecture, for the model cache."""
    min_machines: Annotated[int, kinds.whole(0, 100)] = 0
    """Fewest machines."""
    max_machines: Annotated[int, kinds.whole(0, 100)] = 2
    """Most machines."""
    start_machines: Annotated[int, kinds.whole(0, 100)] = 0
    """Machines started with the colour and held in office hours; min_machines if that is more."""
    spot_percent: Annotated[int, kinds.whole(0, 100, "percent")] = 0
    """Share of spot machines above on_demand_base: cheaper, and taken back by AWS within two
    minutes, whatever gateway.drain_seconds is."""
    on_demand_base: Annotated[int, kinds.whole(0, 100)] = 0
    """Machines that are never spot ones."""
    weight: Annotated[int, kinds.whole(0, 100)]
    """Share of new sessions when the listener is made; afterwards `perch canary` owns it."""
    volume_gib: Annotated[int, kinds.whole(200, 16384, "GiB")] = 200
    """Size of the encrypted root volume."""
    snapshot_id: Annotated[str | None, kinds.optional(kinds.aws_id("snap"))] = None
    """Encrypted snapshot of a volume with image and models, of which each machine gets a volume of
    volume_gib; docs/cold-start.md has how one is made. null: machines fetch both."""
    snapshot_mib_per_second: Annotated[
        int | None, kinds.optional(kinds.whole(100, 300, "MiB/s"))
    ] = None
    """Rate at which AWS brings what the snapshot holds to that volume, for a price per GiB; null:
    as it is read, at no promised rate."""
    instance_store: Flag = True
    """Whether models and images lie on the machine's own NVMe disk where it has one, unless a
    snapshot brings them. What lies there is gone when the machine is stopped."""
    ami_parameter: Annotated[
        str, kinds.text(r"/[\w.\-/]{1,512}(?::\d+)?", "the name of an SSM parameter")
    ] = DLAMI_PARAMETER
    """SSM parameter that names the current AMI; asked at each deployment where ami_id is null, and
    by `perch ami`."""
    ami_id: Annotated[str | None, kinds.optional(kinds.aws_id("ami"))] = None
    """The AMI itself; it may be null where disposable alone. `perch ami --pin` writes it."""
    gateway_port: Port = 8080
    """Port of the gateway on the machine."""
    riva_grpc_port: Port = 50051
    """Port of the recogniser's gRPC on the machine."""
    riva_http_port: Port = 9000
    """Port of the recogniser's HTTP health on the machine."""


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
