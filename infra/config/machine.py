"""What the machines of a colour are told, from a stack's settings and the names AWS gave.

Asked with made-up names it also says, before anything exists, what would keep them from starting.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from infra.boot import (
    SETTINGS_BYTES,
    MachineSettings,
    MachineSettingsError,
    machine_settings,
    settings_size,
)
from infra.boot.gateway import RUN, stack_variables
from infra.catalogue import gpu
from infra.config.colour import ColourSettings
from infra.config.elsewhere import RecognisersElsewhere
from infra.config.sections import Colour, Settings

TextT_co = TypeVar("TextT_co", covariant=True)

SECRETS: Final[Mapping[str, str]] = {
    # pragma: allowlist nextline secret
    "ngc_api_key": "NGC personal key with which machines pull the recogniser and its models."
    " Made where a colour's ngc_key is true.",
    "gateway_tls": "PEM key and certificate of the gateways, and their authority's certificate."
    " Left out, one is made; `perch certs rotate` makes the next.",
    "tls_authority": "PEM key and certificates of the environment's own authority. No machine"
    " reads it: `perch certs` puts it there and signs gateway_tls with it.",
    "recogniser_tls": "PEM key and certificate of the recognisers on machines, and their"
    " authority's. Made where a colour's recogniser_tls is not off; left out, one is made.",
    "gateway_bearer_tokens": "Bearer tokens that let clients in, one a line.",
    "riva_tls_ca": "PEM certificate of the authority that certificates of recognisers elsewhere are"
    " from. Made where tls of gateway.fallback or of a language group is private_ca or mutual.",
    "riva_tls_certificate": "PEM certificate that gateways show to them, with what lies between it"
    " and its authority. Made where tls of one of them is mutual.",
    "riva_tls_key": "PEM key of that certificate, without a passphrase.",
    # pragma: allowlist nextline secret
    "riva_api_key": "What gateways show recognisers with each call: an API key or a JWT, one line."
    " Made where gateway.recogniser_key is true.",
    # pragma: allowlist nextline secret
    "gateway_resume_keys": "What gateways sign resume tokens with, one key a line: the first signs,"
    " all are accepted. Left out, one is made.",
}
"""Secret keys: set with `pulumi config set --secret`, or left out and filled in by hand."""

FORMER_SECRETS: Final[Mapping[str, str]] = {"gateway_bearer_tokens": "gateway_signing_key"}
"""What some were called once: the secret of a stack that exists keeps its place in AWS."""

FOR_PEOPLE: Final = frozenset({"tls_authority"})
"""Those of them that no machine may read."""

ACCESS_LIST: Final = "access_list"
OWN_SECRETS: Final[Mapping[str, str]] = {
    ACCESS_LIST: "API keys, by their hashes, and what was revoked; `perch token` writes it.",
}
"""Secrets that the program makes and nobody configures."""

ACCESS_LIST_FILE: Final = "access-list"
"""File in the gateway's secret folder with API keys and revocations."""

TOKENS_FILE: Final = "auth-tokens"
"""File in the gateway's secret folder that holds what it checks clients' tokens with."""

RESUME_KEYS_FILE: Final = "resume-keys"
"""File beside it with the keys that every gateway of the environment signs resume tokens with."""

RECOGNISER_KEY_FILE: Final = "riva-api-key"
"""File beside them with what gateways show recognisers."""

TLS_FILES: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "private_ca": {"riva_tls_ca": ("riva-ca.pem", "RIVA_SSL_CERT")},
    "mutual": {
        "riva_tls_ca": ("riva-ca.pem", "RIVA_SSL_CERT"),
        "riva_tls_certificate": ("riva-client.pem", "RIVA_SSL_CLIENT_CERT"),
        "riva_tls_key": ("riva-client-key.pem", "RIVA_SSL_CLIENT_KEY"),
    },
}
"""`tls` of recognisers elsewhere -> secret -> its file beside them, and the variable that names
it."""

_OTLP_PROTOCOL: Final = "OTEL_EXPORTER_OTLP_PROTOCOL"
_ALL_PERCENT: Final = 100

LONGEST_GRACE_SECONDS: Final = 60
"""How long sessions go on by themselves in a drain. AWS takes a spot machine after two minutes: the
last results, 30 s of them at most, must have come before."""


