"""One environment of Perch, from top to bottom.

A stack's settings come in at the top, its outputs leave at the bottom; in between keys and secrets,
a place to be, an entrance, and two groups of GPU machines, of which a release replaces one.
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

from infra.account import account_provider
from infra.catalogue.models import ecr_repository_arns
from infra.config.fixed import fixed_outputs
from infra.config.machine import (
    FOR_PEOPLE,
    FORMER_SECRETS,
    OWN_SECRETS,
    SECRETS,
    BootContext,
    fallback_endpoints,
    ways_out,
    ways_to_collectors,
)
from infra.config.sections import Colour
from infra.config.stack import GENERATED, load
from infra.entrance.certificate import Certificate, CertificateArgs
from infra.entrance.in_service import InService, InServiceArgs, first_in_service
from infra.entrance.load_balancer import LoadBalancer, LoadBalancerArgs, colour_targets
from infra.entrance.web_acl import LOG_GROUP_PREFIX, WebAcl, WebAclArgs
from infra.export import colour_outputs, export
from infra.iam import AwsLocation
from infra.machines.launch import gateway_artifact, machine_image, snapshot_volume, user_data
from infra.machines.machine_group import MachineGroup, MachineGroupArgs
from infra.machines.machine_role import MachineRights
from infra.machines.programs import Programs, ProgramsArgs
from infra.machines.scaling import Scaling, ScalingArgs, held_by_clock
from infra.machines.switch import Switch, SwitchArgs
from infra.network.endpoints import Endpoints, EndpointsArgs
from infra.network.firewall import Firewall, FirewallArgs
from infra.network.flow_logs import FlowLogs, FlowLogsArgs
from infra.network.network import Network, NetworkArgs
from infra.network.zones import first_zones
from infra.observability.logs import Logs, LogsArgs
from infra.observability.watch import WatchArgs, watch
from infra.outputs import endpoint
from infra.security.deletion_guard import DeletionGuard, DeletionGuardArgs
from infra.security.encryption import Encryption, EncryptionArgs
from infra.security.first_secrets import first_secrets
from infra.security.secret_store import SecretStore, SecretStoreArgs
from infra.security.secrets_version import SecretsVersion, SecretsVersionArgs
from infra.storage.storage import Storage, StorageArgs

# What is wanted. Everything wrong with it is said here, before anything is made.
stack = load()
settings = stack.settings
name = f"perch-{stack.name}"
for warning in stack.warnings:
    pulumi.log.warn(warning)

# Where: one account, one region, and tags on everything that can bear them.
tags = {"Project": "perch", "Environment": stack.name, "Owner": settings.owner, **settings.tags}
provider = account_provider(name, stack.region, settings.account_id, tags)
here = pulumi.ResourceOptions(provider=provider)
account_id = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(provider=provider)).account_id
location = AwsLocation(
    region=stack.region, account_id=account_id, boundary_arn=settings.permissions_boundary_arn
)

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
        descriptions={**{name: SECRETS[name] for name in stack.secrets}, **OWN_SECRETS},
        values=stack.secrets,
        key_arn=encryption.data_key_arn,
        generated=GENERATED,
        former=FORMER_SECRETS,
        first=first_secrets(stack.name, stack.secrets),
        disposable=settings.disposable,
    ),
    here,
)
secrets_version = SecretsVersion(
    name, SecretsVersionArgs(location=location, environment=stack.name), here
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
programs = Programs(name, ProgramsArgs(bucket=storage.artefacts.bucket_name), here)

# A place to be, and who may talk to whom in it.
network = Network(
    name,
    NetworkArgs(
        region=stack.region,
        cidr=settings.network.cidr,
        zone_names=settings.network.zone_names
        or first_zones(stack.region, settings.network.zones, provider),
        nat=settings.network.nat,
        adopt=settings.network.adopt,
        disposable=settings.disposable,
    ),
    here,
)
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
        recognisers=ways_out(settings),
        collectors=ways_to_collectors(settings),
        scrape_cidrs=settings.network.scrape_cidrs,
    ),
    here,
)
endpoints = Endpoints(
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
# What machines and sessions need, beyond what a group is made from.
needs: list[pulumi.Resource] = [
    encryption,
    logs,
    secrets,
    secrets_version,
    switch,
    storage,
    programs,
    network,
    firewall,
]
if settings.network.flow_logs:
    needs.append(
        FlowLogs(
            name,
            FlowLogsArgs(vpc_id=network.vpc_id, log_group_arn=logs.arns["flow"], location=location),
            here,
        )
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
        colours=colour_targets(settings),
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
        disposable=settings.disposable,
    ),
    here,
)
in_service = InService(
    name, InServiceArgs(environment=stack.name, first=first_in_service(settings)), here
)
needs += [endpoints, certificate, entrance]
if settings.load_balancer.waf:
    needs.append(
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
    )

# Behind it the two groups, alike but for what their colour's settings say.
groups: dict[Colour, MachineGroup] = {}
scaling: dict[Colour, Scaling] = {}
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
            spot_percent=chosen.spot_percent,
            on_demand_base=chosen.on_demand_base,
            held_by_clock=held_by_clock(
                chosen.min_machines, chosen.start_machines, settings.scaling.office_hours
            ),
            subnet_ids=network.private_subnet_ids,
            security_group_id=firewall.machines_id,
            target_group_arn=entrance.target_group_arns[colour],
            volume_gib=chosen.volume_gib,
            snapshot=snapshot_volume(chosen, provider),
            key_arn=encryption.data_key_arn,
            service_role_arn=encryption.auto_scaling_role_arn,
            rights=MachineRights(
                location=location,
                secret_arns=[arn for name, arn in secrets.arns.items() if name not in FOR_PEOPLE],
                key_arn=encryption.data_key_arn,
                parameter_arns=[switch.parameter_arn, secrets_version.parameter_arn],
                cache_bucket_arn=storage.models.arn,
                artefact_bucket_arn=storage.artefacts.arn,
                repository_arns=[storage.gateway.arn, *ecr_repository_arns(chosen.image)],
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
                    secrets_version_parameter=secrets_version.parameter_name,
                    model_cache_bucket=storage.models.bucket_name,
                    artefact_bucket=storage.artefacts.bucket_name,
                    gateway_artifact=gateways[colour],
                    log_groups=logs.names,
                ),
            ),
            ready_seconds=settings.scaling.launch_seconds,
            drain_seconds=settings.gateway.drain_seconds,
            tags={**tags, "Colour": colour},
            needs=needs,
            disposable=settings.disposable,
        ),
        here,
    )
    scaling[colour] = Scaling(
        own_name,
        ScalingArgs(
            auto_scaling_group_name=groups[colour].auto_scaling_group_name,
            balancer_suffix=entrance.arn_suffix,
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
watching = watch(
    name,
    WatchArgs(
        settings=settings,
        region=stack.region,
        environment=stack.name,
        account_id=account_id,
        key_arn=encryption.telemetry_key_arn,
        balancer_suffix=entrance.arn_suffix,
        certificate_arn=certificate.arn,
        target_group_suffixes=entrance.target_group_suffixes,
        auto_scaling_group_names={
            colour: group.auto_scaling_group_name for colour, group in groups.items()
        },
    ),
    here,
)

# Last made, so the first to go: `pulumi destroy` takes everything or nothing.
DeletionGuard(
    name,
    DeletionGuardArgs(
        guarded=[*needs, *groups.values(), *scaling.values(), in_service, *watching.resources],
        disposable=settings.disposable,
    ),
    here,
)

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
    secret_arns={name: secrets.arns.get(name) for name in (*SECRETS, *OWN_SECRETS)},
    recognition_parameter_name=switch.parameter_name,
    secrets_version_parameter_name=secrets_version.parameter_name,
    in_service_parameter_name=in_service.parameter_name,
    riva_fallback_endpoints=fallback_endpoints(settings),
    gateway_max_sessions=settings.gateway.max_sessions,
    riva_endpoint_streams=settings.gateway.riva_streams,
    model_cache_bucket=storage.models.bucket_name,
    artefact_bucket=storage.artefacts.bucket_name,
    gateway_repository_url=storage.gateway.url,
    log_group_names=logs.names,
    alarm_topic_arn=watching.alarms.topic_arn,
    dashboard_name=watching.dashboard.dashboard_name,
    connect_endpoint_id=endpoints.connect_id,
    fixed=fixed_outputs(settings),
    colours={
        colour: colour_outputs(
            chosen,
            target_group_arn=entrance.target_group_arns[colour],
            auto_scaling_group_name=groups[colour].auto_scaling_group_name,
            launch_template_id=groups[colour].launch_template_id,
            ami_id=images[colour],
            gateway_artifact=gateways[colour],
            alarm_name=watching.alarms.colour_alarm_names[colour],
        )
        for colour, chosen in settings.colours()
    },
)
