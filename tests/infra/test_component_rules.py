"""What components do with particular arguments, as far as their inputs show it."""

import dataclasses
import json
import re

import pytest

from infra.entrance.certificate import Certificate
from infra.entrance.in_service import InService, InServiceArgs
from infra.entrance.load_balancer import LoadBalancer
from infra.machines.machine_group import MachineGroup
from infra.machines.switch import Switch, SwitchArgs
from infra.security.encryption import Encryption, EncryptionArgs
from infra.security.secret_store import SecretStore
from tests.infra.building import HERE, build, children, component
from tests.infra.samples import BALANCER, CERTIFICATE, ENCRYPTION, MACHINE_GROUP, secrets


def test_an_imported_certificate_is_used_as_it_is() -> None:
    arn = "arn:aws:acm:us-east-2:123456789012:certificate/mine"
    recording = build(lambda: Certificate("x", dataclasses.replace(CERTIFICATE, existing_arn=arn)))
    assert children(recording, "Certificate", "x") == []
    urn = component(recording, "Certificate", "x").urn
    assert recording.component_outputs[urn].values == {"arn": arn}


def test_without_a_zone_the_certificate_waits_for_records_written_by_hand() -> None:
    recording = build(lambda: Certificate("x", dataclasses.replace(CERTIFICATE, zone_id=None)))
    assert children(recording, "Certificate", "x") == ["Certificate x", "CertificateValidation x"]


def test_secret_values_stay_secret_and_absent_ones_are_not_invented() -> None:
    recording = build(lambda: SecretStore("x", secrets()))
    version = recording.one("aws:secretsmanager/secretVersion:SecretVersion", "x-a-key")
    assert version.inputs["secretString"] == "made up"  # pragma: allowlist secret
    assert version.input_is_secret("secretString")
    assert "made up" not in json.dumps(
        recording.one("aws:secretsmanager/secret:Secret", "x-a-key").inputs
    )


def test_a_value_that_aws_made_up_is_secret_and_made_up_once() -> None:
    """The look-up answers anew each time; what a person put in since must not be overwritten."""
    recording = build(lambda: SecretStore("x", secrets()))
    version = recording.one("aws:secretsmanager/secretVersion:SecretVersion", "x-c-key")
    assert version.input_is_secret("secretString")
    assert version.inputs["secretString"]
    assert version.options["ignoreChanges"] == ["secretString"]


def test_a_secret_that_is_called_otherwise_now_is_the_one_that_it_was() -> None:
    """Another would be made in its place, and the old one, with its value, is protected."""
    former = {"a_key": "signing_key"}
    recording = build(lambda: SecretStore("x", dataclasses.replace(secrets(), former=former)))
    for kind in ("secret:Secret", "secretVersion:SecretVersion"):
        made = recording.one(f"aws:secretsmanager/{kind}", "x-a-key")
        assert [urn.rpartition("::")[2] for urn in made.alias_urns] == ["x-signing-key"]
    assert recording.one("aws:secretsmanager/secret:Secret", "x-b-key").alias_urns == ()


def test_pulumi_makes_the_switch_but_never_turns_it_back() -> None:
    """`perch recognition` turns it in an emergency, with no deployment.

    Were its value compared, the next `pulumi up`, for whatever other reason, would turn
    recognition on again while somebody counts on its being off.
    """
    recording = build(
        lambda: Switch("x", SwitchArgs(location=HERE, environment="test", first="off"))
    )
    parameter = recording.one("aws:ssm/parameter:Parameter")
    assert parameter.options["ignoreChanges"] == ["value"]
    assert parameter.inputs["name"] == "/perch/test/recognition"
    assert (parameter.inputs["type"], parameter.inputs["tier"]) == ("String", "Standard")
    assert parameter.inputs["value"] == "off"


@pytest.mark.parametrize(
    ("word", "taken"),
    [("on", True), ("off", True), ("fallback", True), ("On", False), ("on\n", False), ("", False)],
)
def test_the_switch_takes_its_own_words_alone(word: str, taken: bool) -> None:
    recording = build(
        lambda: Switch("x", SwitchArgs(location=HERE, environment="test", first="on"))
    )
    pattern = recording.one("aws:ssm/parameter:Parameter").inputs["allowedPattern"]
    assert bool(re.fullmatch(pattern.removeprefix("^").removesuffix("$"), word)) is taken


