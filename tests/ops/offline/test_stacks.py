"""The committed stacks, each created in moto.

Proves that the program stands on nothing unknown and that its whole graph passes botocore's
models and moto; does not prove that AWS accepts it, nor anything about a later change of it.
"""

import re
from typing import Any

import boto3
import pytest

from ops.offline.applier import IN_PROCESS, AppliedStack, apply
from ops.offline.diff.rules import FORCE_NEW
from ops.offline.engine.project import load_project, stack_names
from ops.offline.recorder import record
from ops.stack import StackOutputs

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]

STACKS = ("dev", "local", "prod", "staging")


@pytest.fixture(scope="module")
def zone_id() -> str:
    """The hosted zone that a person has made before the first `pulumi up`."""
    zone = boto3.client("route53", region_name="us-east-1").create_hosted_zone(
        Name="example.com", CallerReference="once"
    )
    return str(zone["HostedZone"]["Id"].rpartition("/")[2])


@pytest.fixture(scope="module", params=STACKS)
def applied(request: pytest.FixtureRequest, zone_id: str) -> AppliedStack:
    stack: str = request.param
    has_zone = "zone_id" in load_project(stack).config["perch:domain"]
    overrides = {"domain": {"zone_id": zone_id}} if has_zone else {}
    return apply(stack, endpoint_url=IN_PROCESS, overrides=overrides)


def _client(service: str, applied: AppliedStack) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(service, region_name=applied.outputs["region"])  # type: ignore[call-overload]


def test_every_stack_is_here() -> None:
    assert stack_names() == STACKS


def test_a_preview_knows_what_only_aws_can_know_to_be_unknown() -> None:
    """Of the largest stack; tests/infra run every stack as a preview."""
    recording = record("prod", preview=True)
    assert recording.masked_outputs["vpc_id"] == "[unknown]"
    assert recording.outputs["environment"] == "prod"


def test_the_listener_shares_sessions_out_by_the_configured_weights(applied: AppliedStack) -> None:
    [listener] = _client("elbv2", applied).describe_listeners(
        ListenerArns=[applied.outputs["listener_arn"]]
    )["Listeners"]
    [action] = listener["DefaultActions"]
    colours = applied.outputs["colours"]
    assert {
        group["TargetGroupArn"]: group["Weight"]
        for group in action["ForwardConfig"]["TargetGroups"]
    } == {colour["target_group_arn"]: colour["weight"] for colour in colours.values()}
    assert listener["Port"] == applied.outputs["listener_port"]


def test_each_colour_starts_machines_from_its_own_template(applied: AppliedStack) -> None:
    for colour in applied.outputs["colours"].values():
        [group] = _client("autoscaling", applied).describe_auto_scaling_groups(
            AutoScalingGroupNames=[colour["auto_scaling_group_name"]]
        )["AutoScalingGroups"]
        mixed = group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"]
        assert mixed["LaunchTemplateId"] == colour["launch_template_id"]
        assert group["TargetGroupARNs"] == [colour["target_group_arn"]]
        [version] = _client("ec2", applied).describe_launch_template_versions(
            LaunchTemplateId=colour["launch_template_id"]
        )["LaunchTemplateVersions"]
        assert version["LaunchTemplateData"]["MetadataOptions"]["HttpTokens"] == "required"


def test_outputs_keep_their_contract(applied: AppliedStack) -> None:
    assert StackOutputs.model_validate(dict(applied.outputs)).environment in STACKS


def test_only_the_connect_endpoint_exists_on_paper(applied: AppliedStack) -> None:
    assert {urn.split("$")[-1].split("::")[0] for urn in applied.unsupported} <= {
        "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint"
    }


def test_it_is_known_of_every_type_what_replaces_it(applied: AppliedStack) -> None:
    used = {resource.type for resource in applied.recording.resources.values()}
    assert {token for token in used if token.startswith("aws:")} <= set(FORCE_NEW)


def test_the_switch_is_on_and_takes_its_own_words_alone(applied: AppliedStack) -> None:
    ssm, name = _client("ssm", applied), applied.outputs["recognition_parameter_name"]
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "on"
    [described] = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])[
        "Parameters"
    ]
    assert described["AllowedPattern"] == "^(on|off|fallback)$"


def test_keys_of_resume_tokens_are_made_up_for_each_environment(applied: AppliedStack) -> None:
    held = _client("secretsmanager", applied).get_secret_value(
        SecretId=applied.outputs["secret_arns"]["gateway_resume_keys"]
    )
    assert re.fullmatch(r"[A-Za-z0-9]{64}", held["SecretString"])
