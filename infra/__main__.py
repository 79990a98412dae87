"""One environment of Perch, from top to bottom.

A stack's settings come in at the top, its outputs leave at the bottom. In between: keys
and secrets, a place to be, an entrance, and two groups of GPU machines behind it, of which a
release replaces one at a time.
"""

from infra import by_hand

# Said before the SDK is loaded, which takes seconds.
by_hand.refuse(
    __spec__,
    what="The Pulumi program of one environment of Perch.",
    instead="`perch preview`, or `pulumi preview` in the repository",
)

import pulumi
import pulumi_aws as aws

from infra.boot.settings import LAUNCH_SECONDS
from infra.catalogue.models import ecr_repository_arn
from infra.config.machine import BootContext, fallback_endpoints, fallback_ports
from infra.config.sections import Colour, ColourSettings
from infra.config.stack import GENERATED, SECRETS, load
from infra.entrance.certificate import Certificate, CertificateArgs
from infra.entrance.load_balancer import ColourTarget, LoadBalancer, LoadBalancerArgs
from infra.entrance.web_acl import LOG_GROUP_PREFIX, WebAcl, WebAclArgs
from infra.export import export
from infra.iam import AwsLocation
from infra.machines.launch import gateway_artifact, machine_image, user_data
from infra.machines.machine_group import MachineGroup, MachineGroupArgs
from infra.machines.machine_role import MachineRights
from infra.machines.scaling import Scaling, ScalingArgs
from infra.machines.switch import Switch, SwitchArgs
from infra.network.endpoints import Endpoints, EndpointsArgs
from infra.network.firewall import Firewall, FirewallArgs
from infra.network.flow_logs import FlowLogs, FlowLogsArgs
from infra.network.network import Network, NetworkArgs
from infra.observability.alarms import Alarms, AlarmsArgs, Watched
from infra.observability.budget import Budget, BudgetArgs
from infra.observability.dashboard import Dashboard, DashboardArgs
from infra.observability.logs import Logs, LogsArgs
from infra.outputs import endpoint
from infra.security.encryption import Encryption, EncryptionArgs
from infra.security.secret_store import SecretStore, SecretStoreArgs
from infra.storage.storage import Storage, StorageArgs

# What is wanted. Everything wrong with it is said here, before anything is made.
stack = load()
settings = stack.settings
name = f"perch-{stack.name}"
for warning in stack.warnings:
    pulumi.log.warn(warning)

# Where: one account, one region, and tags on everything that can bear them.
tags = {"Project": "perch", "Environment": stack.name, "Owner": settings.owner, **settings.tags}
provider = aws.Provider(
    name,
    region=stack.region,
    allowed_account_ids=None if settings.account_id is None else [settings.account_id],
    default_tags=aws.ProviderDefaultTagsArgs(tags=tags),
)
here = pulumi.ResourceOptions(provider=provider)
account_id = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(provider=provider)).account_id
location = AwsLocation(region=stack.region, account_id=account_id)

# Keys first, then what they lock: logs, secrets, buckets, images.
log_prefix = f"/perch/{stack.name}/"
encryption = Encryption(
    name,
    EncryptionArgs(
        location=location,
        log_group_prefixes=[log_prefix, f"{LOG_GROUP_PREFIX}{name}"],
        disposable=settings.disposable,
    ),
    here,
)
logs = Logs(
    name,
    LogsArgs(
        prefix=log_prefix,
        retention_days=settings.observability.log_retention_days,
        key_arn=encryption.telemetry_key_arn,
    ),
    here,
)
secrets = SecretStore(
    name,
    SecretStoreArgs(
        descriptions=SECRETS,
        values=stack.secrets,
        key_arn=encryption.data_key_arn,
        generated=GENERATED,
        disposable=settings.disposable,
    ),
    here,
)
switch = Switch(
    name,
    SwitchArgs(location=location, environment=stack.name, first=settings.gateway.recognition),
    here,
)
storage = Storage(
    name,
    StorageArgs(
        location=location,
        key_arn=encryption.data_key_arn,
        access_log_days=settings.observability.log_retention_days,
        disposable=settings.disposable,
    ),
    here,
)

