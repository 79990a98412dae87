"""Each component alone: its exact children, what it refuses, what it says of itself.

Proves what is asked of AWS, not that AWS accepts it or that the parts work together.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import pytest

from infra.entrance.certificate import Certificate, CertificateArgs
from infra.entrance.in_service import InService, InServiceArgs
from infra.entrance.load_balancer import ColourTarget, LoadBalancer
from infra.entrance.web_acl import WebAcl
from infra.machines.machine_group import MachineGroup
from infra.machines.programs import Programs, ProgramsArgs
from infra.machines.scaling import Scaling
from infra.machines.switch import Switch, SwitchArgs
from infra.network.endpoints import SERVICES, Endpoints
from infra.network.flow_logs import FlowLogs, FlowLogsArgs
from infra.observability.alarms import Alarms
from infra.observability.budget import Budget, BudgetArgs
from infra.observability.dashboard import Dashboard
from infra.observability.logs import Logs, LogsArgs
from infra.security.encryption import Encryption, EncryptionArgs
from infra.security.secret_store import SecretStore, SecretStoreArgs
from infra.security.secrets_version import SecretsVersion, SecretsVersionArgs
from infra.storage.bucket import PrivateBucket
from infra.storage.registry import Registry, RegistryArgs
from infra.storage.storage import Storage, StorageArgs
from tests.infra.building import HERE, build, children, component
from tests.infra.samples import (
    ALARMS,
    BALANCER,
    BUCKET,
    CERTIFICATE,
    COLOUR_ALARMS,
    DASHBOARD,
    ENCRYPTION,
    ENDPOINTS,
    KEY,
    MACHINE_GROUP,
    SCALING,
    WATCHED,
    WEB_ACL,
    secrets,
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
    "Fleet": (  # the token of MachineGroup in the state of every stack
        lambda: MachineGroup("x", MACHINE_GROUP),
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
            "MetricAlarm x-surplus",
            "MetricAlarm x-wake",
            "Policy x-idle",
            "Policy x-sessions",
            "Policy x-surplus",
            "Policy x-wake",
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
                "MetricAlarm x-gateway-certificate",
                "MetricAlarm x-secret-age",
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
        lambda: Encryption("x", ENCRYPTION),
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
        lambda: FlowLogs("x", FlowLogsArgs(vpc_id="vpc-1", log_group_arn="arn:l", location=HERE)),
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
        lambda: SecretStore("x", secrets()),
        [
            "Secret x-a-key",
            "Secret x-b-key",
            "Secret x-c-key",
            "SecretVersion x-a-key",
            "SecretVersion x-c-key",
        ],
    ),
    "Switch": (
        lambda: Switch("x", SwitchArgs(location=HERE, environment="test", first="on")),
        ["Parameter x-recognition"],
    ),
    "Programs": (
        lambda: Programs("x", ProgramsArgs(bucket="example")),
        ["BucketObjectv2 x-exporter"],
    ),
    "SecretsVersion": (
        lambda: SecretsVersion("x", SecretsVersionArgs(location=HERE, environment="test")),
        ["Parameter x-secrets-version"],
    ),
    "InService": (
        lambda: InService("x", InServiceArgs(environment="test", first="blue")),
        ["Parameter x-in-service"],
    ),
    "Storage": (
        lambda: Storage(
            "x", StorageArgs(location=HERE, key_arn=KEY, access_log_days=30, disposable=True)
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
    (
        lambda: MachineGroup("x", dataclasses.replace(MACHINE_GROUP, instance_types=[])),
        "instance_types is empty",
    ),
    (
        lambda: MachineGroup("x", dataclasses.replace(MACHINE_GROUP, min_machines=4)),
        "min_machines is 4",
    ),
    (
        lambda: MachineGroup("x", dataclasses.replace(MACHINE_GROUP, spot_percent=101)),
        "spot_percent is 101",
    ),
    (
        lambda: MachineGroup("x", dataclasses.replace(MACHINE_GROUP, ready_seconds=7201)),
        "ready_seconds is 7201",
    ),
    (
        lambda: MachineGroup("x", dataclasses.replace(MACHINE_GROUP, volume_gib=100)),
        "volume_gib is 100",
    ),
    (lambda: Scaling("x", dataclasses.replace(SCALING, min_machines=1)), "min_machines is 1"),
    (lambda: Scaling("x", dataclasses.replace(SCALING, start_machines=3)), "start_machines is 3"),
    (lambda: Scaling("x", dataclasses.replace(SCALING, idle_minutes=None)), "idle_minutes is None"),
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
        lambda: Encryption("x", EncryptionArgs(location=HERE, log_group_prefixes=[])),
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
        lambda: SecretStore(
            "x", SecretStoreArgs(descriptions={}, values={}, generated=["g"], key_arn=KEY)
        ),
        "generated has g",
    ),
    (
        # A word that the types do not allow, as a careless cast would bring it.
        lambda: Switch("x", SwitchArgs(location=HERE, environment="t", first=cast("Any", "maybe"))),
        "first is 'maybe'",
    ),
    (
        lambda: InService("x", InServiceArgs(environment="t", first=cast("Any", "red"))),
        "first is 'red'",
    ),
    (
        lambda: Storage(
            "x", StorageArgs(location=HERE, key_arn=KEY, access_log_days=0, disposable=True)
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
