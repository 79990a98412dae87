"""What the machines of a colour are told, in plain values: checked before anything exists."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from infra.boot import MachineSettings, MachineSettingsError
from infra.boot.environment import RUN
from infra.catalogue import gpu
from infra.config.sections import Colour, ColourSettings, Settings
from infra.observability.alarm_table import METRICS_NAMESPACE

LAUNCH_HOOK: Final = "ready"
"""Lifecycle hook a starting machine completes once its gateway is ready."""

TERMINATION_HOOK: Final = "drained"
"""Lifecycle hook a leaving machine completes once its sessions are over."""

READY_SECONDS: Final = 2700
"""A first start may take 2400 s (`infra.catalogue.models`); the rest is for the image's pull."""

HOOK_MARGIN_SECONDS: Final = 600
"""Boot, updates of agents and the gateway itself, around the recogniser's start."""

TOKENS_FILE: Final = "auth-tokens"
"""File in the gateway's secret folder that holds what it checks clients' tokens with."""

RESUME_KEYS_FILE: Final = "resume-keys"
"""File beside it with the keys that every gateway of the environment signs resume tokens with."""

LONGEST_GRACE_SECONDS: Final = 60
"""How long sessions go on by themselves in a drain. AWS takes a spot machine after two minutes: the
last results, 30 s of them at most, must have come before."""

WAITING_CLIENTS: Final = 50
"""Of the gateway's WS_WAITING_ROOM: each holds a connection."""


@dataclass(frozen=True, kw_only=True)
class BootContext:
    """What a machine is told of the stack around it, as plain text.

    Attributes:
        region: AWS region.
        environment: The stack's name.
        auto_scaling_group_name: The colour's group.
        ngc_key_arn: Secret with NVIDIA's registry key.
        tokens_arn: Secret with the clients' tokens.
        resume_keys_arn: Secret with the keys of resume tokens.
        recognition_parameter: SSM parameter that switches recognition.
        model_cache_bucket: Bucket of built models.
        gateway_artifact: Gateway image, or S3 address of its bundle.
        log_groups: gateway, asr, system -> log group.
    """

    region: str
    environment: str
    auto_scaling_group_name: str
    ngc_key_arn: str
    tokens_arn: str
    resume_keys_arn: str
    recognition_parameter: str
    model_cache_bucket: str
    gateway_artifact: str
    log_groups: Mapping[str, str]


def boot_settings(colour: Colour, settings: Settings, around: BootContext) -> MachineSettings:
    """What the machines of a colour are told.

    Raises:
        MachineSettingsError: No machine could start with it.
    """
    chosen = settings.colour(colour)
    return MachineSettings(
        region=around.region,
        environment=around.environment,
        colour=colour,
        kind=chosen.runtime,
        image=chosen.image,
        tags_selector=chosen.selector,
        gateway_port=chosen.gateway_port,
        riva_grpc_port=chosen.riva_grpc_port,
        riva_http_port=chosen.riva_http_port,
        auto_scaling_group_name=around.auto_scaling_group_name,
        launch_hook_name=LAUNCH_HOOK,
        termination_hook_name=TERMINATION_HOOK,
        ngc_key_secret_arn=around.ngc_key_arn,
        gateway_secret_files={
            RESUME_KEYS_FILE: around.resume_keys_arn,
            **({TOKENS_FILE: around.tokens_arn} if settings.gateway.tokens else {}),
        },
        recognition_parameter=around.recognition_parameter,
        gateway_environment=gateway_environment(settings, chosen),
        gateway_artifact=around.gateway_artifact,
        gateway_artifact_sha256=chosen.gateway_sha256,
        model_cache_bucket=around.model_cache_bucket,
        gateway_log_group=around.log_groups["gateway"],
        asr_log_group=around.log_groups["asr"],
        system_log_group=around.log_groups["system"],
        metrics_namespace=METRICS_NAMESPACE,
        drain_deadline_seconds=settings.gateway.drain_seconds,
        ready_deadline_seconds=READY_SECONDS,
        min_compute_capability=least_capability(chosen),
    )