# A place to be, and who may talk to whom in it.
zones = aws.get_availability_zones_output(
    state="available", opts=pulumi.InvokeOptions(provider=provider)
).names
network = Network(
    name,
    NetworkArgs(
        region=stack.region,
        cidr=settings.network.cidr,
        zone_names=settings.network.zone_names
        or [zones[zone] for zone in range(settings.network.zones)],
        nat=settings.network.nat,
        adopt=settings.network.adopt,
    ),
    here,
)
fallback = settings.gateway.fallback
firewall = Firewall(
    name,
    FirewallArgs(
        vpc_id=network.vpc_id,
        allowed_cidrs=settings.access.allowed_cidrs,
        listener_port=settings.load_balancer.port,
        http_redirect=settings.load_balancer.http_redirect,
        gateway_ports=[chosen.gateway_port for _, chosen in settings.colours()],
        interface_endpoints=settings.network.interface_endpoints,
        connect_endpoint=settings.network.connect_endpoint,
        reaches_internet=network.reaches_internet,
        s3_prefix_list_id=network.s3_prefix_list_id,
        fallback_cidrs=() if fallback is None else fallback.cidrs,
        fallback_ports=() if fallback is None else fallback_ports(fallback.endpoints),
    ),
    here,
)

Endpoints(
    name,
    EndpointsArgs(
        region=stack.region,
        vpc_id=network.vpc_id,
        subnet_ids=network.private_subnet_ids,
        security_group_id=firewall.endpoints_id,
        connect_group_id=firewall.connect_id,
    ),
    here,
)
if settings.network.flow_logs:
    FlowLogs(
        name,
        FlowLogsArgs(vpc_id=network.vpc_id, log_group_arn=logs.arns["flow"], account_id=account_id),
        here,
    )

# The entrance: a name, its certificate, and a listener that shares sessions out by weight.
certificate = Certificate(
    name,
    CertificateArgs(
        domain=settings.domain.name,
        alternative_names=settings.domain.alternative_names,
        zone_id=settings.domain.zone_id,
        existing_arn=settings.certificate.arn,
    ),
    here,
)
entrance = LoadBalancer(
    name,
    LoadBalancerArgs(
        vpc_id=network.vpc_id,
        subnet_ids=network.private_subnet_ids
        if settings.load_balancer.internal
        else network.public_subnet_ids,
        security_group_id=firewall.balancer_id,
        certificate_arn=certificate.arn,
        colours={
            colour: ColourTarget(gateway_port=chosen.gateway_port, weight=chosen.weight)
            for colour, chosen in settings.colours()
        },
        port=settings.load_balancer.port,
        http_redirect=settings.load_balancer.http_redirect,
        internal=settings.load_balancer.internal,
        tls_policy=settings.load_balancer.tls_policy,
        idle_timeout_seconds=settings.load_balancer.idle_timeout_seconds,
        drain_seconds=settings.gateway.drain_seconds,
        deletion_protection=settings.load_balancer.deletion_protection,
        log_bucket=storage.access_logs.open_name if settings.load_balancer.access_logs else None,
        direct_header=settings.load_balancer.direct_header,
        direct_cidrs=settings.load_balancer.direct_cidrs,
        domain=settings.domain.name,
        zone_id=settings.domain.zone_id,
    ),
    here,
)

if settings.load_balancer.waf:
    WebAcl(
        name,
        WebAclArgs(
            load_balancer_arn=entrance.arn,
            requests_per_5_minutes=settings.load_balancer.waf_requests_per_5_minutes,
            retention_days=settings.observability.log_retention_days,
            key_arn=encryption.telemetry_key_arn,
        ),
        here,
    )

# Behind it the two groups, alike but for what their colour's settings say.
groups: dict[Colour, MachineGroup] = {}
images: dict[Colour, pulumi.Output[str]] = {}
gateways: dict[Colour, pulumi.Output[str]] = {}
for colour, chosen in settings.colours():
    own_name = f"{name}-{colour}"
    images[colour] = machine_image(chosen, provider)
    gateways[colour] = gateway_artifact(chosen, storage.gateway.url, storage.artefacts.bucket_name)
    groups[colour] = MachineGroup(
        own_name,
        MachineGroupArgs(
            ami_id=images[colour],
            instance_types=chosen.instance_types,
            min_machines=chosen.min_machines,
            max_machines=chosen.max_machines,
            start_machines=chosen.start_machines,
            subnet_ids=network.private_subnet_ids,
            security_group_id=firewall.machines_id,
            target_group_arn=entrance.target_group_arns[colour],
            volume_gib=chosen.volume_gib,
            key_arn=encryption.data_key_arn,
            service_role_arn=encryption.auto_scaling_role_arn,
            rights=MachineRights(
                location=location,
                secret_arns=list(secrets.arns.values()),
                key_arn=encryption.data_key_arn,
                recognition_parameter_arn=switch.parameter_arn,
                cache_bucket_arn=storage.models.arn,
                artefact_bucket_arn=storage.artefacts.arn,
                repository_arns=[
                    storage.gateway.arn,
                    *filter(None, [ecr_repository_arn(chosen.image)]),
                ],
                log_group_arns=[logs.arns[source] for source in ("gateway", "asr", "system")],
            ),
            user_data=user_data(
                colour,
                settings,
                BootContext(
                    region=stack.region,
                    environment=stack.name,
                    auto_scaling_group_name=own_name,
                    secret_arns=secrets.arns,
                    recognition_parameter=switch.parameter_name,
                    model_cache_bucket=storage.models.bucket_name,
                    gateway_artifact=gateways[colour],
                    log_groups=logs.names,
                ),
            ),
            ready_seconds=LAUNCH_SECONDS,
            drain_seconds=settings.gateway.drain_seconds,
            tags={**tags, "Colour": colour},
        ),
        here,
    )
    Scaling(
        own_name,
        ScalingArgs(
            auto_scaling_group_name=groups[colour].auto_scaling_group_name,
            streams_per_machine=settings.scaling.streams_per_machine,
            min_machines=chosen.min_machines,
            max_machines=chosen.max_machines,
            start_machines=chosen.start_machines,
            idle_minutes=settings.scaling.idle_minutes,
            office_hours=settings.scaling.office_hours,
        ),
        here,
    )

