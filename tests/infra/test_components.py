"""Each component alone: its exact children, what it refuses, what it says of itself.

Proves what is asked of AWS, not that AWS accepts it or that the parts work together.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from infra.alarms import Alarms, AlarmsArgs, Watched
from infra.bucket import BucketArgs, PrivateBucket
from infra.budget import Budget, BudgetArgs
from infra.certificate import Certificate, CertificateArgs
from infra.dashboard import Dashboard, DashboardArgs
from infra.encryption import Encryption, EncryptionArgs
from infra.endpoints import SERVICES, Endpoints, EndpointsArgs
from infra.fleet import Fleet, FleetArgs
from infra.flow_logs import FlowLogs, FlowLogsArgs
from infra.load_balancer import ColourTarget, LoadBalancer, LoadBalancerArgs
from infra.logs import Logs, LogsArgs
from infra.machine_role import MachineRights
from infra.registry import Registry, RegistryArgs
from infra.scaling import Scaling, ScalingArgs
from infra.secret_store import SecretStore, SecretStoreArgs
from infra.sections import OfficeHours
from infra.storage import Storage, StorageArgs
from infra.web_acl import WebAcl, WebAclArgs
from tests.infra.building import HERE, REGION, build, children, component

KEY = "arn:aws:kms:us-east-2:123456789012:key/k"
ACCOUNT = "123456789012"

BUCKET = BucketArgs(bucket="b-1", key_arn=KEY)
BALANCER = LoadBalancerArgs(
    vpc_id="vpc-1",
    subnet_ids=["subnet-1", "subnet-2"],
    security_group_id="sg-1",
    certificate_arn="arn:aws:acm:us-east-2:123456789012:certificate/c",
    colours={
        "blue": ColourTarget(gateway_port=8080, weight=90),
        "green": ColourTarget(gateway_port=8080, weight=10),
    },
    port=443,
    http_redirect=True,
    internal=False,
    tls_policy="ELBSecurityPolicy-TLS13-1-2-2021-06",
    idle_timeout_seconds=360,
    drain_seconds=300,
    deletion_protection=True,
    log_bucket="logs",
    direct_header="X-Perch-Colour",
    direct_cidrs=["203.0.113.0/24"],
    domain="speech.example.com",
    zone_id="Z00000000000000EXAMPLE",
)
RIGHTS = MachineRights(
    place=HERE,
    auto_scaling_group_name="filled in by the fleet",
    secret_arns=["arn:aws:secretsmanager:us-east-2:123456789012:secret:s"],
    key_arn=KEY,
    cache_bucket_arn="arn:aws:s3:::cache",
    artefact_bucket_arn="arn:aws:s3:::artefacts",
    repository_arns=["arn:aws:ecr:us-east-2:123456789012:repository/r"],
    log_group_arns=["arn:aws:logs:us-east-2:123456789012:log-group:/perch/test/gateway"],
    metrics_namespace="Perch",
)
FLEET = FleetArgs(
    ami_id="ami-1",
    instance_types=["g6.xlarge", "g6.2xlarge"],
    min_machines=1,
    max_machines=3,
    start_machines=0,
    subnet_ids=["subnet-1", "subnet-2"],
    security_group_id="sg-1",
    target_group_arn="arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/t/1",
    volume_gib=200,
    key_arn=KEY,
    service_role_arn="arn:aws:iam::123456789012:role/r",
    rights=RIGHTS,
    user_data="I2Nsb3VkLWNvbmZpZwo=",
    ready_seconds=3300,
    drain_seconds=300,
    tags={"Project": "perch"},
)
SCALING = ScalingArgs(
    auto_scaling_group_name="g",
    metrics_namespace="Perch",
    streams_per_machine=40,
    min_machines=0,
    max_machines=2,
    start_machines=1,
    idle_minutes=60,
    office_hours=OfficeHours(start="0 8 * * MON-FRI", stop="0 19 * * MON-FRI", time_zone="Etc/UTC"),
)
WATCHED = Watched(
    target_group_suffix="targetgroup/t/1", auto_scaling_group_name="g", min_machines=1
)
ALARMS = AlarmsArgs(
    environment="test",
    account_id=ACCOUNT,
    balancer_suffix="app/b/1",
    certificate_arn="arn:aws:acm:us-east-2:123456789012:certificate/c",
    colours={"blue": WATCHED, "green": dataclasses.replace(WATCHED, min_machines=0)},
    emails=["oncall@example.com"],
    key_arn=KEY,
)
DASHBOARD = DashboardArgs(
    region=REGION,
    environment="test",
    balancer_suffix="app/b/1",
    target_group_suffixes={"blue": "targetgroup/b/1", "green": "targetgroup/g/1"},
    auto_scaling_group_names={"blue": "b", "green": "g"},
)
CERTIFICATE = CertificateArgs(
    domain="speech.example.com", alternative_names=["speech.example.org"], zone_id="Z00000EXAMPLE"
)
ENDPOINTS = EndpointsArgs(
    region=REGION,
    vpc_id="vpc-1",
    subnet_ids=["subnet-1"],
    security_group_id="sg-1",
    connect_group_id="sg-2",
)
WEB_ACL = WebAclArgs(
    load_balancer_arn="arn:aws:elasticloadbalancing:us-east-2:123456789012:loadbalancer/app/b/1",
    requests_per_5_minutes=2000,
    retention_days=365,
    key_arn=KEY,
)
COLOUR_ALARMS = (
    "boot-failures",
    "disk-space",
    "gpu-memory",
    "nearly-full",
    "target-errors",
    "targets-unhealthy",
    "targets-unreachable",
)

CHILDREN: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "PrivateBucket": (
        lambda: PrivateBucket("x", dataclasses.replace(BUCKET, log_bucket="logs")),
        [
            "Bucket x",
            "BucketLifecycleConfiguration x",
            "BucketLogging x",
            "BucketOwnershipControls x",
            "BucketPolicy x",
            "BucketPublicAccessBlock x",
            "BucketServerSideEncryptionConfiguration x",
            "BucketVersioning x",
        ],
    ),
    "LoadBalancer": (
        lambda: LoadBalancer("x", BALANCER),
        [
            "Listener x-http",
            "Listener x-https",
            "ListenerRule x-direct-blue",
            "ListenerRule x-direct-green",
            "ListenerRule x-metrics",
            "LoadBalancer x",
            "Record x-name",
            "TargetGroup x-blue",
            "TargetGroup x-green",
        ],
    ),
    "Fleet": (
        lambda: Fleet("x", FLEET),
        [
            "Group x",
            "InstanceProfile x",
            "LaunchTemplate x",
            "LifecycleHook x-drained",
            "LifecycleHook x-ready",
            "Role x",
            "RolePolicy x",
            "RolePolicyAttachment x-session-manager",
        ],
    ),
    "Scaling": (
        lambda: Scaling("x", SCALING),
        [
            "MetricAlarm x-idle",
            "Policy x-idle",
            "Policy x-sessions",
            "Schedule x-start",
            "Schedule x-stop",
        ],
    ),
    "Alarms": (
        lambda: Alarms("x", ALARMS),
        sorted(
            [
                "CompositeAlarm x-any",
                "CompositeAlarm x-blue-any",
                "CompositeAlarm x-green-any",
                "MetricAlarm x-blue-too-few-machines",
                "MetricAlarm x-certificate-expires",
                "MetricAlarm x-connections-rejected",
                "MetricAlarm x-entrance-errors",
                "Topic x-alarms",
                "TopicPolicy x-alarms",
                "TopicSubscription x-alarms-oncall-at-example.com",
                *(
                    f"MetricAlarm x-{colour}-{slug}"
                    for colour in ("blue", "green")
                    for slug in COLOUR_ALARMS
                ),
            ]
        ),
    ),
    "Dashboard": (lambda: Dashboard("x", DASHBOARD), ["Dashboard x"]),
    "Budget": (
        lambda: Budget("x", BudgetArgs(environment="test", monthly_usd=5, topic_arn="arn:t")),
        ["Budget x-monthly"],
    ),
    "Certificate": (
        lambda: Certificate("x", CERTIFICATE),
        ["Certificate x", "CertificateValidation x", "Record x-proof-0", "Record x-proof-1"],
    ),
    "Encryption": (
        lambda: Encryption("x", EncryptionArgs(place=HERE, log_group_prefixes=["/perch/x/"])),
        [
            "Alias x-data",
            "Alias x-telemetry",
            "Key x-data",
            "Key x-telemetry",
            "ServiceLinkedRole x-autoscaling",
        ],
    ),
    "Endpoints": (
        lambda: Endpoints("x", ENDPOINTS),
        ["InstanceConnectEndpoint x-connect"]
        + [f"VpcEndpoint x-{service.replace('.', '-')}" for service in SERVICES],
    ),
    "FlowLogs": (
        lambda: FlowLogs(
            "x", FlowLogsArgs(vpc_id="vpc-1", log_group_arn="arn:l", account_id=ACCOUNT)
        ),
        ["FlowLog x-flow-logs", "Role x-flow-logs", "RolePolicy x-flow-logs"],
    ),
    "Logs": (
        lambda: Logs("x", LogsArgs(prefix="/perch/x/", retention_days=365, key_arn=KEY)),
        ["LogGroup x-asr", "LogGroup x-flow", "LogGroup x-gateway", "LogGroup x-system"],
    ),
    "Registry": (
        lambda: Registry("x", RegistryArgs(repository="x", key_arn=KEY)),
        ["LifecyclePolicy x", "Repository x"],
    ),
    "SecretStore": (
        lambda: SecretStore(
            "x",
            SecretStoreArgs(
                descriptions={"a_key": "A", "b_key": "B"},
                values={"a_key": pulumi.Output.secret("made up"), "b_key": None},
                key_arn=KEY,
            ),
        ),
        ["Secret x-a-key", "Secret x-b-key", "SecretVersion x-a-key"],
    ),
    "Storage": (
        lambda: Storage(
            "x", StorageArgs(place=HERE, key_arn=KEY, access_log_days=30, disposable=True)
        ),
        [
            "PrivateBucket x-access-logs",
            "PrivateBucket x-artefacts",
            "PrivateBucket x-models",
            "Registry x-gateway",
        ],
    ),
    "WebAcl": (
        lambda: WebAcl("x", WEB_ACL),
        ["LogGroup x-waf", "WebAcl x", "WebAclAssociation x", "WebAclLoggingConfiguration x"],
    ),
}


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("kind", CHILDREN)
def test_a_component_has_exactly_these_children(kind: str, preview: bool) -> None:
    program, expected = CHILDREN[kind]
    assert children(build(program, preview=preview), kind, "x") == expected


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_component_registers_its_outputs(kind: str) -> None:
    recording = build(CHILDREN[kind][0])
    assert component(recording, kind, "x").urn in recording.component_outputs


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: PrivateBucket("x", dataclasses.replace(BUCKET, expire_days=0)), "expire_days is 0"),
    (
        lambda: LoadBalancer("x", dataclasses.replace(BALANCER, subnet_ids=["s"])),
        "subnet_ids has 1",
    ),
    (
        lambda: LoadBalancer(
            "x",
            dataclasses.replace(
                BALANCER, colours={"blue": ColourTarget(gateway_port=8080, weight=100)}
            ),
        ),
        "colours has weights",
    ),
    (
        lambda: LoadBalancer("x", dataclasses.replace(BALANCER, drain_seconds=3600)),
        "drain_seconds is",
    ),
    (lambda: Fleet("x", dataclasses.replace(FLEET, instance_types=[])), "instance_types is empty"),
    (lambda: Fleet("x", dataclasses.replace(FLEET, min_machines=4)), "min_machines is 4"),
    (lambda: Fleet("x", dataclasses.replace(FLEET, ready_seconds=7201)), "ready_seconds is 7201"),
    (lambda: Fleet("x", dataclasses.replace(FLEET, volume_gib=100)), "volume_gib is 100"),
    (lambda: Scaling("x", dataclasses.replace(SCALING, min_machines=1)), "min_machines is 1"),
    (lambda: Scaling("x", dataclasses.replace(SCALING, start_machines=3)), "start_machines is 3"),
    (lambda: Alarms("x", dataclasses.replace(ALARMS, colours={"blue": WATCHED})), "colours has"),
    (
        lambda: Dashboard(
            "x", dataclasses.replace(DASHBOARD, auto_scaling_group_names={"blue": "b"})
        ),
        "auto_scaling_group_names has",
    ),
    (
        lambda: Budget("x", BudgetArgs(environment="t", monthly_usd=0, topic_arn="t")),
        "monthly_usd is 0",
    ),
    (
        lambda: Certificate(
            "x", CertificateArgs(domain="a.example", alternative_names=["a.example"])
        ),
        "alternative_names is",
    ),
    (
        lambda: Encryption("x", EncryptionArgs(place=HERE, log_group_prefixes=[])),
        "log_group_prefixes is empty",
    ),
    (lambda: Endpoints("x", dataclasses.replace(ENDPOINTS, subnet_ids=[])), "subnet_ids is empty"),
    (
        lambda: Logs("x", LogsArgs(prefix="perch", retention_days=1, key_arn=KEY)),
        "prefix is 'perch'",
    ),
    (
        lambda: Registry("x", RegistryArgs(repository="x", key_arn=KEY, keep_images=1)),
        "keep_images is 1",
    ),
    (
        lambda: SecretStore("x", SecretStoreArgs(descriptions={}, values={"a": None}, key_arn=KEY)),
        "values has a",
    ),
    (
        lambda: Storage(
            "x", StorageArgs(place=HERE, key_arn=KEY, access_log_days=0, disposable=True)
        ),
        "access_log_days is 0",
    ),
    (lambda: WebAcl("x", dataclasses.replace(WEB_ACL, requests_per_5_minutes=9)), "requests_per_5"),
]


@pytest.mark.parametrize(("program", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_bad_input_is_refused_before_any_resource(program: Callable[[], Any], said: str) -> None:
    """No stack is running here: a component that registered first would fail in another way."""
    with pytest.raises(ValueError, match=said) as refused:
        program()
    assert "accepted" in str(refused.value)


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
    recording = build(CHILDREN["SecretStore"][0])
    version = recording.one("aws:secretsmanager/secretVersion:SecretVersion")
    assert version.input_is_secret("secretString")
    assert "made up" not in json.dumps(
        recording.one("aws:secretsmanager/secret:Secret", "x-a-key").inputs
    )


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
    recording = build(lambda: Fleet("x", FLEET))
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
    group = build(lambda: Fleet("x", FLEET)).one("aws:autoscaling/group:Group")
    assert group.options["ignoreChanges"] == ["desiredCapacity"]
    assert group.inputs["desiredCapacity"] == 1


def test_the_role_is_for_the_fleets_own_group_only() -> None:
    recording = build(lambda: Fleet("x", FLEET))
    policy = json.loads(recording.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])
    own = next(one for one in policy["Statement"] if one["Sid"] == "OwnLifecycle")
    assert own["Resource"] == [
        "arn:aws:autoscaling:us-east-2:123456789012:autoScalingGroup:*:autoScalingGroupName/x"
    ]


def test_office_hours_start_what_is_asked_for_and_stop_everything() -> None:
    recording = build(lambda: Scaling("x", SCALING))
    actions = {
        one.inputs["scheduledActionName"]: (one.inputs["minSize"], one.inputs["desiredCapacity"])
        for one in recording.of_type("aws:autoscaling/schedule:Schedule")
    }
    assert actions == {"start": (0, 1), "stop": (0, 0)}


def test_an_hour_without_a_session_is_twelve_looks_of_five_minutes() -> None:
    alarm = build(lambda: Scaling("x", SCALING)).one("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert (alarm.inputs["period"], alarm.inputs["evaluationPeriods"]) == (300, 12)
    assert alarm.inputs["treatMissingData"] == "notBreaching"


def test_a_log_group_prefix_of_the_telemetry_key_is_all_that_logs_may_use() -> None:
    recording = build(CHILDREN["Encryption"][0])
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
    args = EncryptionArgs(place=HERE, log_group_prefixes=["/x/"], disposable=disposable)
    keys = build(lambda: Encryption("x", args)).of_type("aws:kms/key:Key")
    assert [bool(key.options.get("protect")) for key in keys] == [protected] * 2