def gateway_environment(settings: Settings, chosen: ColourSettings) -> dict[str, str]:
    """The gateway's variables that follow from the stack; the stack's own come last and win."""
    tokens = {"APP_AUTH_TOKENS_FILE": f"{RUN}/files/{TOKENS_FILE}"}
    # Of an adopted VPC the range is not known; there clients look like the load balancer.
    inside = "" if settings.network.adopt is not None else settings.network.cidr
    # Health checks of the load balancer ask by the machine's address, which is always accepted.
    names = (settings.domain.name, *settings.domain.alternative_names)
    # Where all clients look like one, no share of it may be kept from it.
    share = {} if inside or settings.gateway.tokens else {"WS_CLIENT_SHARE": "1"}
    return {
        "APP_ALLOWED_HOSTS": ",".join(names),
        "APP_TRUSTED_PROXIES": inside,
        "APP_DRAIN_GRACE_S": str(grace_seconds(settings)),
        "APP_RESUME_KEYS_FILE": f"{RUN}/files/{RESUME_KEYS_FILE}",
        "WS_PING_INTERVAL_S": str(settings.gateway.ping_seconds),
        "WS_MAX_CONCURRENT_SESSIONS": str(settings.gateway.max_sessions),
        # Twice the sessions, for who comes back holds his old connection for a while.
        "WS_MAX_CONNECTIONS": str(2 * settings.gateway.max_sessions + WAITING_CLIENTS),
        "RIVA_MODEL": chosen.model,
        "RIVA_ENDPOINT_STREAMS": str(settings.gateway.riva_streams),
        "RIVA_FALLBACK_ENDPOINTS": fallback_endpoints(settings) or "",
        **share,
        **(tokens if settings.gateway.tokens else {}),
        **settings.gateway.environment,
    }


def grace_seconds(settings: Settings) -> int:
    """How much of a drain sessions may go on by themselves; the rest is for their last results."""
    return min(LONGEST_GRACE_SECONDS, settings.gateway.drain_seconds // 2)


def fallback_endpoints(settings: Settings) -> str | None:
    """The stack's fallback as RIVA_FALLBACK_ENDPOINTS names it; None where it has none."""
    fallback = settings.gateway.fallback
    return None if fallback is None else ",".join(fallback.endpoints)


def fallback_ports(endpoints: Iterable[str]) -> set[int]:
    """TCP ports of endpoints of the form host:port/http_port; an http_port of 0 is none."""
    numbers = (endpoint.rpartition(":")[2].split("/") for endpoint in endpoints)
    return {int(port) for pair in numbers for port in pair} - {0}


def least_capability(chosen: ColourSettings) -> str:
    """Least compute capability a machine of the colour must have, as major.minor.

    The recogniser's floor, or less where an older GPU was chosen on purpose.
    """
    known = [
        gpu.MACHINES[kind].gpu.compute_capability
        for kind in chosen.instance_types
        if kind in gpu.MACHINES
    ]
    return ".".join(map(str, min([*known, gpu.MINIMUM_COMPUTE_CAPABILITY])))


def boot_problems(colour: Colour, settings: Settings) -> Iterator[str]:
    """What would keep the colour's machines from starting, asked with stand-ins for AWS's names."""
    arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:example"
    chosen = settings.colour(colour)
    around = BootContext(
        region="us-east-2",
        environment="example",
        auto_scaling_group_name="example",
        ngc_key_arn=arn,
        tokens_arn=arn,
        resume_keys_arn=arn,
        recognition_parameter="/perch/example/recognition",
        model_cache_bucket="example",
        gateway_artifact=f"s3://example/{chosen.gateway_bundle}"
        if chosen.gateway_bundle is not None
        else f"registry.example.com/gateway:{chosen.gateway_tag}",
        log_groups=dict.fromkeys(("gateway", "asr", "system"), "/example"),
    )
    try:
        boot_settings(colour, settings, around)
    except MachineSettingsError as error:
        yield from error.problems
