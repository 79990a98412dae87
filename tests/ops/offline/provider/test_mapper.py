"""From the provider's inputs to a call's parameters, on botocore's own models.

Proves placing and form; does not prove that AWS means by a parameter what the provider meant.
"""

from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.model import StructureShape
from hypothesis import given
from hypothesis import strategies as st

from ops.offline import OfflineError
from ops.offline.provider import limits, mapper


@cache
def _input(service: str, operation: str) -> StructureShape:
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    return shape


def _map(service: str, operation: str, inputs: dict[str, Any], **renames: str) -> mapper.Mapped:
    dotted = {key.replace("__", "."): value for key, value in renames.items()}
    return mapper.map_inputs(_input(service, operation), inputs, dotted)


def test_names_are_found_without_regard_to_case() -> None:
    mapped = _map("ec2", "CreateSubnet", {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24"})
    assert mapped == mapper.Mapped({"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}, ())


@pytest.mark.parametrize(
    ("key", "names", "found"),
    [
        ("subnet", ["Subnets", "Name"], "Subnets"),
        ("vpcSecurityGroups", ["VpcSecurityGroupIds"], "VpcSecurityGroupIds"),
        ("policy", ["PolicyDocument", "PolicyName"], "PolicyDocument"),
        ("versioning", ["VersioningConfiguration"], "VersioningConfiguration"),
        ("arn", ["TargetGroupArn", "Weight"], "TargetGroupArn"),
        ("arn", ["TargetGroupArn", "RoleArn"], None),
        ("colour", ["Name"], None),
    ],
)
def test_names_differ_by_known_suffixes_or_a_tail_only_one_has(
    key: str, names: list[str], found: str | None
) -> None:
    assert mapper.find_member(names, key) == found


def test_what_has_no_place_is_given_back_with_its_whole_path() -> None:
    mapped = _map(
        "ec2",
        "CreateLaunchTemplate",
        {"launchTemplateData": {"monitoring": {"enabled": True, "often": 1}}, "colour": "red"},
    )
    assert mapped.unplaced == ("launchTemplateData.monitoring.often", "colour")


def test_tags_become_pairs_even_when_one_is_called_name() -> None:
    assert _map("ecr", "CreateRepository", {"tags": {"Name": "a"}}).parameters == {
        "tags": [{"Key": "Name", "Value": "a"}]
    }
    dimensions = _map("cloudwatch", "PutMetricAlarm", {"dimensions": {"B": "2", "A": "1"}})
    assert dimensions.parameters == {
        "Dimensions": [{"Name": "A", "Value": "1"}, {"Name": "B", "Value": "2"}]
    }


def test_texts_become_the_booleans_and_numbers_that_a_call_takes() -> None:
    mapped = _map(
        "ec2",
        "CreateLaunchTemplate",
        {"launchTemplateData": {"ebsOptimized": "true", "cpuOptions": {"coreCount": "4"}}},
    )
    assert mapped.parameters == {
        "LaunchTemplateData": {"EbsOptimized": True, "CpuOptions": {"CoreCount": 4}}
    }


def test_a_single_block_becomes_a_list_and_a_list_of_one_a_block() -> None:
    mapped = _map(
        "ec2",
        "CreateLaunchTemplate",
        {"launchTemplateData": [{"networkInterfaces": {"deviceIndex": 0}}]},
    )
    assert mapped.parameters == {"LaunchTemplateData": {"NetworkInterfaces": [{"DeviceIndex": 0}]}}


def test_a_rename_reaches_into_structures_and_lists_on_the_way() -> None:
    mapped = _map(
        "elbv2",
        "AddListenerCertificates",
        {"certificateArn": "arn:c"},
        certificateArn="Certificates.CertificateArn",
    )
    assert mapped.parameters == {"Certificates": [{"CertificateArn": "arn:c"}]}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"launchTemplateData": {"ebsOptimized": "perhaps"}}, "launchTemplateData.ebsOptimized"),
        ({"launchTemplateData": {"cpuOptions": {"coreCount": "many"}}}, "a number is expected"),
        ({"launchTemplateData": ["a", "b"]}, "one block is expected"),
        ({"versionDescription": {"a": 1}}, "one value is expected"),
    ],
)
def test_a_value_of_the_wrong_form_is_named_with_its_path(
    inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(OfflineError, match=message):
        _map("ec2", "CreateLaunchTemplate", inputs)


def test_a_rename_to_nowhere_is_a_mistake_in_the_table() -> None:
    with pytest.raises(OfflineError, match="renamed to Colour, which CreateSubnetRequest"):
        _map("ec2", "CreateSubnet", {"vpcId": "v"}, vpcId="Colour")


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii"), min_size=1, max_size=20),
        st.none() | st.booleans() | st.integers() | st.text(),
        max_size=6,
    )
)
def test_every_input_is_placed_or_given_back_or_refused(inputs: dict[str, Any]) -> None:
    inputs = {f"x-{key}": value for key, value in inputs.items()} | {"vpcId": "vpc-1"}
    try:
        mapped = _map("ec2", "CreateSubnet", inputs)
    except OfflineError:
        return
    given_back = set(mapped.unplaced)
    placed = [key for key, value in inputs.items() if value is not None and key not in given_back]
    assert len(set(placed)) >= len(mapped.parameters)
    assert given_back <= set(inputs)


def test_enumerations_and_upper_limits_are_checked_where_botocore_does_not() -> None:
    found = limits.problems(
        _input("elbv2", "CreateListener"),
        {"LoadBalancerArn": "a", "Protocol": "GOPHER", "DefaultActions": [{"Type": "wave"}]},
    )
    assert [problem.split(";")[0] for problem in found] == [
        "Protocol: 'GOPHER'",
        "DefaultActions[0].Type: 'wave'",
    ]
    [too_long] = limits.problems(_input("iam", "CreateRole"), {"RoleName": "r" * 65})
    assert too_long == f"RoleName: 65 characters ('{'r' * 20}'...); accepted: at most 64"
    [too_many] = limits.problems(
        _input("cloudwatch", "PutMetricAlarm"), {"AlarmActions": ["a"] * 6}
    )
    assert too_many == "AlarmActions: 6 items; accepted: at most 5"
