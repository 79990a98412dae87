"""What a machine must be told before it starts: plain values, checked together."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

AsrKind = Literal["nim", "riva"]
Colour = Literal["blue", "green"]

MIN_DRIVER: Final[Mapping[AsrKind, str]] = {"nim": "535", "riva": "570.86"}
"""Oldest NVIDIA driver: 535 by the NIM support matrix, 570.86 for Riva server 2.19."""

# Ports Triton takes for itself inside the container (8000-8002) are refused for NIM's HTTP API: the
# container would restart for ever, each time with an engine load in between.
_TRITON_PORTS: Final = frozenset({8000, 8001, 8002})
EXPORTER_PORT: Final = 9400
"""Loopback port of the GPU and host metrics."""
EMF_PORT: Final = 25888
"""Loopback port on which the CloudWatch agent takes embedded metrics; AWS's own default."""
ADMIN_PORT: Final = 9401
"""The gateway's administrative listener, where the exporter asks for its gauges; loopback only."""
_HOST_PORTS: Final = frozenset({EXPORTER_PORT, EMF_PORT, ADMIN_PORT})

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_IMAGE = re.compile(
    r"(?P<repository>[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+)"
    r"(:(?P<tag>\w[\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_SELECTOR = re.compile(r"([a-z_]+=[A-Za-z0-9._-]+)(,[a-z_]+=[A-Za-z0-9._-]+)*")
_SECRET_ARN = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+", re.ASCII
)
_PARAMETER = re.compile(r"(/[\w.-]{1,128}){1,15}", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUNDLE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[\w./+-]+\.tar\.gz", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LOG_GROUP = re.compile(r"[\w./#-]{1,512}", re.ASCII)
_AWS_NAME = re.compile(r"[\w./-]{1,255}", re.ASCII)
_NAMESPACE = re.compile(r"(?!AWS/)[\w./#-]{1,255}", re.ASCII)
_VERSION = re.compile(r"\d+(\.\d+){0,3}")
_CAPABILITY = re.compile(r"\d+\.\d")
_ENV_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
OWN_GATEWAY_VARIABLES: Final = frozenset(
    {
        "APP_ADMIN_HOST",
        "APP_ADMIN_PORT",
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
    }
)
"""What the machine decides for its gateway. It has no TLS: the load balancer ends it."""

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|SECRETS?|TOKENS?|CREDENTIALS?|(?:API|PRIVATE|RESUME)_?KEYS?)(?:_|$)"
)
# A path or a lifetime may be named after a secret without being one.
_HARMLESS_SUFFIX = re.compile(
    r"_(?:FILE|PATH|DIR|SECONDS|MS|ARN|URL|ISSUER|AUDIENCE|ALGORITHM|REQUIRED|HEADER)$"
)


