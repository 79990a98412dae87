"""A volume that brings a machine its image and models; its snapshot is looked at before."""

from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

_DEVICE: Final = "/dev/sdf"
"""First of the names that EC2 recommends for further volumes; a machine finds it by its label."""
MIB_PER_SECOND: Final = 500
"""An image of 20 GB is unpacked at every start; gp3's 125 MiB/s base would make that the longest
part of it."""
IOPS: Final = 6000


@dataclass(frozen=True, kw_only=True)
class SnapshotVolume:
    """One more volume of each machine.

    Attributes:
        snapshot_id: What it is made of.
        size_gib: Size of the volume.
        mib_per_second: Rate at which AWS initialises it; None for no promised one.
    """

    snapshot_id: pulumi.Input[str]
    size_gib: int
    mib_per_second: int | None

    def mapping(self) -> aws.ec2.LaunchTemplateBlockDeviceMappingArgs:
        """Return the entry of a launch template; a template can name no key beside a snapshot."""
        return aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
            device_name=_DEVICE,
            ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                snapshot_id=self.snapshot_id,
                volume_initialization_rate=self.mib_per_second,
                volume_type="gp3",
                volume_size=self.size_gib,
                throughput=MIB_PER_SECOND,
                iops=IOPS,
                delete_on_termination="true",
            ),
        )


class UnusableSnapshot(pulumi.RunError):
    """A snapshot of which no volume may be made; says which and what would be accepted."""


def usable_snapshot(
    snapshot_id: str, volume_gib: int, provider: pulumi.ProviderResource
) -> pulumi.Output[str]:
    """Return the snapshot's id once AWS has said that volumes may be made of it.

    A launch template cannot ask for encryption beside a snapshot (`encrypted` in the provider's
    LaunchTemplate), so what is there decides.

    Raises:
        UnusableSnapshot: It is not encrypted, or larger than the volume; inside the output.
    """
    found = aws.ebs.get_snapshot_output(
        snapshot_ids=[snapshot_id], opts=pulumi.InvokeOptions(provider=provider)
    )
    said = pulumi.Output.all(encrypted=found.encrypted, gib=found.volume_size)

    def checked(known: dict[str, Any]) -> str:
        if problem := _problem(snapshot_id, volume_gib, known["encrypted"], known["gib"]):
            raise UnusableSnapshot(problem)
        return snapshot_id

    return said.apply(checked)


def _problem(snapshot_id: str, volume_gib: int, encrypted: bool, gib: int) -> str | None:
    if not encrypted:
        return (
            f"snapshot_id is {snapshot_id}, which is not encrypted; accepted: a snapshot of a"
            " volume with the stack's key, as docs/cold-start.md makes one"
        )
    if gib > volume_gib:
        return (
            f"volume_gib is {volume_gib}, and {snapshot_id} is of a volume of {gib} GiB;"
            f" accepted: {gib} or more"
        )
    return None
