"""What somebody changed by hand reads as it is now; what only looks otherwise reads as it was."""

import json
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.offline.provider.lifecycle import read
from ops.offline.provider.lifecycle.alignment import ANY, same, settle
from tests.ops.offline.provider.lifecycle.conftest import REGION, Make

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]


def _client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def test_a_rule_put_into_the_default_group_by_hand_shows(make: Make) -> None:
    vpc = make("aws:ec2/vpc:Vpc", {"cidrBlock": "10.5.0.0/16"})
    group = make(
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        {"vpcId": vpc.id, "ingress": [], "egress": []},
    )
    open_to_all = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    _client("ec2").authorize_security_group_ingress(GroupId=group.id, IpPermissions=[open_to_all])
    live = read(group)
    assert live is not None
    assert live.inputs["egress"] == []
    [rule] = live.inputs["ingress"]
    assert (rule["protocol"], rule["cidrBlocks"]) == ("-1", ["0.0.0.0/0"])


def test_a_tag_put_on_by_hand_shows_even_where_the_program_gave_none(make: Make) -> None:
    logs = make("aws:cloudwatch/logGroup:LogGroup", {"name": "/tagged"})
    _client("logs").tag_resource(resourceArn=logs.outputs["arn"], tags={"who": "me"})
    live = read(logs)
    assert live is not None
    assert live.inputs["tags"] == {"who": "me"}


def test_a_parameter_turned_by_hand_shows_with_its_version(make: Make) -> None:
    switch = make("aws:ssm/parameter:Parameter", {"name": "/s", "type": "String", "value": "on"})
    _client("ssm").put_parameter(Name="/s", Value="off", Overwrite=True)
    live = read(switch)
    assert live is not None
    assert live.inputs == {**switch.inputs, "value": "off"}
    assert live.outputs["version"] == switch.outputs["version"] + 1


def test_what_is_gone_reads_as_gone(make: Make) -> None:
    key = make("aws:kms/key:Key", {"description": "k"})
    _client("kms").schedule_key_deletion(KeyId=key.id, PendingWindowInDays=7)
    assert read(key) is None
    secret = make("aws:secretsmanager/secret:Secret", {"name": "went"})
    _client("secretsmanager").delete_secret(SecretId=secret.id)
    assert read(secret) is None


@pytest.mark.parametrize(
    ("old", "live"),
    [
        ("true", True),
        (40, 40.0),
        ("0", "0.0"),
        (["b", "a"], ["a", "b"]),
        ([{"k": 1}, {"k": 2}], [{"k": "2"}, {"k": "1"}]),
        ('{"Action": ["s3:Get", "s3:Put"]}', '{"Action": ["s3:Put", "s3:Get"]}'),
        ('{"Action": ["s3:Get"]}', '{"Action":"s3:Get"}'),
    ],
)
def test_what_means_the_same_is_no_change(old: object, live: object) -> None:
    assert same(old, live)
    assert settle({"key": old, "x": 1}, {"key": live, "x": 1}, {}) == {"key": old, "x": 1}


@pytest.mark.parametrize(
    ("old", "live"),
    [
        (True, False),
        ("1", "11"),
        (["a"], ["a", "a"]),
        ({"allow": {}}, {"block": {}}),
        ('{"Action": "s3:Get"}', '{"Action": "s3:*"}'),
        ("{not json", "{nor this"),
    ],
)
def test_what_means_something_else_is_told_as_it_is(old: object, live: object) -> None:
    assert not same(old, live)
    assert settle({"key": old}, {"key": live}, {})["key"] == live


def test_only_the_changed_member_of_a_list_is_told_anew() -> None:
    old = [{"name": "b", "on": "true"}, {"name": "a", "on": "true"}]
    live = [{"name": "a", "on": True}, {"name": "b", "on": False}]
    assert settle({"x": old}, {"x": live}, {}) == {
        "x": [{"name": "a", "on": "true"}, {"name": "b", "on": False}]
    }


def test_order_matters_where_it_means_something() -> None:
    old = [{"instanceType": "g6"}, {"instanceType": "g5"}]
    assert settle({"overrides": old}, {"overrides": old[::-1]}, {}) != {"overrides": old}


def test_what_aws_puts_there_by_itself_is_left_out_and_another_value_shows() -> None:
    defaults = {"a": 1, "b.c": ANY}
    assert settle({}, {"a": 1, "b": {"c": "chosen"}, "off": False}, defaults) == {}
    assert settle({}, {"a": 2}, defaults) == {"a": 2}
    assert settle({"b": {"d": 1}}, {"b": {"c": "chosen", "d": 1}}, defaults) == {"b": {"d": 1}}


def test_what_is_gone_at_aws_is_left_out() -> None:
    assert settle({"a": 1, "b": []}, {}, {}) == {"b": []}


_LEAF = st.integers(1, 9) | st.text("ab", min_size=1, max_size=3) | st.just(True)
_BLOCK = st.dictionaries(st.text("xy", min_size=1), _LEAF)
_INPUT = _LEAF | _BLOCK | st.lists(_LEAF) | st.lists(_BLOCK)
"""As inputs are; a flag that is off is left out, as AWS leaves it out."""


@given(st.dictionaries(st.text("kl", min_size=1), _INPUT))
def test_anything_reads_back_as_itself_in_any_order_of_its_lists(old: dict[str, Any]) -> None:
    assert settle(old, json.loads(json.dumps(_reversed(old))), {}) == old


def _reversed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _reversed(item) for key, item in value.items()}
    return [_reversed(item) for item in reversed(value)] if isinstance(value, list) else value
