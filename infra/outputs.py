"""What a stack tells the world: a public contract, the same for every stack.

`ops/stack.py` is its reader. A name or a type that changes here breaks `perch` against deployed
stacks, so fields are only ever added; what does not apply to a stack is null. Pulumi leaves a null
at the top level out, so a reader takes what is absent there as null.
"""

import dataclasses
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class ColourOutputs:
    """One colour.

    Attributes:
        target_group_arn: Where its machines register.
        auto_scaling_group_name: The group of its machines.
        launch_template_id: The template they start from.
        ami_id: The machine image that was resolved for it.
        image: The recogniser's image.
        tags_selector: NIM_TAGS_SELECTOR.
        model: Model the gateway asks for; null for the recogniser's own choice.
        gateway_artifact: The gateway's image, or the S3 address of its bundle.
        gateway_port: TCP port of the gateway on the machine.
        riva_grpc_port: TCP port of the recogniser's gRPC there.
        riva_http_port: TCP port of its HTTP health there.
        alarm_name: Composite alarm that is in ALARM when any of the colour's alarms is.
        weight: Share of new sessions in percent when the listener was made; the listener itself
            says what holds now.
    """

    target_group_arn: pulumi.Input[str]
    auto_scaling_group_name: pulumi.Input[str]
    launch_template_id: pulumi.Input[str]
    ami_id: pulumi.Input[str]
    image: pulumi.Input[str]
    tags_selector: pulumi.Input[str]
    model: pulumi.Input[str] | None
    gateway_artifact: pulumi.Input[str]
    gateway_port: pulumi.Input[int]
    riva_grpc_port: pulumi.Input[int]
    riva_http_port: pulumi.Input[int]
    alarm_name: pulumi.Input[str]
    weight: pulumi.Input[int]


@dataclass(frozen=True, kw_only=True)
class SecretArns:
    """ARNs of the secrets; their values are nowhere in the outputs.

    Attributes:
        ngc_api_key: NVIDIA's registry key.
        gateway_signing_key: The key clients' tokens are checked with.
        riva_tls_material: TLS between gateway and recogniser.
        gateway_resume_keys: What gateways sign resume tokens with.
    """

    ngc_api_key: pulumi.Input[str]
    gateway_signing_key: pulumi.Input[str]
    riva_tls_material: pulumi.Input[str]
    gateway_resume_keys: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class LogGroupNames:
    """CloudWatch log groups.

    Attributes:
        gateway: The gateway's.
        asr: The recogniser's.
        system: The host's and its units'.
        flow: The VPC's traffic.
    """

    gateway: pulumi.Input[str]
    asr: pulumi.Input[str]
    system: pulumi.Input[str]
    flow: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class Colours:
    """Both colours."""

    blue: ColourOutputs
    green: ColourOutputs


@dataclass(frozen=True, kw_only=True)
class StackOutputs:
    """Everything a stack exports.

    Attributes:
        environment: The stack's name.
        region: AWS region.
        endpoint_url: https:// address of the endpoint, without a path.
        websocket_url: wss:// address of the same.
        listener_port: TCP port of the HTTPS listener.
        direct_header: Header whose value, blue or green, reaches that colour whatever the weights
            are.
        vpc_id: The VPC.
        load_balancer_arn: The ALB.
        load_balancer_dns_name: Its own name.
        listener_arn: The HTTPS listener, whose weights `perch canary` turns.
        certificate_arn: The certificate in use.
        ca_certificate_path: File with the CA clients must trust; null where it is a public one.
        kms_key_arn: The key of volumes, secrets and buckets.
        secret_arns: The secrets.
        recognition_parameter_name: SSM parameter that `perch recognition` turns.
        riva_fallback_endpoints: Where recognition goes on `fallback`, as RIVA_FALLBACK_ENDPOINTS
            names them; null: nowhere.
        gateway_max_sessions: Sessions one gateway admits at a time.
        riva_endpoint_streams: Streams one recogniser takes at a time; 0 where that is not known.
        model_cache_bucket: Bucket of built models.
        artefact_bucket: Bucket of gateway bundles.
        gateway_repository_url: ECR repository of gateway images.
        log_group_names: The log groups.
        alarm_topic_arn: SNS topic the alarms speak to.
        dashboard_name: CloudWatch dashboard.
        colours: Both colours.
    """

    environment: pulumi.Input[str]
    region: pulumi.Input[str]
    endpoint_url: pulumi.Input[str]
    websocket_url: pulumi.Input[str]
    listener_port: pulumi.Input[int]
    direct_header: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    load_balancer_arn: pulumi.Input[str]
    load_balancer_dns_name: pulumi.Input[str]
    listener_arn: pulumi.Input[str]
    certificate_arn: pulumi.Input[str]
    ca_certificate_path: pulumi.Input[str] | None
    kms_key_arn: pulumi.Input[str]
    secret_arns: SecretArns
    recognition_parameter_name: pulumi.Input[str]
    riva_fallback_endpoints: pulumi.Input[str] | None
    gateway_max_sessions: pulumi.Input[int]
    riva_endpoint_streams: pulumi.Input[int]
    model_cache_bucket: pulumi.Input[str]
    artefact_bucket: pulumi.Input[str]
    gateway_repository_url: pulumi.Input[str]
    log_group_names: LogGroupNames
    alarm_topic_arn: pulumi.Input[str]
    dashboard_name: pulumi.Input[str]
    colours: Colours


def export(outputs: StackOutputs) -> None:
    """Export every field under its own name."""
    for name, value in plain(outputs).items():
        pulumi.export(name, value)


def plain(outputs: StackOutputs) -> dict[str, object]:
    """The outputs as nested dictionaries, Pulumi's outputs still in them."""

    def unfold(value: object) -> object:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {
                field.name: unfold(getattr(value, field.name))
                for field in dataclasses.fields(value)
            }
        return value

    return {
        field.name: unfold(getattr(outputs, field.name)) for field in dataclasses.fields(outputs)
    }


def endpoint(scheme: str, domain: str, port: int, default: int = 443) -> str:
    """An address with its port where that is not the scheme's own."""
    return f"{scheme}://{domain}" if port == default else f"{scheme}://{domain}:{port}"
