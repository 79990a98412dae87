"""What a machine is told before it starts: one schema of plain values, checked together."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import Field

from infra.catalogue.models import parse_reference
from infra.reading import kinds
from infra.reading.reader import Section, Unread, read

AsrKind = Literal["nim", "riva"]
AsrTls = Literal["off", "tls", "mtls"]

MIN_DRIVER: Final[Mapping[AsrKind, str]] = {"nim": "535", "riva": "570.86"}
"""Oldest NVIDIA driver: 535 by the NIM support matrix, 570.86 for Riva server 2.19."""
MIN_GPU_MEMORY_MIB: Final = 15_000
"""Least memory of GPU 0; lets in cards sold as 16 GB, which report a little less."""
MIN_FREE_DISK_GIB: Final = 60
"""Free space wanted before an image is pulled: three times the 20 GB of the largest seen."""
READY_SECONDS: Final = 2700
"""From the start of the units to a ready gateway, unless a stack says otherwise. A first start may
take 2400 s (`infra.catalogue.models`); the rest is for the image's pull."""
LONGEST_READY_SECONDS: Final = 6600
"""A group waits for a hook's heartbeat 7200 s at most (EC2 Auto Scaling User Guide)."""
BOOT_SECONDS: Final = 600
"""How long a group waits for a machine beyond that: for its boot and updates of agents."""
PATIENCE_SECONDS: Final = 600
"""How long a boot asks again for what may still come: rights of a role that was made a moment ago
("changes that I make are not always immediately visible", IAM User Guide), a secret's value that
a person puts by hand. Part of READY_SECONDS."""
LAUNCH_HOOK: Final = "ready"
"""Lifecycle hook a starting machine completes once its gateway is ready, or abandons."""
TERMINATION_HOOK: Final = "drained"
"""Lifecycle hook a leaving machine completes once its sessions are over."""
METRICS_NAMESPACE: Final = "Perch"
"""CloudWatch namespace of the machines' and the gateway's own metrics."""

EXPORTER_PORT: Final = 9400
"""Loopback port of the GPU and host metrics."""
EMF_PORT: Final = 25888
"""Loopback port on which the CloudWatch agent takes embedded metrics; AWS's own default."""
ADMIN_PORT: Final = 9401
"""The gateway's administrative listener, where the exporter asks for its gauges; loopback only."""
_HOST_PORTS: Final = frozenset({EXPORTER_PORT, EMF_PORT, ADMIN_PORT})
# Ports Triton takes for itself inside the container are refused for NIM's HTTP API: the container
# would restart for ever, each time with an engine load in between.
_TRITON_PORTS: Final = frozenset({8000, 8001, 8002})

OWN_GATEWAY_VARIABLES: Final = frozenset(
    {
        "APP_ADMIN_HOST",
        "APP_ADMIN_PORT",
        "APP_COLOUR",
        "APP_DRAIN_TIMEOUT_S",
        "APP_HOST",
        "APP_PORT",
        "APP_RECOGNITION_FILE",
        "APP_SSL_CERT",
        "APP_SSL_KEY",
        "RIVA_HOST",
        "RIVA_HTTP_PORT",
        "RIVA_HTTP_READY_PATH",
        "RIVA_PORT",
        "RIVA_SSL",
    }
)
"""What the machine decides for its gateway."""

OWN_RECOGNISER_VARIABLES: Final = frozenset(
    {
        "NGC_API_KEY",
        "NIM_CACHE_PATH",
        "NIM_GRPC_API_PORT",
        "NIM_HTTP_API_PORT",
        *(
            f"NIM_SSL_{word}"
            for word in ("MODE", "KEY_PATH", "CERT_PATH", "CERTS_PATH", "CA_CERTS_PATH")
        ),
        "NIM_TAGS_SELECTOR",
        "NVIDIA_VISIBLE_DEVICES",
    }
)
"""What the machine decides for its recogniser."""
MODELS_IN_CONTAINER: Final[Mapping[AsrKind, str]] = {"nim": "/opt/nim/.cache", "riva": "/data"}
"""Where the recogniser finds the folder of models that is kept between machines."""

