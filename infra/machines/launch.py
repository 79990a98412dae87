"""One colour's machine image, gateway and user data, from settings and what is made."""

from dataclasses import replace
from typing import Any, cast

import pulumi
import pulumi_aws as aws

from infra.boot import render_user_data
from infra.config.colour import ColourSettings
from infra.config.machine import BootContext, settings_of_machines
from infra.config.sections import Colour, Settings
from infra.machines.snapshot import SnapshotVolume, usable_snapshot


def gateway_artifact(
    chosen: ColourSettings, repository_url: pulumi.Input[str], bucket: pulumi.Input[str]
) -> pulumi.Output[str]:
    """Return where a colour's machines get the gateway: an image, or a bundle's S3 address."""
    if chosen.gateway_tag is not None:
        return pulumi.Output.concat(repository_url, ":", chosen.gateway_tag)
    if chosen.gateway_bundle is not None:
        return pulumi.Output.concat("s3://", bucket, "/", chosen.gateway_bundle)
    raise ValueError("neither gateway_tag nor gateway_bundle is given; accepted: exactly one")


def machine_image(chosen: ColourSettings, provider: pulumi.ProviderResource) -> pulumi.Output[str]:
    """Return the AMI of a colour: the pinned one, or what the SSM parameter names today."""
    if chosen.ami_id is not None:
        return pulumi.Output.from_input(chosen.ami_id)
    found = aws.ssm.get_parameter_output(
        name=chosen.ami_parameter, opts=pulumi.InvokeOptions(provider=provider)
    )
    # The provider takes every parameter's value for a secret. This one is AWS's and public, and as
    # a secret nobody could read it in a plan or in the outputs.
    return pulumi.Output.unsecret(found.value)


def snapshot_volume(
    chosen: ColourSettings, provider: pulumi.ProviderResource
) -> SnapshotVolume | None:
    """Return the volume that brings a colour's machines image and models; None for none."""
    if chosen.snapshot_id is None:
        return None
    return SnapshotVolume(
        snapshot_id=usable_snapshot(chosen.snapshot_id, chosen.volume_gib, provider),
        size_gib=chosen.volume_gib,
        mib_per_second=chosen.snapshot_mib_per_second,
    )


def user_data(
    colour: Colour, settings: Settings, context: BootContext[pulumi.Input[str]]
) -> pulumi.Output[str]:
    """Return the base64 user data of a colour."""

    def render(known: dict[str, Any]) -> str:
        plain = cast("BootContext[str]", replace(context, **known))
        return render_user_data(settings_of_machines(colour, settings, plain))

    return pulumi.Output.all(
        secret_arns=context.secret_arns,
        model_cache_bucket=context.model_cache_bucket,
        artefact_bucket=context.artefact_bucket,
        gateway_artifact=context.gateway_artifact,
    ).apply(render)
