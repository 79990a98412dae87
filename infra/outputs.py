"""What a stack tells the world: a public contract, the same for every stack.

The program exports it (`infra.export`) and `ops.stack` reads it, both by these models, so nothing
of Pulumi may be imported here. A name or a type that changes breaks `perch` against deployed
stacks, so fields are only ever added; what does not apply to a stack is null. Pulumi leaves a null
at the top level out, so a reader takes what is absent there as null.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

HOST_KEY_TAG = "perch:host-key"
"""Tag of a machine with the public half of its SSH host key, which it writes itself."""

Port = Annotated[int, Field(ge=1, le=65535)]
Colour = Literal["blue", "green"]


class Outputs(BaseModel):
    """Base of what a stack exports: frozen, and deaf to outputs that a newer program adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class ColourOutputs(Outputs):
    """One colour."""

    target_group_arn: str
    """Where its machines register."""
    auto_scaling_group_name: str
    """The group of its machines."""
    launch_template_id: str
    """The template they start from."""
    ami_id: str
    """The machine image that was resolved for it."""
    image: str
    """The recogniser's image."""
    tags_selector: str
    """NIM_TAGS_SELECTOR."""
    model: str | None
    """Model the gateway asks for; null for the recogniser's own choice."""
    language_groups: str | None = None
    """Recognisers of further languages, as RIVA_GROUPS names them; null where it has none."""
    gateway_artifact: str
    """The gateway's image, or the S3 address of its bundle."""
    gateway_port: Port
    """TCP port of the gateway on the machine."""
    riva_grpc_port: Port
    """TCP port of the recogniser's gRPC there."""
    riva_http_port: Port
    """TCP port of its HTTP health there."""
    alarm_name: str
    """Composite alarm that is in ALARM when any of the colour's alarms is."""
    weight: Annotated[int, Field(ge=0, le=999)]
    """Share of new sessions in percent when the listener was made; the listener itself says what
    holds now."""


class SecretArns(Outputs):
    """ARNs of the secrets; their values are nowhere in the outputs."""

    ngc_api_key: str | None = None
    """NVIDIA's registry key; null where no colour needs one."""
    gateway_tls: str | None = None
    """The gateways' key and certificate; null for a stack of an older program."""
    tls_authority: str | None = None
    """The environment's own authority; likewise."""
    recogniser_tls: str | None = None
    """Key and certificate of the recognisers on machines; null where these are asked in clear."""
    gateway_bearer_tokens: Annotated[
        str,
        Field(validation_alias=AliasChoices("gateway_bearer_tokens", "gateway_signing_key")),
    ]
    """Bearer tokens that let clients in; stacks of an older program have it as
    gateway_signing_key."""
    riva_tls_ca: str | None = None
    """Authority of the fallback's certificate; null where it has none of its own."""
    riva_tls_certificate: str | None = None
    """Certificate that gateways show to the fallback; null without mutual TLS."""
    riva_tls_key: str | None = None
    """Its key; likewise."""
    riva_api_key: str | None = None
    """What gateways show recognisers; null where these want no key."""
    gateway_resume_keys: str
    """What gateways sign resume tokens with."""
    access_list: str | None = None
    """API keys and revocations, which `perch token` writes; null for a stack of an older
    program."""


class LogGroupNames(Outputs):
    """CloudWatch log groups."""

    gateway: str
    """The gateway's."""
    asr: str
    """The recogniser's."""
    system: str
    """The host's and its units'."""
    flow: str
    """The VPC's traffic."""


class FixedOutputs(Outputs):
    """What the stack was made with and cannot be changed in."""

    network_cidr: str
    """Range of its VPC; empty where one was adopted."""
    network_adopt_vpc_id: str
    """The VPC that it adopted, or empty."""
    network_zone_names: tuple[str, ...]
    """Zones that were chosen by name, in their order."""
    load_balancer_internal: bool
    """Whether its load balancer has no public address."""