def test_pulumi_makes_the_record_of_the_colour_in_service_but_never_turns_it_back() -> None:
    """`perch canary` writes it at a promotion; the next `pulumi up` must not undo that."""
    recording = build(lambda: InService("x", InServiceArgs(environment="test", first="green")))
    parameter = recording.one("aws:ssm/parameter:Parameter")
    assert parameter.options["ignoreChanges"] == ["value"]
    assert parameter.inputs["name"] == "/perch/test/in-service"
    assert parameter.inputs["value"] == "green"
    assert parameter.inputs["allowedPattern"] == "^(blue|green)$"


def test_only_the_named_colours_machines_are_reached_by_the_header() -> None:
    recording = build(lambda: LoadBalancer("x", BALANCER))
    for colour in ("blue", "green"):
        rule = recording.one("aws:lb/listenerRule:ListenerRule", f"x-direct-{colour}")
        group = recording.one("aws:lb/targetGroup:TargetGroup", f"x-{colour}")
        assert rule.inputs["conditions"] == [
            {"httpHeader": {"httpHeaderName": "X-Perch-Colour", "values": [colour]}},
            {"sourceIp": {"values": ["203.0.113.0/24"]}},
        ]
        assert group.urn in rule.dependencies
        assert [action["type"] for action in rule.inputs["actions"]] == ["forward"]


def test_metrics_are_hidden_before_any_other_rule_and_fullness_replaces_no_machine() -> None:
    recording = build(lambda: LoadBalancer("x", BALANCER))
    rule = recording.one("aws:lb/listenerRule:ListenerRule", "x-metrics")
    assert rule.inputs["conditions"] == [{"pathPattern": {"values": ["/metrics"]}}]
    assert [action["type"] for action in rule.inputs["actions"]] == ["fixed-response"]
    priorities = {
        each.name: each.inputs["priority"]
        for each in recording.of_type("aws:lb/listenerRule:ListenerRule")
    }
    assert min(priorities, key=priorities.__getitem__) == "x-metrics"
    for group in recording.of_type("aws:lb/targetGroup:TargetGroup"):
        assert group.inputs["healthCheck"]["path"] == "/readyz?ignore=capacity"


def test_an_abandoned_start_takes_nothing_into_service_and_a_stuck_drain_ends() -> None:
    recording = build(lambda: MachineGroup("x", MACHINE_GROUP))
    hooks = {
        hook.inputs["name"]: (hook.inputs["defaultResult"], hook.inputs["heartbeatTimeout"])
        for hook in recording.of_type("aws:autoscaling/lifecycleHook:LifecycleHook")
    }
    assert hooks == {"ready": ("ABANDON", 3300), "drained": ("CONTINUE", 360)}
    group = recording.one("aws:autoscaling/group:Group")
    initial = {
        hook["name"]: hook["defaultResult"] for hook in group.inputs["initialLifecycleHooks"]
    }
    assert initial == {name: result for name, (result, _) in hooks.items()}


def test_scaling_never_fights_with_pulumi_over_the_number_of_machines() -> None:
    group = build(lambda: MachineGroup("x", MACHINE_GROUP)).one("aws:autoscaling/group:Group")
    assert group.options["ignoreChanges"] == ["desiredCapacity", "initialLifecycleHooks"]
    assert group.inputs["desiredCapacity"] == 1


def test_the_role_is_for_the_groups_own_name_only() -> None:
    recording = build(lambda: MachineGroup("x", MACHINE_GROUP))
    policy = json.loads(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
    own = next(one for one in policy["Statement"] if one["Sid"] == "OwnLifecycle")
    assert own["Resource"] == [
        "arn:aws:autoscaling:us-east-2:123456789012:autoScalingGroup:*:autoScalingGroupName/x"
    ]


def test_a_log_group_prefix_of_the_telemetry_key_is_all_that_logs_may_use() -> None:
    recording = build(lambda: Encryption("x", ENCRYPTION))
    policy = json.loads(recording.one("aws:kms/key:Key", "x-telemetry").inputs["policy"])
    logs = next(one for one in policy["Statement"] if one["Sid"] == "Logs")
    assert logs["Condition"] == {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": [
                "arn:aws:logs:us-east-2:123456789012:log-group:/perch/x/*"
            ]
        }
    }


@pytest.mark.parametrize(("disposable", "protected"), [(False, True), (True, False)])
def test_keys_are_protected_unless_the_stack_is_disposable(
    disposable: bool, protected: bool
) -> None:
    args = EncryptionArgs(location=HERE, log_group_prefixes=["/x/"], disposable=disposable)
    keys = build(lambda: Encryption("x", args)).of_type("aws:kms/key:Key")
    assert [bool(key.options.get("protect")) for key in keys] == [protected] * 2
