"""What a region's name decides."""

import pytest

from infra.catalogue.regions import dns_suffix, partition


@pytest.mark.parametrize(
    ("region", "name", "suffix"),
    [
        ("eu-central-1", "aws", "amazonaws.com"),
        ("us-east-2", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
    ],
)
def test_partition_and_names_of_services_follow_from_a_region(
    region: str, name: str, suffix: str
) -> None:
    assert (partition(region), dns_suffix(region)) == (name, suffix)
