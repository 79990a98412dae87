"""Which availability zones an environment spreads over."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws


class TooFewZones(pulumi.RunError):
    """The region has fewer zones than the stack asks for."""

    def __init__(self, region: str, wanted: int, found: Sequence[str]) -> None:
        super().__init__(
            f"network.zones is {wanted}; accepted: at most {len(found)}, as this account has"
            f" {', '.join(found) or 'no zone'} in {region}"
        )


def first_zones(
    region: str, wanted: int, provider: pulumi.ProviderResource
) -> list[pulumi.Output[str]]:
    """Return the names of a region's first zones.

    Local and wavelength zones are left out: they are listed once an account has opted in, and have
    neither the machines nor the load balancer that are asked for (EC2 API reference,
    DescribeAvailabilityZones, zone-type).

    Args:
        region: AWS region.
        wanted: How many.
        provider: The provider that looks them up.

    Raises:
        TooFewZones: The region has not so many; raised while the program runs, not here.
    """
    names = aws.get_availability_zones_output(
        state="available",
        filters=[
            aws.GetAvailabilityZonesFilterArgs(name="zone-type", values=["availability-zone"])
        ],
        opts=pulumi.InvokeOptions(provider=provider),
    ).names

    def chosen(found: Sequence[str]) -> list[str]:
        if len(found) < wanted:
            raise TooFewZones(region, wanted, found)
        return list(found[:wanted])

    zones = names.apply(chosen)
    return [zones[place] for place in range(wanted)]