@dataclass(frozen=True, kw_only=True)
class BootContext(Generic[TextT_co]):
    """What a machine is told of the stack around it.

    The program makes one of Pulumi's inputs, some of them only known later; user data is rendered
    from one of plain text.

    Attributes:
        region: AWS region.
        environment: The stack's name.
        auto_scaling_group_name: The colour's group.
        secret_arns: Secrets by name.
        recognition_parameter: SSM parameter that switches recognition.
        secrets_version_parameter: SSM parameter that changes when secrets do.
        model_cache_bucket: Bucket of built models.
        artefact_bucket: Bucket of what machines fetch, RMIR files among it.
        gateway_artifact: Gateway image, or S3 address of its bundle.
        log_groups: gateway, asr, system -> log group.
    """

    region: str
    environment: str
    auto_scaling_group_name: str
    secret_arns: Mapping[str, TextT_co]
    recognition_parameter: str
    secrets_version_parameter: str
    model_cache_bucket: TextT_co
    artefact_bucket: TextT_co
    gateway_artifact: TextT_co
    log_groups: Mapping[str, str]


def wanted_secrets(settings: Settings) -> tuple[str, ...]:
    """Return which of the secrets a stack has: those that something in it reads."""
    unread = {name for files in TLS_FILES.values() for name in files}
    for _, chosen in settings.colours():
        unread -= _tls_files(settings, chosen).keys()
    if not any(chosen.ngc_key for _, chosen in settings.colours()):
        unread.add("ngc_api_key")
    if not settings.gateway.recogniser_key:
        unread.add("riva_api_key")
    if all(chosen.recogniser_tls == "off" for _, chosen in settings.colours()):
        unread.add("recogniser_tls")
    return tuple(name for name in SECRETS if name not in unread)


def settings_of_machines(
    colour: Colour, settings: Settings, context: BootContext[str]
) -> MachineSettings:
    """Return what the machines of a colour are told.

    Raises:
        MachineSettingsError: No machine could start with it.
    """
    chosen = settings.colour(colour)
    secrets, groups = context.secret_arns, context.log_groups
    files = {
        ACCESS_LIST_FILE: secrets[ACCESS_LIST],
        RESUME_KEYS_FILE: secrets["gateway_resume_keys"],
    }
    if settings.gateway.tokens:
        files[TOKENS_FILE] = secrets["gateway_bearer_tokens"]
    if settings.gateway.recogniser_key:
        files[RECOGNISER_KEY_FILE] = secrets["riva_api_key"]
    for secret, (file, _) in _tls_files(settings, chosen).items():
        files[file] = secrets[secret]
    return machine_settings(
        region=context.region,
        environment=context.environment,
        colour=colour,
        kind=chosen.runtime,
        image=chosen.image,
        tags_selector=chosen.selector,
        gateway_port=chosen.gateway_port,
        riva_grpc_port=chosen.riva_grpc_port,
        riva_http_port=chosen.riva_http_port,
        auto_scaling_group_name=context.auto_scaling_group_name,
        recogniser_environment=chosen.recogniser_environment,
        rmirs=tuple(f"s3://{context.artefact_bucket}/{key}" for key in chosen.rmirs),
        ngc_key_secret_arn=secrets["ngc_api_key"] if chosen.ngc_key else None,
        gateway_tls_secret_arn=secrets["gateway_tls"],
        recogniser_tls=chosen.recogniser_tls,
        recogniser_tls_secret_arn=(
            None if chosen.recogniser_tls == "off" else secrets["recogniser_tls"]
        ),
        gateway_secret_files=files,
        recognition_parameter=context.recognition_parameter,
        secrets_version_parameter=context.secrets_version_parameter,
        gateway_environment={
            **_trace_variables(settings, context.environment, colour),
            **_gateway_variables(settings, chosen),
        },
        gateway_artifact=context.gateway_artifact,
        gateway_artifact_sha256=chosen.gateway_sha256,
        model_cache_bucket=context.model_cache_bucket,
        artefact_bucket=context.artefact_bucket,
        gateway_log_group=groups["gateway"],
        asr_log_group=groups["asr"],
        system_log_group=groups["system"],
        drain_deadline_seconds=settings.gateway.drain_seconds,
        ready_seconds=settings.scaling.ready_minutes * 60,
        snapshot_id=chosen.snapshot_id,
        instance_store=chosen.instance_store,
        scrape_cidrs=settings.network.scrape_cidrs,
        min_compute_capability=_least_capability(chosen),
    )