class MachineSettingsError(ValueError):
    """Boot settings that no machine could start with.

    Attributes:
        problems: one sentence a problem, each naming the field, the value and what is accepted.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("boot settings: " + "; ".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSettings:
    """One colour's machines, as plain values.

    The Pulumi program calls this inside `Output.apply`, with every output resolved. Nothing here is
    a secret: secrets are named by ARN, and the machine fetches them itself with its instance role.

    Attributes:
        region: AWS region of the machine.
        environment: the stack's name, a dimension of every metric.
        colour: which of the two groups the machine belongs to, likewise.
        kind: `nim` runs a Speech NIM container, `riva` a classic Riva server with prepared models.
        image: the recogniser's image with tag or digest, never `latest`.
        tags_selector: NIM_TAGS_SELECTOR; for `riva`, a label that tells one set of prepared models
            from another.
        gateway_port: where the load balancer reaches the gateway; the only port open beyond the
            machine itself.
        riva_grpc_port: gRPC on loopback.
        riva_http_port: the HTTP API (NIM) or Triton's HTTP (Riva) on loopback; NIM cannot use
            8000-8002.
        auto_scaling_group_name: whose lifecycle actions the machine completes.
        launch_hook_name: completed when the gateway is ready, abandoned when the boot fails.
        termination_hook_name: completed when the gateway has drained.
        ngc_key_secret_arn: secret with the NGC key as its plain string; None when image and models
            need none.
        gateway_secrets: environment variable of the gateway -> ARN of the secret whose string is
            its value.
        gateway_secret_files: file name under /run/perch/files -> ARN of the secret whose string is
            its content.
        gateway_environment: further environment of the gateway, nothing secret.
        recognition_parameter: SSM parameter that says on, off or fallback, and is followed.
        gateway_artifact: `s3://bucket/key.tar.gz` made by `app/bundle`, or a container image
            reference.
        gateway_artifact_sha256: of the bundle, 64 hex digits; None only for an image.
        model_cache_bucket: where built models are kept between machines.
        boot_log_bucket: where the log of a failed boot goes; None means the model cache bucket.
        gateway_log_group: CloudWatch log group of the gateway.
        asr_log_group: of the recogniser.
        system_log_group: of everything else on the host.
        metrics_namespace: CloudWatch namespace of the host's and the gateway's metrics.
        drain_deadline_seconds: how long open sessions may finish; systemd kills the gateway 30 s
            later.
        ready_deadline_seconds: from the start of the units to a ready gateway. 2700 leaves room
            over the 40 min that a first start of a NIM with an empty cache is given.
        min_driver_version: None takes `MIN_DRIVER` of the kind.
        min_compute_capability: 8.0 is the floor of Speech NIM 26.x; 7.5 (T4) works with old pinned
            tags only.
        min_gpu_memory_mib: least memory of GPU 0. 15000 lets in cards sold as 16 GB, which report a
            little less.
        min_free_disk_gib: free space wanted before an image is pulled: three times the 20 GB of the
            largest seen.
    """

    region: str
    environment: str
    colour: Colour
    kind: AsrKind = "nim"
    image: str
    tags_selector: str
    gateway_port: int = 8080
    riva_grpc_port: int = 50051
    riva_http_port: int = 9000
    auto_scaling_group_name: str
    launch_hook_name: str
    termination_hook_name: str
    ngc_key_secret_arn: str | None
    gateway_secrets: Mapping[str, str] = field(default_factory=dict)
    gateway_secret_files: Mapping[str, str] = field(default_factory=dict)
    gateway_environment: Mapping[str, str] = field(default_factory=dict)
    recognition_parameter: str
    gateway_artifact: str
    gateway_artifact_sha256: str | None = None
    model_cache_bucket: str
    boot_log_bucket: str | None = None
    gateway_log_group: str
    asr_log_group: str
    system_log_group: str
    metrics_namespace: str = "Perch"
    drain_deadline_seconds: int = 300
    ready_deadline_seconds: int = 2700
    min_driver_version: str | None = None
    min_compute_capability: str = "8.0"
    min_gpu_memory_mib: int = 15_000
    min_free_disk_gib: int = 60

    def __post_init__(self) -> None:
        """Refuse settings that cannot work.

        Raises:
            MachineSettingsError: naming every problem, not only the first.
        """
        problems = tuple(_problems(self))
        if problems:
            raise MachineSettingsError(problems)

    @property
    def gateway_is_image(self) -> bool:
        """Whether the gateway runs as a container instead of from a bundle of wheels."""
        return not self.gateway_artifact.startswith("s3://")

    @property
    def driver_floor(self) -> str:
        """The oldest driver version accepted, as nvidia-smi writes versions."""
        return self.min_driver_version or MIN_DRIVER[self.kind]


def _problems(settings: MachineSettings) -> Iterator[str]:
    yield from _choices(settings)
    yield from _shapes(settings)
    yield from _images(settings)
    yield from _numbers(settings)
    yield from _ports(settings)
    yield from _gateway_maps(settings)


def _choices(settings: MachineSettings) -> Iterator[str]:
    for name, accepted in (("kind", get_args(AsrKind)), ("colour", get_args(Colour))):
        value = getattr(settings, name)
        if value not in accepted:
            yield f"{name}: {value!r} is not one of {', '.join(accepted)}"


_SHAPES: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    ("region", _REGION, "an AWS region such as eu-central-1"),
    ("environment", _LABEL, "lower-case letters, digits and inner hyphens, at most 63"),
    ("tags_selector", _SELECTOR, "key=value pairs joined by commas, such as mode=str,vad=silero"),
    ("auto_scaling_group_name", _AWS_NAME, "letters, digits and _ . / -, at most 255"),
    ("launch_hook_name", _AWS_NAME, "letters, digits and _ . / -, at most 255"),
    ("termination_hook_name", _AWS_NAME, "letters, digits and _ . / -, at most 255"),
    ("ngc_key_secret_arn", _SECRET_ARN, "the ARN of a Secrets Manager secret, or None"),
    ("recognition_parameter", _PARAMETER, "the name of an SSM parameter such as /a/b"),
    ("model_cache_bucket", _BUCKET, "a bucket's name"),
    ("boot_log_bucket", _BUCKET, "a bucket's name, or None"),
    ("gateway_log_group", _LOG_GROUP, "a log group's name"),
    ("asr_log_group", _LOG_GROUP, "a log group's name"),
    ("system_log_group", _LOG_GROUP, "a log group's name"),
    ("metrics_namespace", _NAMESPACE, "a CloudWatch namespace that does not start with AWS/"),
    ("min_driver_version", _VERSION, "numbers joined by dots such as 570.86, or None"),
    ("min_compute_capability", _CAPABILITY, "major.minor such as 8.0"),
)


def _shapes(settings: MachineSettings) -> Iterator[str]:
    optional = {"ngc_key_secret_arn", "boot_log_bucket", "min_driver_version"}
    for name, shape, accepted in _SHAPES:
        value = getattr(settings, name)
        if value is None and name in optional:
            continue
        if not isinstance(value, str) or not shape.fullmatch(value):
            yield f"{name}: {value!r} is not accepted; give {accepted}"


def image_tag(image: str) -> str | None:
    """The tag of an image reference; None where it has none or is no reference."""
    match = _IMAGE.fullmatch(image)
    return match["tag"] if match else None


def _pinned(name: str, image: str) -> Iterator[str]:
    accepted = "registry/name:tag or registry/name@sha256:digest, never :latest"
    match = _IMAGE.fullmatch(image)
    if not match:
        yield f"{name}: {image!r} is not an image reference; give {accepted}"
    elif match["tag"] == "latest" or (match["tag"] is None and "@" not in image):
        yield f"{name}: {image!r} names no fixed version; give {accepted}"


def _images(settings: MachineSettings) -> Iterator[str]:
    yield from _pinned("image", settings.image)
    digest = settings.gateway_artifact_sha256
    if settings.gateway_is_image:
        yield from _pinned("gateway_artifact", settings.gateway_artifact)
        if digest is not None:
            yield (
                f"gateway_artifact_sha256: {digest!r} with an image; "
                "leave it out and pin the image by its own digest"
            )
        return
    if not _BUNDLE.fullmatch(settings.gateway_artifact):
        yield (
            f"gateway_artifact: {settings.gateway_artifact!r} is not accepted; "
            "give s3://bucket/key.tar.gz or an image reference"
        )
    if digest is None or not _SHA256.fullmatch(digest):
        yield (
            f"gateway_artifact_sha256: {digest!r} is not accepted; "
            "a bundle needs its 64 lower-case hex digits"
        )


_NUMBERS: Final[tuple[tuple[str, int, int, str], ...]] = (
    ("gateway_port", 1024, 65535, ""),
    ("riva_grpc_port", 1024, 65535, ""),
    ("riva_http_port", 1024, 65535, ""),
    ("drain_deadline_seconds", 1, 3600, " s"),  # an ALB deregisters within an hour at most
    (
        "ready_deadline_seconds",
        60,
        7200,
        " s",
    ),  # a lifecycle hook waits two hours for a heartbeat at most
    ("min_gpu_memory_mib", 1, 1_000_000, " MiB"),
    ("min_free_disk_gib", 1, 16_384, " GiB"),  # the largest gp3 volume
)


def _numbers(settings: MachineSettings) -> Iterator[str]:
    for name, least, most, unit in _NUMBERS:
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            yield f"{name}: {value!r} is not a whole number from {least} to {most}{unit}"


def _ports(settings: MachineSettings) -> Iterator[str]:
    ports = {
        name: getattr(settings, name)
        for name in ("gateway_port", "riva_grpc_port", "riva_http_port")
    }
    if len(set(ports.values())) < len(ports):
        yield (
            "ports: "
            + ", ".join(f"{name} {port}" for name, port in ports.items())
            + " must all differ"
        )
    for name, port in ports.items():
        if port in _HOST_PORTS:
            yield f"{name}: {port} is taken on the machine; leave out {sorted(_HOST_PORTS)}"
    for name in ("riva_grpc_port", "riva_http_port"):
        if settings.kind == "nim" and ports[name] in _TRITON_PORTS:
            yield (
                f"{name}: {ports[name]} is Triton's own port inside a NIM; "
                f"leave out {sorted(_TRITON_PORTS)}"
            )


def _gateway_maps(settings: MachineSettings) -> Iterator[str]:
    yield from _entries("gateway_secrets", settings.gateway_secrets, _ENV_NAME, _is_secret_arn)
    yield from _entries(
        "gateway_secret_files", settings.gateway_secret_files, _FILE_NAME, _is_secret_arn
    )
    yield from _entries("gateway_environment", settings.gateway_environment, _ENV_NAME, _is_plain)
    for source in ("gateway_environment", "gateway_secrets"):
        for name in sorted(OWN_GATEWAY_VARIABLES.intersection(getattr(settings, source))):
            yield f"{source}: {name} is set by the machine itself; leave it out"
    for name in sorted(set(settings.gateway_environment) & set(settings.gateway_secrets)):
        yield f"gateway_environment: {name} is also in gateway_secrets; keep one"
    for name in settings.gateway_environment:
        if _SECRET_NAME.search(name) and not _HARMLESS_SUFFIX.search(name):
            yield (
                f"gateway_environment: {name} is named like a secret; "
                "give its ARN in gateway_secrets"
            )


def _is_secret_arn(value: str) -> str | None:
    return (
        None
        if _SECRET_ARN.fullmatch(value)
        else f"{value!r} is not the ARN of a Secrets Manager secret"
    )


def _is_plain(value: str) -> str | None:
    # The value itself stays out of the sentence: somebody may have put a secret where none belongs.
    return None if _PRINTABLE.fullmatch(value) else "the value is not one line of printable ASCII"


def _entries(
    name: str,
    entries: Mapping[str, str],
    key_shape: re.Pattern[str],
    complaint: Callable[[str], str | None],
) -> Iterator[str]:
    for key, value in entries.items():
        if not key_shape.fullmatch(key):
            yield f"{name}: the name {key!r} does not match {key_shape.pattern}"
        problem = complaint(value)
        if problem:
            yield f"{name}.{key}: {problem}"
