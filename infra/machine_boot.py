"""One colour's user data, from the stack's settings and what has been made so far."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra import gpu
from infra.alarm_table import METRICS_NAMESPACE
from infra.boot import BootSettings, render_user_data
from infra.fleet import LAUNCH_HOOK, TERMINATION_HOOK
from infra.logs import Speaker
from infra.sections import Colour, ColourSettings, Settings

READY_SECONDS: Final = 2700
"""A first start may take 2400 s (`infra.models`); the rest is for the image's pull."""

HOOK_MARGIN_SECONDS: Final = 600
"""Boot, updates of agents and the gateway itself, around the recogniser's start."""

SIGNING_KEY_FILE: Final = "auth-tokens"
"""File under the gateway's secret folder that holds what it checks clients' tokens with."""


def gateway_artifact(
    chosen: ColourSettings, repository_url: pulumi.Input[str], bucket: pulumi.Input[str]
) -> pulumi.Output[str]:
    """Where a colour's machines get the gateway: an image, or the S3 address of a bundle."""
    if chosen.gateway_tag is not None:
        return pulumi.Output.concat(repository_url, ":", chosen.gateway_tag)
    if chosen.gateway_bundle is not None:
        return pulumi.Output.concat("s3://", bucket, "/", chosen.gateway_bundle)
    raise ValueError("neither gateway_tag nor gateway_bundle is given; accepted: exactly one")


def machine_image(chosen: ColourSettings, provider: pulumi.ProviderResource) -> pulumi.Output[str]:
    """The AMI of a colour: the one that is pinned, or what the SSM parameter names today."""
    if chosen.ami_id is not None:
        return pulumi.Output.from_input(chosen.ami_id)
    return aws.ssm.get_parameter_output(
        name=chosen.ami_parameter, opts=pulumi.InvokeOptions(provider=provider)
    ).value


@dataclass(frozen=True, kw_only=True)
class MachineBoot:
    """What a machine is told that is only known in the program.

    Attributes:
        region: AWS region.
        environment: The stack's name.
        auto_scaling_group_name: The colour's group.
        secret_arns: Secrets by name.
        model_cache_bucket: Bucket of built models.
        gateway_artifact: Image reference or S3 address of a bundle.
        log_groups: Speaker -> log group.
    """

    region: str
    environment: str
    auto_scaling_group_name: str
    secret_arns: Mapping[str, pulumi.Input[str]]
    model_cache_bucket: pulumi.Input[str]
    gateway_artifact: pulumi.Input[str]
    log_groups: Mapping[Speaker, str]


def user_data(colour: Colour, settings: Settings, boot: MachineBoot) -> pulumi.Output[str]:
    """Base64 user data of a colour; the deployment stops where the parts make no machine."""

    def render(resolved: list[object]) -> str:
        ngc_key, signing_key, cache, artefact = map(str, resolved)
        return render_user_data(
            boot_settings(
                colour,
                settings,
                boot,
                ngc_key=ngc_key,
                signing_key=signing_key,
                cache=cache,
                artefact=artefact,
            )
        )

    return pulumi.Output.all(
        boot.secret_arns["ngc_api_key"],
        boot.secret_arns["gateway_signing_key"],
        boot.model_cache_bucket,
        boot.gateway_artifact,
    ).apply(render)


def boot_settings(  # noqa: PLR0913 - the four values only AWS knows come beside what is known already
    colour: Colour,
    settings: Settings,
    boot: MachineBoot,
    *,
    ngc_key: str,
    signing_key: str,
    cache: str,
    artefact: str,
) -> BootSettings:
    """What the machines of a colour are told.

    Args:
        colour: Which of the two.
        settings: The stack's settings.
        boot: What the program knows of the stack.
        ngc_key: ARN of the secret with NVIDIA's registry key.
        signing_key: ARN of the secret with the clients' tokens.
        cache: Name of the model-cache bucket.
        artefact: Gateway image, or S3 address of its bundle.
    """
    chosen = settings.colour(colour)
    return BootSettings(
        region=boot.region,
        environment=boot.environment,
        colour=colour,
        kind=chosen.runtime,
        image=chosen.image,
        tags_selector=chosen.selector,
        gateway_port=chosen.gateway_port,
        riva_grpc_port=chosen.riva_grpc_port,
        riva_http_port=chosen.riva_http_port,
        auto_scaling_group_name=boot.auto_scaling_group_name,
        launch_hook_name=LAUNCH_HOOK,
        termination_hook_name=TERMINATION_HOOK,
        ngc_key_secret_arn=ngc_key,
        gateway_secret_files={SIGNING_KEY_FILE: signing_key},
        gateway_environment=gateway_environment(settings, chosen),
        gateway_artifact=artefact,
        gateway_artifact_sha256=chosen.gateway_sha256,
        model_cache_bucket=cache,
        gateway_log_group=boot.log_groups["gateway"],
        asr_log_group=boot.log_groups["asr"],
        system_log_group=boot.log_groups["system"],
        metrics_namespace=METRICS_NAMESPACE,
        drain_deadline_seconds=max(1, settings.gateway.drain_seconds),
        ready_deadline_seconds=READY_SECONDS,
        min_compute_capability=least_capability(chosen),
    )


def gateway_environment(settings: Settings, chosen: ColourSettings) -> dict[str, str]:
    """The gateway's variables that follow from the stack; the stack's own come last and win."""
    return {
        "WS_PING_INTERVAL_S": str(settings.gateway.ping_seconds),
        "WS_MAX_CONCURRENT_SESSIONS": str(settings.gateway.max_sessions),
        "RIVA_MODEL": chosen.model,
        **settings.gateway.environment,
    }


def least_capability(chosen: ColourSettings) -> str:
    """Compute capability of the weakest GPU the colour may get, as major.minor."""
    weakest = min(gpu.MACHINES[kind].gpu.compute_capability for kind in chosen.instance_types)
    return ".".join(map(str, min(weakest, gpu.MINIMUM_COMPUTE_CAPABILITY)))
