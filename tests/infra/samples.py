"""Arguments of components, small and valid: what a test changes is what it is about."""

import dataclasses

import pulumi

from infra.config.sections import OfficeHours
from infra.entrance.certificate import CertificateArgs
from infra.entrance.load_balancer import ColourTarget, LoadBalancerArgs
from infra.entrance.web_acl import WebAclArgs
from infra.machines.machine_group import MachineGroupArgs
from infra.machines.machine_role import MachineRights
from infra.machines.scaling import ScalingArgs
from infra.network.endpoints import EndpointsArgs
from infra.observability.alarms import AlarmsArgs, Watched
from infra.observability.dashboard import DashboardArgs
from infra.security.encryption import EncryptionArgs
from infra.security.secret_store import SecretStoreArgs
from infra.storage.bucket import BucketArgs
from tests.infra.building import HERE, REGION

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
    location=HERE,
    secret_arns=["arn:aws:secretsmanager:us-east-2:123456789012:secret:s"],
    key_arn=KEY,
    parameter_arns=["arn:aws:ssm:us-east-2:123456789012:parameter/perch/test/recognition"],
    cache_bucket_arn="arn:aws:s3:::cache",
    artefact_bucket_arn="arn:aws:s3:::artefacts",
    repository_arns=["arn:aws:ecr:us-east-2:123456789012:repository/r"],
    log_group_arns=["arn:aws:logs:us-east-2:123456789012:log-group:/perch/test/gateway"],
)
MACHINE_GROUP = MachineGroupArgs(
    ami_id="ami-1",
    instance_types=["g6.xlarge", "g6.2xlarge"],
    min_machines=1,
    max_machines=3,
    start_machines=0,
    spot_percent=0,
    on_demand_base=0,
    held_by_clock=False,
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
ENCRYPTION = EncryptionArgs(location=HERE, log_group_prefixes=["/perch/x/"])
SCALING = ScalingArgs(
    auto_scaling_group_name="g",
    balancer_suffix="app/b/1",
    streams_per_machine=40,
    min_machines=0,
    max_machines=2,
    start_machines=1,
    idle_minutes=60,
    office_hours=OfficeHours(start="0 8 * * MON-FRI", stop="0 19 * * MON-FRI", time_zone="Etc/UTC"),
)
WATCHED = Watched(
    target_group_suffix="targetgroup/t/1",
    auto_scaling_group_name="g",
    min_machines=1,
    ready_seconds=3300,
)
ALARMS = AlarmsArgs(
    environment="test",
    account_id=ACCOUNT,
    balancer_suffix="app/b/1",
    certificate_arn="arn:aws:acm:us-east-2:123456789012:certificate/c",
    colours={"blue": WATCHED, "green": dataclasses.replace(WATCHED, min_machines=0)},
    may_be_empty=False,
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
    "final-late",
    "first-interim-late",
    "gpu-lost",
    "gpu-memory",
    "log-agent-failures",
    "machines-missing",
    "metrics-missing",
    "model-cache-failures",
    "nearly-full",
    "sessions-failing",
    "sessions-turned-away",
    "target-errors",
    "targets-unhealthy",
    "targets-unreachable",
)


def secrets() -> SecretStoreArgs:
    """Made where the program runs: a secret output belongs to its event loop."""
    return SecretStoreArgs(
        descriptions={"a_key": "A", "b_key": "B", "c_key": "C"},
        values={"a_key": pulumi.Output.secret("made up"), "b_key": None},
        key_arn=KEY,
        generated=["a_key", "c_key"],
    )