class Colours(Outputs):
    """Both colours."""

    blue: ColourOutputs
    green: ColourOutputs

    def items(self) -> tuple[tuple[Colour, ColourOutputs], ...]:
        """Return both by name, blue first."""
        return (("blue", self.blue), ("green", self.green))


COLOURS: Final[tuple[Colour, ...]] = get_args(Colour)
"""Their names, blue first."""


class StackOutputs(Outputs):
    """Everything a stack exports."""

    environment: str
    """The stack's name."""
    region: str
    """AWS region."""
    endpoint_url: str
    """https:// address of the endpoint, without a path."""
    websocket_url: str
    """wss:// address of the same."""
    listener_port: Port
    """TCP port of the HTTPS listener."""
    direct_header: str
    """Header whose value, blue or green, reaches that colour whatever the weights are."""
    vpc_id: str
    """The VPC."""
    load_balancer_arn: str
    """The ALB."""
    load_balancer_dns_name: str
    """Its own name."""
    listener_arn: str
    """The HTTPS listener, whose weights `perch canary` turns."""
    certificate_arn: str
    """The certificate in use."""
    ca_certificate_path: Path | None = None
    """File with the CA clients must trust; null where it is a public one."""
    kms_key_arn: str
    """The key of volumes, secrets and buckets."""
    secret_arns: SecretArns
    """The secrets."""
    recognition_parameter_name: str
    """SSM parameter that `perch recognition` turns."""
    secrets_version_parameter_name: str | None = None
    """SSM parameter whose change has machines fetch their secrets again; null for a stack of an
    older program."""
    in_service_parameter_name: str | None = None
    """SSM parameter that names the colour in service; null for a stack of an older program."""
    riva_fallback_endpoints: str | None = None
    """Where recognition goes on `fallback`, as RIVA_FALLBACK_ENDPOINTS names them; null:
    nowhere."""
    gateway_max_sessions: Annotated[int, Field(ge=1)]
    """Sessions one gateway admits at a time."""
    riva_endpoint_streams: Annotated[int, Field(ge=0)]
    """Streams one recogniser takes at a time; 0 where that is not known."""
    model_cache_bucket: str
    """Bucket of built models."""
    artefact_bucket: str
    """Bucket of gateway bundles."""
    gateway_repository_url: str
    """ECR repository of gateway images."""
    log_group_names: LogGroupNames
    """The log groups."""
    alarm_topic_arn: str
    """SNS topic the alarms publish to."""
    dashboard_name: str
    """CloudWatch dashboard."""
    connect_endpoint_id: str | None = None
    """EC2 Instance Connect endpoint by which `perch host` reaches machines; null: by Session
    Manager."""
    fixed: FixedOutputs | None = None
    """What it was made with and stays; null for a stack of an older program."""
    colours: Colours
    """Both colours."""


def inner(schema: type[Outputs], name: str) -> type[Outputs] | None:
    """Return the group of outputs behind a name; None for a single one."""
    annotation = schema.model_fields[name].annotation
    kinds = (kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type))
    return next((kind for kind in kinds if issubclass(kind, Outputs)), None)


def misnamed(
    values: Mapping[str, object], schema: type[Outputs] = StackOutputs, prefix: str = ""
) -> Iterator[str]:
    """Yield a sentence for each output that is missing, or that the schema does not have."""
    for name in (*schema.model_fields, *(values.keys() - schema.model_fields)):
        if name not in values:
            yield f"{prefix}{name} is missing"
        elif name not in schema.model_fields:
            yield f"{prefix}{name} is no output"
        elif (group := inner(schema, name)) is not None:
            given = values[name]
            nested = given if isinstance(given, Mapping) else {}
            yield from misnamed(nested, group, f"{prefix}{name}.")


def endpoint(scheme: str, domain: str, port: int, default: int = 443) -> str:
    """Return an address with its port where that is not the scheme's own."""
    return f"{scheme}://{domain}" if port == default else f"{scheme}://{domain}:{port}"