def _gateway_variables(settings: Settings, chosen: ColourSettings) -> dict[str, str]:
    """Return the gateway's variables that follow from the stack; its own come last and win."""
    gateway = settings.gateway
    # Of an adopted VPC the range is not known; there clients look like the load balancer.
    inside = "" if settings.network.adopt is not None else settings.network.cidr
    variables = stack_variables(
        # Health checks of the load balancer ask by the machine's address, which is always accepted.
        hosts=(settings.domain.name, *settings.domain.alternative_names),
        trusted_proxies=inside,
        # The rest of a drain is for the last results.
        grace_seconds=min(LONGEST_GRACE_SECONDS, gateway.drain_seconds // 2),
        access_list_file=f"{RUN}/files/{ACCESS_LIST_FILE}",
        resume_keys_file=f"{RUN}/files/{RESUME_KEYS_FILE}",
        max_sessions=gateway.max_sessions,
        model=chosen.model,
        riva_streams=gateway.riva_streams,
        fallback_endpoints=fallback_endpoints(settings),
        language_groups=language_groups(chosen),
    )
    variables |= _tls_variables(settings, chosen)
    if gateway.recogniser_key:
        variables["RIVA_API_KEY_FILE"] = f"{RUN}/files/{RECOGNISER_KEY_FILE}"
    variables["WS_PING_INTERVAL_S"] = str(gateway.ping_seconds)
    if gateway.dialects is not None:
        variables["APP_DIALECTS"] = ",".join(gateway.dialects) or "none"
    if gateway.tokens:
        variables["APP_AUTH_TOKENS_FILE"] = f"{RUN}/files/{TOKENS_FILE}"
    elif not inside:
        # Where all clients look like one, no share of it may be kept from it.
        variables["WS_CLIENT_SHARE"] = "1"
    if gateway.anonymous:
        variables["APP_ANONYMOUS"] = "allowed"
    return variables | dict(gateway.environment)


def _trace_variables(settings: Settings, environment: str, colour: Colour) -> dict[str, str]:
    """Return the gateway's variables for its traces, by OpenTelemetry's names."""
    traces = settings.gateway.traces
    if traces is None:
        return {}
    sampled = {
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": f"{traces.sample_percent / 100:g}",
    }
    # What the gateway takes by itself is left out: user data has few bytes.
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.endpoint,
        **({} if traces.protocol == "http/protobuf" else {_OTLP_PROTOCOL: traces.protocol}),
        "OTEL_RESOURCE_ATTRIBUTES": (
            f"deployment.environment.name={environment},perch.colour={colour}"
        ),
        **({} if traces.sample_percent == _ALL_PERCENT else sampled),
    }


def ways_to_collectors(settings: Settings) -> frozenset[tuple[str, int]]:
    """Return the range and port of the collector of traces, where there is one."""
    traces = settings.gateway.traces
    if traces is None:
        return frozenset()
    port = int(traces.endpoint.rpartition(":")[2])
    return frozenset((cidr, port) for cidr in traces.cidrs) - ways_out(settings)


def fallback_endpoints(settings: Settings) -> str | None:
    """Return the stack's fallback as RIVA_FALLBACK_ENDPOINTS names it; None where it has none."""
    fallback = settings.gateway.fallback
    return None if fallback is None else ",".join(fallback.endpoints)


def language_groups(chosen: ColourSettings) -> str | None:
    """Return a colour's groups as RIVA_GROUPS names them; None where it has none."""
    groups = {
        name: {
            "languages": group.languages,
            "endpoints": group.endpoints,
            "ssl": group.tls != "none",
            **({"model": group.model} if group.model else {}),
            **({} if group.server_name is None else {"ssl_server_name": group.server_name}),
            **({} if group.streams is None else {"endpoint_streams": group.streams}),
        }
        for name, group in chosen.language_groups.items()
    }
    return json.dumps(groups, separators=(",", ":")) if groups else None


