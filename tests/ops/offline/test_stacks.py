"""The stacks as delivered, each created in moto, and at last deleted again.

Proves that the program stands on nothing unknown and that its whole graph passes botocore's
models and moto; does not prove that AWS accepts it. The last test of a stack ends it, so that one
creation serves them all.
"""

import re
from dataclasses import replace
from typing import Any

import boto3
import pytest

from ops.offline import OfflineError
from ops.offline.applier import IN_PROCESS, AppliedStack, apply
from ops.offline.diff.rules import FORCE_NEW
from ops.offline.engine.project import stack_names
from ops.offline.provider.lifecycle import delete, read, update
from ops.offline.provider.lifecycle.steering import STEERING
from ops.offline.recorder import record
from ops.offline.simulator.moto_patches import GPU_IMAGES
from ops.stack import StackOutputs
from tests.ops.offline.changes import CHANGES
from tests.ops.offline.live import existing, inventory, made_by_aws
from tests.support.stacks import SAMPLES, sample

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]

STACKS = ("dev", "local", "prod", "staging")


@pytest.fixture(scope="module")
def zone_id() -> str:
    """The hosted zone that a person has made before the first `pulumi up`."""
    zone = boto3.client("route53", region_name="us-east-1").create_hosted_zone(
        Name="example.com", CallerReference="once"
    )
    return str(zone["HostedZone"]["Id"].rpartition("/")[2])


@pytest.fixture(
    scope="module",
    params=[
        # The largest has nearly every type; `local` is applied by the tests of `perch up` too.
        pytest.param(name, marks=() if name == "prod" else pytest.mark.slow)
        for name in STACKS
    ],
)
def stack(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def before(stack: str, zone_id: str) -> set[str]:
    """What was there before the stack."""
    assert zone_id
    return inventory(sample(stack).config["aws:region"])


@pytest.fixture(scope="module")
def applied(stack: str, zone_id: str, before: set[str]) -> AppliedStack:
    assert not any(f"perch-{stack}" in name for name in before)
    has_zone = "zone_id" in sample(stack).config["perch:domain"]
    overrides = {"domain": {"zone_id": zone_id}} if has_zone else {}
    return apply(stack, endpoint_url=IN_PROCESS, overrides=overrides, root=SAMPLES)


_PUBLIC = {f"secrets {name}" for name in GPU_IMAGES}
"""Parameters of AWS's own, which appear once they are asked for."""


_STAYS = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",  # it goes with its VPC
    "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint",  # it is on paper
    "aws:acm/certificateValidation:CertificateValidation",  # the certificate still is
    "aws:s3/bucketVersioning:BucketVersioning",  # it can be suspended, not ended
    "aws:secretsmanager/secretVersion:SecretVersion",  # the current one goes with its secret
    "aws:sns/topicPolicy:TopicPolicy",  # a topic always has one
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
}


def _client(service: str, applied: AppliedStack) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(service, region_name=applied.outputs["region"])  # type: ignore[call-overload]


def test_every_stack_is_here() -> None:
    assert stack_names(SAMPLES) == STACKS


def test_a_preview_knows_what_only_aws_can_know_to_be_unknown() -> None:
    """Of the largest stack; tests/infra run every stack as a preview."""
    recording = record("prod", preview=True, root=SAMPLES)
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


def test_what_nobody_changed_reads_back_as_it_was_made(applied: AppliedStack) -> None:
    """Of every resource; `provider/lifecycle` shows that what somebody changed reads otherwise."""
    for urn in made_by_aws(applied):
        resource = existing(applied, urn)
        live = read(resource)
        assert live is not None, urn
        assert live.inputs == resource.inputs, urn
        changed = {key for key in live.outputs if live.outputs[key] != resource.outputs.get(key)}
        assert changed <= {"tags"}, urn  # which the engine merges with the default ones


@pytest.fixture(scope="module")
def changed() -> set[str]:
    """Types that have been changed in a stack before: once each is enough."""
    return set()


def test_a_change_of_each_type_is_made_read_back_and_undone(
    applied: AppliedStack, changed: set[str]
) -> None:
    """Every input of `changes`, on one resource a type; at AWS the difference is seen meanwhile."""
    for urn in made_by_aws(applied):
        before = existing(applied, urn)
        token = before.resource.type
        wanted = {
            key: change(before.inputs.get(key)) for key, change in CHANGES.get(token, {}).items()
        }
        wanted = {key: value for key, value in wanted.items() if value is not None}
        if token in changed or not wanted:
            continue
        changed.add(token)
        inputs = {**before.inputs, **wanted}
        after = replace(before, inputs=inputs, outputs=update(before, inputs))
        live, drift = read(after), read(before)
        assert live is not None, urn
        assert drift is not None, urn
        assert live.inputs == inputs, urn
        told = set(wanted) - set(STEERING.get(token, ()))
        assert {key for key in told if drift.inputs.get(key) == before.inputs.get(key)} == set()
        update(after, before.inputs)
        undone = read(before)
        assert undone is not None, urn
        assert undone.inputs == before.inputs, urn


def test_an_input_that_no_call_changes_is_named_and_nothing_is_called(
    applied: AppliedStack,
) -> None:
    [topic] = applied.recording.of_type("aws:sns/topic:Topic")
    before = existing(applied, topic.urn)
    wanted = {**before.inputs, "displayName": "changed", "fifoTopic": True}
    with pytest.raises(OfflineError, match=r"^fifoTopic: no call here changes this of aws:sns"):
        update(before, wanted)
    live = read(before)
    assert live is not None
    assert live.inputs == before.inputs


def test_deleted_in_reverse_order_it_leaves_nothing_behind(
    applied: AppliedStack, before: set[str]
) -> None:
    """Access logs would stop the deletion of their bucket, and protection the load balancer's.

    Proves that every type is deleted and that the order of creation, reversed, is one that AWS's
    refusals (as far as they are known here) let pass; not that AWS has no others.
    """
    region = applied.outputs["region"]
    for urn in reversed(made_by_aws(applied)):
        resource = existing(applied, urn)
        if resource.resource.type == "aws:lb/loadBalancer:LoadBalancer":
            off = {"Key": "deletion_protection.enabled", "Value": "false"}
            _client("elbv2", applied).modify_load_balancer_attributes(
                LoadBalancerArn=resource.id, Attributes=[off]
            )
        if resource.resource.type == "aws:s3/bucket:Bucket":
            resource = replace(resource, inputs={**resource.inputs, "forceDestroy": True})
        delete(resource)
        assert read(resource) is None or resource.resource.type in _STAYS
    assert inventory(region) - before - _PUBLIC == set()