_PINNED: Final = "registry/name:tag or registry/name@sha256:digest, never :latest"
_SECRET: Final = r"(?a:arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+)"  # noqa: S105 - a pattern
_BUNDLE: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?a:[\w./+-]+)\.tar\.gz")
_RMIR: Final = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?a:[\w./-]+)\.rmir"
_ENV_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
_FILE_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
_SECRET_NAME: Final = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|SECRETS?|TOKENS?|CREDENTIALS?|(?:API|PRIVATE|RESUME)_?KEYS?|HEADERS)(?:_|$)"
)
# A path or a lifetime may be named after a secret without being one.
_HARMLESS_SUFFIX: Final = re.compile(
    r"_(?:FILE|PATH|DIR|SECONDS|MS|ARN|URL|ISSUER|AUDIENCE|ALGORITHM|REQUIRED|HEADER)$"
)

_ANY_TEXT = kinds.text(r"(?s:.*)", "text")
_Texts = Annotated[Mapping[str, str], kinds.table(_ANY_TEXT, _ANY_TEXT, most=1000)]
_Port = Annotated[int, kinds.whole(1024, 65535, typed=True)]
_Parameter = Annotated[
    str, kinds.text(r"(?a:(/[\w.-]{1,128}){1,15})", "the name of an SSM parameter such as /a/b")
]
_LogGroup = Annotated[str, kinds.text(r"(?a:[\w./#-]{1,512})", "a log group's name")]


