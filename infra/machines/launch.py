"""One colour's machine image, gateway and user data, from settings and what is made."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.boot import render_user_data
from infra.config.machine import BootContext, boot_settings
from infra.config.sections import Colour, ColourSettings, Settings
from infra.observability.logs import Speaker


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
    """What a machine is told of the stack around it, some of it only known once it is made.

    Attributes:
        region: AWS region.
        environment: The stack's name.
        auto_scaling_group_name: The colour's group.
        secret_arns: Secrets by name.
        recognition_parameter: SSM parameter that switches recognition.
        model_cache_bucket: Bucket of built models.
        gateway_artifact: Image reference or S3 address of a bundle.
        log_groups: Speaker -> log group.
    """

    region: str
    environment: str
    auto_scaling_group_name: str
    secret_arns: Mapping[str, pulumi.Input[str]]
    recognition_parameter: str
    model_cache_bucket: pulumi.Input[str]
    gateway_artifact: pulumi.Input[str]
    log_groups: Mapping[Speaker, str]


def user_data(colour: Colour, settings: Settings, boot: MachineBoot) -> pulumi.Output[str]:
    """Base64 user data of a colour."""

    def render(known: list[str]) -> str:
        ngc_key, tokens, resume_keys, cache, artefact = known
        around = BootContext(
            region=boot.region,
            environment=boot.environment,
            auto_scaling_group_name=boot.auto_scaling_group_name,
            ngc_key_arn=ngc_key,
            tokens_arn=tokens,
            resume_keys_arn=resume_keys,
            recognition_parameter=boot.recognition_parameter,
            model_cache_bucket=cache,
            gateway_artifact=artefact,
            log_groups={str(speaker): group for speaker, group in boot.log_groups.items()},
        )
        return render_user_data(boot_settings(colour, settings, around))

    return pulumi.Output.all(
        boot.secret_arns["ngc_api_key"],
        boot.secret_arns["gateway_signing_key"],
        boot.secret_arns["gateway_resume_keys"],
        boot.model_cache_bucket,
        boot.gateway_artifact,
    ).apply(render)