# Who is notified when something is wrong, what is seen at a glance, and what it may cost.
alarms = Alarms(
    name,
    AlarmsArgs(
        environment=stack.name,
        account_id=account_id,
        balancer_suffix=entrance.arn_suffix,
        certificate_arn=certificate.arn,
        colours={
            colour: Watched(
                target_group_suffix=entrance.target_group_suffixes[colour],
                auto_scaling_group_name=groups[colour].auto_scaling_group_name,
                min_machines=chosen.min_machines,
            )
            for colour, chosen in settings.colours()
        },
        emails=settings.observability.alarm_emails,
        key_arn=encryption.telemetry_key_arn,
    ),
    here,
)
dashboard = Dashboard(
    name,
    DashboardArgs(
        region=stack.region,
        environment=stack.name,
        balancer_suffix=entrance.arn_suffix,
        target_group_suffixes=entrance.target_group_suffixes,
        auto_scaling_group_names={
            colour: group.auto_scaling_group_name for colour, group in groups.items()
        },
    ),
    here,
)
if settings.observability.monthly_budget_usd is not None:
    Budget(
        name,
        BudgetArgs(
            environment=stack.name,
            monthly_usd=settings.observability.monthly_budget_usd,
            topic_arn=alarms.topic_arn,
        ),
        here,
    )


def colour_outputs(colour: Colour, chosen: ColourSettings) -> dict[str, object]:
    """Return the outputs of one colour."""
    return {
        "target_group_arn": entrance.target_group_arns[colour],
        "auto_scaling_group_name": groups[colour].auto_scaling_group_name,
        "launch_template_id": groups[colour].launch_template_id,
        "ami_id": images[colour],
        "image": chosen.image,
        "tags_selector": chosen.selector,
        "model": chosen.model or None,
        "gateway_artifact": gateways[colour],
        "gateway_port": chosen.gateway_port,
        "riva_grpc_port": chosen.riva_grpc_port,
        "riva_http_port": chosen.riva_http_port,
        "alarm_name": alarms.colour_alarm_names[colour],
        "weight": chosen.weight,
    }


export(
    environment=stack.name,
    region=stack.region,
    endpoint_url=endpoint("https", settings.domain.name, settings.load_balancer.port),
    websocket_url=endpoint("wss", settings.domain.name, settings.load_balancer.port),
    listener_port=settings.load_balancer.port,
    direct_header=settings.load_balancer.direct_header,
    vpc_id=network.vpc_id,
    load_balancer_arn=entrance.arn,
    load_balancer_dns_name=entrance.dns_name,
    listener_arn=entrance.listener_arn,
    certificate_arn=certificate.arn,
    ca_certificate_path=settings.certificate.ca_path,
    kms_key_arn=encryption.data_key_arn,
    secret_arns=secrets.arns,
    recognition_parameter_name=switch.parameter_name,
    riva_fallback_endpoints=fallback_endpoints(settings),
    gateway_max_sessions=settings.gateway.max_sessions,
    riva_endpoint_streams=settings.gateway.riva_streams,
    model_cache_bucket=storage.models.bucket_name,
    artefact_bucket=storage.artefacts.bucket_name,
    gateway_repository_url=storage.gateway.url,
    log_group_names=logs.names,
    alarm_topic_arn=alarms.topic_arn,
    dashboard_name=dashboard.dashboard_name,
    colours={colour: colour_outputs(colour, chosen) for colour, chosen in settings.colours()},
)