class MachineSettingsError(ValueError):
    """Settings that no machine could start with.

    Attributes:
        problems: one sentence a problem, each naming the field, the value and what is accepted.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("boot settings: " + "; ".join(problems))


class MachineSettings(Section):
    """One colour's machines, as plain values.

    Nothing here is a secret: secrets are named by ARN, and the machine fetches them itself with its
    instance role.
    """

    region: Annotated[
        str, kinds.text(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region such as eu-central-1")
    ]
    """AWS region of the machine."""
    environment: Annotated[
        str,
        kinds.text(
            r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
            "lower-case letters, digits and inner hyphens, at most 63",
        ),
    ]
    """The stack's name, a dimension of every metric."""
    colour: Annotated[Literal["blue", "green"], kinds.one_of("blue", "green")]
    """Which of the two groups the machine belongs to, likewise."""
    kind: Annotated[AsrKind, kinds.one_of("nim", "riva")] = "nim"
    """`nim` runs a Speech NIM container, `riva` a classic Riva server with prepared models."""
    image: Annotated[str, kinds.checked(parse_reference, f"an image reference; give {_PINNED}")]
    """The recogniser's image with tag or digest, never `latest`."""
    tags_selector: Annotated[
        str,
        kinds.text(
            r"([a-z_]+=[A-Za-z0-9._-]+)(,[a-z_]+=[A-Za-z0-9._-]+)*",
            "key=value pairs joined by commas, such as mode=str,vad=silero",
        ),
    ]
    """NIM_TAGS_SELECTOR; for `riva`, a label that tells one set of prepared models from another."""
    gateway_port: _Port = 8080
    """Where the load balancer reaches the gateway; the only port open beyond the machine itself."""
    riva_grpc_port: _Port = 50051
    """gRPC on loopback."""
    riva_http_port: _Port = 9000
    """The HTTP API (NIM) or Triton's HTTP (Riva) on loopback; NIM cannot use 8000-8002."""
    recogniser_environment: _Texts = Field(default_factory=dict)
    """Further environment of the recogniser's container, nothing secret."""
    rmirs: Annotated[
        tuple[str, ...],
        kinds.many(kinds.text(_RMIR, "the S3 address of an .rmir file"), 0, 8),
    ] = ()
    """For `riva`: s3://bucket/name.rmir, deployed where the cache has no models yet."""
    auto_scaling_group_name: Annotated[
        str, kinds.text(r"(?a:[\w./-]{1,255})", "letters, digits and _ . / -, at most 255")
    ]
    """Whose lifecycle actions the machine completes."""
    ngc_key_secret_arn: Annotated[
        str | None,
        kinds.optional(kinds.text(_SECRET, "the ARN of a Secrets Manager secret")),
    ]
    """Secret with the NGC key as its plain string; None when image and models need none."""
    gateway_tls_secret_arn: Annotated[
        str, kinds.text(_SECRET, "the ARN of a Secrets Manager secret")
    ]
    """Secret with the gateway's key and certificate, and its authority's, in one PEM text."""
    recogniser_tls: Annotated[AsrTls, kinds.one_of("off", "tls", "mtls")] = "off"
    """How the gateway speaks to the recogniser: in clear, by TLS, by TLS of both."""
    recogniser_tls_secret_arn: Annotated[
        str | None, kinds.optional(kinds.text(_SECRET, "the ARN of a Secrets Manager secret"))
    ] = None
    """Secret with the recogniser's key and certificate, and its authority's, likewise; None where
    it is asked in clear."""
    gateway_secret_files: _Texts = Field(default_factory=dict)
    """File name under /run/perch/files -> ARN of the secret whose string is its content."""
    gateway_environment: _Texts = Field(default_factory=dict)
    """Environment of the gateway that follows from the stack, nothing secret."""
    recognition_parameter: _Parameter
    """SSM parameter that says on, off or fallback, and is followed."""
    secrets_version_parameter: _Parameter
    """SSM parameter that says something else whenever secrets are to be fetched again."""
    gateway_artifact: Annotated[str, _ANY_TEXT]
    """`s3://bucket/key.tar.gz` made by `app/bundle`, or a container image reference."""
    gateway_artifact_sha256: Annotated[
        str | None, kinds.optional(kinds.text(r"[0-9a-f]{64}", "64 lower-case hex digits"))
    ] = None
    """Of the bundle, 64 hex digits; None only for an image."""
    model_cache_bucket: Annotated[
        str, kinds.text(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name")
    ]
    """Where built models are kept between machines, and the logs of failed boots."""
    artefact_bucket: Annotated[
        str, kinds.text(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name")
    ]
    """Where programs are that user data has no room for."""
    gateway_log_group: _LogGroup
    """CloudWatch log group of the gateway."""
    asr_log_group: _LogGroup
    """Of the recogniser."""
    system_log_group: _LogGroup
    """Of everything else on the host."""
    # An ALB deregisters within an hour at most.
    drain_deadline_seconds: Annotated[int, kinds.whole(1, 3600, "s", typed=True)] = 300
    """How long open sessions may finish; systemd kills the gateway 30 s later."""
    # Less than the shortest start with models at hand would start machines for ever.
    ready_seconds: Annotated[int, kinds.whole(600, LONGEST_READY_SECONDS, "s", typed=True)] = (
        READY_SECONDS
    )
    """From the start of the units to a ready gateway; then the machine gives up."""
    snapshot_id: Annotated[str | None, kinds.optional(kinds.aws_id("snap"))] = None
    """Of the volume that brings image and models; None where the machine has no such volume."""
    instance_store: Annotated[bool, kinds.flag()] = True
    """Whether the instance's own NVMe disk is used where there is one."""
    scrape_cidrs: Annotated[tuple[str, ...], kinds.many(kinds.cidr(32, 8), 0, 4)] = ()
    """Ranges from which the exporter answers; empty: on loopback alone."""
    min_compute_capability: Annotated[str, kinds.text(r"\d+\.\d", "major.minor such as 8.0")] = (
        "8.0"
    )
    """8.0 is the floor of Speech NIM 26.x; 7.5 (T4) works with old pinned tags only."""

    @property
    def recogniser_is_asked_by_tls(self) -> bool:
        """Whether the recogniser's gRPC port, its only open one then, speaks TLS."""
        return self.recogniser_tls != "off"

    @property
    def gateway_is_image(self) -> bool:
        """Whether the gateway runs as a container instead of from a bundle of wheels."""
        return not self.gateway_artifact.startswith("s3://")


def machine_settings(**values: object) -> MachineSettings:
    """Check what a machine is told.

    Raises:
        MachineSettingsError: No machine could start with it; names every problem.
    """
    settings, problems = read(MachineSettings, values, written=repr)
    sentences = [f"{found.key}: {found.value} is not {found.accepted}" for found in problems]
    for rule in (_image, _gateway_artifact, _ports, _gateway_maps, _recogniser):
        try:
            sentences.extend(rule(settings))
        except Unread:
            continue
    if sentences:
        raise MachineSettingsError(tuple(sentences))
    return settings


def _image(settings: MachineSettings) -> Iterator[str]:
    yield from _unpinned("image", settings.image)


def _unpinned(name: str, image: str) -> Iterator[str]:
    reference = parse_reference(image)
    if reference.tag == "latest" or (reference.tag is None and reference.digest is None):
        yield f"{name}: {image!r} names no fixed version; give {_PINNED}"


def _gateway_artifact(settings: MachineSettings) -> Iterator[str]:
    artifact, digest = settings.gateway_artifact, settings.gateway_artifact_sha256
    if not settings.gateway_is_image:
        if not _BUNDLE.fullmatch(artifact):
            yield (
                f"gateway_artifact: {artifact!r} is not accepted; "
                "give s3://bucket/key.tar.gz or an image reference"
            )
        if digest is None:
            yield "gateway_artifact_sha256: a bundle needs its 64 lower-case hex digits"
        return
    try:
        yield from _unpinned("gateway_artifact", artifact)
    except ValueError:
        yield f"gateway_artifact: {artifact!r} is not an image reference; give {_PINNED}"
    if digest is not None:
        yield (
            f"gateway_artifact_sha256: {digest!r} with an image; "
            "leave it out and pin the image by its own digest"
        )


def _ports(settings: MachineSettings) -> Iterator[str]:
    names = ("gateway_port", "riva_grpc_port", "riva_http_port")
    ports: dict[str, int] = {name: getattr(settings, name) for name in names}
    if len(set(ports.values())) < len(ports):
        listed = ", ".join(f"{name} {port}" for name, port in ports.items())
        yield f"ports: {listed} must all differ"
    for name, port in ports.items():
        if port in _HOST_PORTS:
            yield f"{name}: {port} is taken on the machine; leave out {sorted(_HOST_PORTS)}"
        if settings.kind == "nim" and name != "gateway_port" and port in _TRITON_PORTS:
            yield (
                f"{name}: {port} is Triton's own port inside a NIM; "
                f"leave out {sorted(_TRITON_PORTS)}"
            )


def _gateway_maps(settings: MachineSettings) -> Iterator[str]:
    for name, arn in settings.gateway_secret_files.items():
        yield from _misnamed("gateway_secret_files", name, _FILE_NAME)
        if not re.fullmatch(_SECRET, arn):
            yield f"gateway_secret_files.{name}: {arn!r} is not the ARN of a secret"
    yield from _variables(
        "gateway_environment", settings.gateway_environment, OWN_GATEWAY_VARIABLES
    )


def _recogniser(settings: MachineSettings) -> Iterator[str]:
    given = settings.recogniser_environment
    yield from _variables("recogniser_environment", given, OWN_RECOGNISER_VARIABLES)
    kept = MODELS_IN_CONTAINER[settings.kind]
    export = given.get("NIM_EXPORT_PATH")
    if export is not None and not re.fullmatch(rf"{re.escape(kept)}/[a-z0-9_-]+", export):
        yield (
            f"recogniser_environment.NIM_EXPORT_PATH: {export!r} is not kept between machines; "
            f"give a folder right below {kept}, such as {kept}/export"
        )
    if export is not None and given.get("NIM_DISABLE_MODEL_DOWNLOAD") not in {"true", "1"}:
        yield (
            "recogniser_environment.NIM_EXPORT_PATH: a NIM would export at every start and end; "
            "give NIM_DISABLE_MODEL_DOWNLOAD true as well, and the machine exports once"
        )
    if settings.recogniser_is_asked_by_tls != (settings.recogniser_tls_secret_arn is not None):
        yield (
            f"recogniser_tls_secret_arn: {settings.recogniser_tls_secret_arn!r} with "
            f"recogniser_tls {settings.recogniser_tls!r}; give both, or off and none"
        )
    if settings.rmirs and settings.kind != "riva":
        yield "rmirs: a NIM brings its own models; leave it out, or kind riva"


def _variables(field: str, given: Mapping[str, str], own: frozenset[str]) -> Iterator[str]:
    for name, value in given.items():
        yield from _misnamed(field, name, _ENV_NAME)
        # The value itself stays out: somebody may have put a secret where none belongs.
        if not _PRINTABLE.fullmatch(value):
            yield f"{field}.{name}: the value is not one line of printable ASCII"
        if name in own:
            yield f"{field}: {name} is set by the machine itself; leave it out"
        elif _SECRET_NAME.search(name) and not _HARMLESS_SUFFIX.search(name):
            yield f"{field}: {name} is named like a secret; leave it out"


def _misnamed(entries: str, name: str, shape: re.Pattern[str]) -> Iterator[str]:
    if not shape.fullmatch(name):
        yield f"{entries}: the name {name!r} does not match {shape.pattern}"