def elsewhere(
    settings: Settings, chosen: ColourSettings, colour: str
) -> Iterator[tuple[str, RecognisersElsewhere]]:
    """Yield whom a colour's gateways reach over the network, each with its key."""
    if settings.gateway.fallback is not None:
        yield "gateway.fallback", settings.gateway.fallback
    for name, group in chosen.language_groups.items():
        yield f"{colour}.language_groups.{name}", group


def ways_out(settings: Settings) -> frozenset[tuple[str, int]]:
    """Return the range and port of every recogniser that a gateway may have to reach."""
    return frozenset(
        (cidr, port)
        for colour, chosen in settings.colours()
        for _, group in elsewhere(settings, chosen, colour)
        for cidr in group.cidrs
        for port in endpoint_ports(group.endpoints)
    )


def _tls_files(settings: Settings, chosen: ColourSettings) -> Mapping[str, tuple[str, str]]:
    """Return what TLS of a colour needs: secret -> its file, and the variable of that."""
    kinds = {group.tls for _, group in elsewhere(settings, chosen, "")}
    return next((files for kind, files in TLS_FILES.items() if kind in kinds), {})


def _tls_variables(settings: Settings, chosen: ColourSettings) -> dict[str, str]:
    """Return the gateway's variables for TLS to others; those to its own recogniser go before."""
    variables = {
        variable: f"{RUN}/files/{file}" for file, variable in _tls_files(settings, chosen).values()
    }
    fallback = settings.gateway.fallback
    if fallback is not None and fallback.tls != "none":
        variables["RIVA_FALLBACK_SSL"] = "true"
        if fallback.server_name is not None:
            variables["RIVA_SSL_SERVER_NAME"] = fallback.server_name
    elif fallback is not None and chosen.recogniser_tls != "off":
        # Else it would follow RIVA_SSL, which is the own recogniser's.
        variables["RIVA_FALLBACK_SSL"] = "false"
    return variables


def endpoint_ports(endpoints: Iterable[str]) -> set[int]:
    """Return the TCP ports of endpoints host:port/http_port; an http_port of 0 is none."""
    numbers = (endpoint.rpartition(":")[2].split("/") for endpoint in endpoints)
    return {int(port) for pair in numbers for port in pair} - {0}


def _least_capability(chosen: ColourSettings) -> str:
    """Return the least compute capability a machine of the colour must have, as major.minor.

    The recogniser's floor, or less where an older GPU was chosen on purpose.
    """
    known = [
        gpu.MACHINES[kind].gpu.compute_capability
        for kind in chosen.instance_types
        if kind in gpu.MACHINES
    ]
    return ".".join(map(str, min([*known, gpu.MINIMUM_COMPUTE_CAPABILITY])))


def boot_problems(colour: Colour, settings: Settings) -> Iterator[str]:
    """Yield what would keep the colour's machines from starting, asked with made-up names."""
    # As long as the real ones: what is said here must hold for them.
    arn = "arn:aws:secretsmanager:ap-southeast-2:123456789012:secret:perch-example-0a1b2c3-AbCdEf"
    chosen = settings.colour(colour)
    context = BootContext(
        region="us-east-2",
        environment="example",
        auto_scaling_group_name="example",
        secret_arns=dict.fromkeys((*SECRETS, *OWN_SECRETS), arn),
        recognition_parameter="/perch/example/recognition",
        secrets_version_parameter="/perch/example/secrets-version",
        model_cache_bucket="example",
        artefact_bucket="example",
        gateway_artifact=f"s3://example/{chosen.gateway_bundle}"
        if chosen.gateway_bundle is not None
        else f"registry.example.com/gateway:{chosen.gateway_tag}",
        log_groups=dict.fromkeys(("gateway", "asr", "system"), "/example"),
    )
    try:
        machine = settings_of_machines(colour, settings, context)
    except MachineSettingsError as error:
        yield from error.problems
        return
    if (size := settings_size(machine)) > SETTINGS_BYTES:
        yield (
            f"gateway.environment and {colour}.recogniser_environment: with all the stack's other"
            f" settings {size} bytes compressed; {SETTINGS_BYTES} fit into user data"
        )
