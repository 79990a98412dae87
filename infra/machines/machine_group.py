"""One colour: a launch template, its auto scaling group and the role of its machines."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra.boot.settings import LAUNCH_HOOK, TERMINATION_HOOK
from infra.iam import policy, trust
from infra.machines.machine_role import MachineRights, session_manager_policy, statements
from infra.machines.snapshot import IOPS, MIB_PER_SECOND, SnapshotVolume

MAX_HEARTBEAT_SECONDS: Final = 7200
"""The longest a lifecycle hook waits for a heartbeat (EC2 Auto Scaling User Guide)."""

_GROUP_METRICS: Final[tuple[aws.autoscaling.Metric, ...]] = (
    aws.autoscaling.Metric.GROUP_DESIRED_CAPACITY,
    aws.autoscaling.Metric.GROUP_IN_SERVICE_INSTANCES,
    aws.autoscaling.Metric.GROUP_PENDING_INSTANCES,
    aws.autoscaling.Metric.GROUP_TERMINATING_INSTANCES,
)

_GRACE_SECONDS: Final = 120
"""The launch hook holds a machine back until it is ready; then come some health checks."""

_LEAVE_MINUTES: Final = 20
"""What a leave takes beyond its sessions: two waits, a shutdown, the group's own bookkeeping."""

_DEVICE: Final = "/dev/sda1"
"""Root device of Ubuntu AMIs, the Deep Learning base AMI among them."""


@dataclass(frozen=True, kw_only=True)
class MachineGroupArgs:
    """What one colour is made from.

    Attributes:
        ami_id: The machines' image.
        instance_types: In order of preference.
        min_machines: Fewest.
        max_machines: Most.
        start_machines: How many the group starts with; min_machines if that is more.
        spot_percent: Share of spot machines above the base.
        on_demand_base: How many are never spot ones.
        held_by_clock: Whether scheduled actions move the fewest.
        subnet_ids: Private subnets, one a zone.
        security_group_id: The machines' group.
        target_group_arn: Where they register.
        volume_gib: Size of the root volume.
        key_arn: Key of the root volume.
        service_role_arn: Service-linked role that may use that key.
        rights: What the machines may do.
        user_data: Base64 user data, made from the group's name.
        ready_seconds: How long a start may take.
        drain_seconds: How long a leave may take.
        tags: Tags of every machine and volume.
        needs: What must be there before the first machine, and until the last one has left.
        snapshot: A second volume, which brings image and models; None for none.
        disposable: Whether the group may be deleted.
    """

    ami_id: pulumi.Input[str]
    instance_types: Sequence[str]
    min_machines: int
    max_machines: int
    start_machines: int
    spot_percent: int
    on_demand_base: int
    held_by_clock: bool
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    target_group_arn: pulumi.Input[str]
    volume_gib: int
    key_arn: pulumi.Input[str]
    service_role_arn: pulumi.Input[str]
    rights: MachineRights
    user_data: pulumi.Input[str]
    ready_seconds: int
    drain_seconds: int
    tags: dict[str, str]
    needs: Sequence[pulumi.Resource] = ()
    snapshot: SnapshotVolume | None = None
    disposable: bool = False


class MachineGroup(pulumi.ComponentResource):
    """The GPU machines of one colour.

    Attributes:
        auto_scaling_group_name: Name of the group, the same as the component's.
        launch_template_id: The template it starts machines from.
        role_arn: Role of its machines.
    """

    auto_scaling_group_name: pulumi.Output[str]
    launch_template_id: pulumi.Output[str]
    role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: MachineGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        _check(args)
        # The token is in the state of every stack: another one would replace all the machines.
        super().__init__("perch:infra:Fleet", name, None, opts)
        role, rights = self._role(name, args)
        profile = aws.iam.InstanceProfile(
            name, role=role.name, opts=pulumi.ResourceOptions(parent=self)
        )
        template = self._template(name, args, profile)
        group = self._group(name, args, template, rights)
        self._hooks(name, args, group)
        self.auto_scaling_group_name = group.name
        self.launch_template_id = template.id
        self.role_arn = role.arn
        self.register_outputs(
            {
                "auto_scaling_group_name": group.name,
                "launch_template_id": template.id,
                "role_arn": role.arn,
            }
        )

    def _role(
        self, name: str, args: MachineGroupArgs
    ) -> tuple[aws.iam.Role, Sequence[pulumi.Resource]]:
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            description=f"GPU machines of {name}",
            assume_role_policy=trust("ec2.amazonaws.com"),
            permissions_boundary=args.rights.location.boundary_arn,
            tags={"Name": name},
            opts=child,
        )
        attached = aws.iam.RolePolicyAttachment(
            f"{name}-session-manager",
            role=role.name,
            policy_arn=session_manager_policy(args.rights.location.region),
            opts=child,
        )
        document = policy(*statements(args.rights, name))
        own = aws.iam.RolePolicy(name, role=role.id, policy=document, opts=child)
        return role, (attached, own)

    def _template(
        self, name: str, args: MachineGroupArgs, profile: aws.iam.InstanceProfile
    ) -> aws.ec2.LaunchTemplate:
        tags = {**args.tags, "Name": name}
        return aws.ec2.LaunchTemplate(
            name,
            description=f"A GPU machine of {name}",
            image_id=args.ami_id,
            instance_type=args.instance_types[0],
            update_default_version=True,
            iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(arn=profile.arn),
            # Hop limit 1: a container cannot reach the machine's credentials, only the host can.
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=1,
                # No tags: EC2 refuses to launch with tag keys that a path cannot hold, such as
                # one with a slash or a blank. Nothing on a machine reads them there.
                instance_metadata_tags="disabled",
            ),
            network_interfaces=[
                aws.ec2.LaunchTemplateNetworkInterfaceArgs(
                    associate_public_ip_address="false",
                    security_groups=[args.security_group_id],
                    delete_on_termination="true",
                )
            ],
            block_device_mappings=[
                _root_volume(args),
                *([] if args.snapshot is None else [args.snapshot.mapping()]),
            ],
            monitoring=aws.ec2.LaunchTemplateMonitoringArgs(enabled=True),
            ebs_optimized="true",
            instance_initiated_shutdown_behavior="terminate",
            user_data=args.user_data,
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
                for kind in ("instance", "volume", "network-interface")
            ],
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _group(
        self,
        name: str,
        args: MachineGroupArgs,
        template: aws.ec2.LaunchTemplate,
        rights: Sequence[pulumi.Resource],
    ) -> aws.autoscaling.Group:
        return aws.autoscaling.Group(
            name,
            # The machines are told this name before the group exists, so it cannot be a generated
            # one.
            name=name,
            min_size=args.min_machines,
            max_size=args.max_machines,
            desired_capacity=max(args.min_machines, args.start_machines),
            vpc_zone_identifiers=list(args.subnet_ids),
            target_group_arns=[args.target_group_arn],
            service_linked_role_arn=args.service_role_arn,
            # Not "ELB": a full gateway and a restarting recogniser are not ready either, and the
            # group would end every session of a machine that only needs a moment. ADR 0503.
            health_check_type="EC2",
            health_check_grace_period=_GRACE_SECONDS,
            default_instance_warmup=120,
            mixed_instances_policy=_instances(args, template),
            initial_lifecycle_hooks=[
                aws.autoscaling.GroupInitialLifecycleHookArgs(
                    name=hook.name,
                    lifecycle_transition=hook.transition,
                    heartbeat_timeout=hook.seconds,
                    default_result=hook.otherwise,
                )
                for hook in _hook_table(args)
            ],
            instance_refresh=aws.autoscaling.GroupInstanceRefreshArgs(
                strategy="Rolling",
                preferences=aws.autoscaling.GroupInstanceRefreshPreferencesArgs(
                    min_healthy_percentage=100, max_healthy_percentage=200, skip_matching=True
                ),
            ),
            # A refresh that somebody starts without preferences, a machine found unfit and one
            # moved between zones are replaced before they go, too: by default they go first.
            instance_maintenance_policy=aws.autoscaling.GroupInstanceMaintenancePolicyArgs(
                min_healthy_percentage=100, max_healthy_percentage=200
            ),
            # A spot machine that AWS is likely to take back gets its successor before the notice.
            capacity_rebalance=True,
            wait_for_capacity_timeout="0",
            metrics_granularity="1Minute",
            enabled_metrics=list(_GROUP_METRICS),
            tags=[
                aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
                for key, value in {**args.tags, "Name": name}.items()
            ],
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=not args.disposable,
                # Until its last machine has drained, nothing that a machine or a session needs
                # may go: way out, rights, keys, listener, name.
                depends_on=[*args.needs, *rights],
                # Scaling and releases move the number of machines between the two bounds, and the
                # clock the lower one. The hooks below follow their settings; those a group is made
                # with cannot, and another value here would replace it with all its machines.
                ignore_changes=[
                    "desiredCapacity",
                    "initialLifecycleHooks",
                    *(["minSize"] if args.held_by_clock else []),
                ],
                # The provider empties a group before it deletes it, and would give up after 10
                # minutes while the last sessions are still being drained.
                custom_timeouts=pulumi.CustomTimeouts(
                    delete=f"{args.drain_seconds // 60 + _LEAVE_MINUTES}m"
                ),
            ),
        )

    def _hooks(self, name: str, args: MachineGroupArgs, group: aws.autoscaling.Group) -> None:
        """Make the same hooks once more: a group takes its initial ones only when it is made."""
        for hook in _hook_table(args):
            aws.autoscaling.LifecycleHook(
                f"{name}-{hook.name}",
                name=hook.name,
                autoscaling_group_name=group.name,
                lifecycle_transition=hook.transition,
                heartbeat_timeout=hook.seconds,
                default_result=hook.otherwise,
                # Deleted before the group, as what depends on it is, the hook would hold back no
                # machine that leaves: they would be ended in the middle of their sessions.
                opts=pulumi.ResourceOptions(parent=self, deleted_with=group),
            )


@dataclass(frozen=True, slots=True)
class _Hook:
    name: str
    transition: str
    seconds: int
    otherwise: str


def _hook_table(args: MachineGroupArgs) -> tuple[_Hook, _Hook]:
    return (
        # A machine that says nothing is not taken into service ...
        _Hook(LAUNCH_HOOK, "autoscaling:EC2_INSTANCE_LAUNCHING", args.ready_seconds, "ABANDON"),
        # ... and one that says nothing while leaving is not waited for beyond its time.
        _Hook(
            TERMINATION_HOOK,
            "autoscaling:EC2_INSTANCE_TERMINATING",
            max(args.drain_seconds, 30) + 60,
            "CONTINUE",
        ),
    )


def _root_volume(args: MachineGroupArgs) -> aws.ec2.LaunchTemplateBlockDeviceMappingArgs:
    return aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
        device_name=_DEVICE,
        ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            volume_type="gp3",
            volume_size=args.volume_gib,
            throughput=MIB_PER_SECOND,
            iops=IOPS,
            encrypted="true",
            kms_key_id=args.key_arn,
            delete_on_termination="true",
        ),
    )


def _instances(
    args: MachineGroupArgs, template: aws.ec2.LaunchTemplate
) -> aws.autoscaling.GroupMixedInstancesPolicyArgs:
    version = template.latest_version.apply(str)
    return aws.autoscaling.GroupMixedInstancesPolicyArgs(
        launch_template=aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateArgs(
            launch_template_specification=aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs(
                launch_template_id=template.id, version=version
            ),
            overrides=[
                aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideArgs(
                    instance_type=kind
                )
                for kind in args.instance_types
            ],
        ),
        instances_distribution=aws.autoscaling.GroupMixedInstancesPolicyInstancesDistributionArgs(
            on_demand_allocation_strategy="prioritized",
            on_demand_base_capacity=args.on_demand_base,
            on_demand_percentage_above_base_capacity=100 - args.spot_percent,
            # A machine that is taken back costs its sessions a move and a start of many minutes:
            # what is least likely to be taken comes before what is cheapest, and then the order of
            # the types (EC2 Auto Scaling User Guide, allocation strategies).
            spot_allocation_strategy="capacity-optimized-prioritized",
        ),
    )


def _check(args: MachineGroupArgs) -> None:
    if not args.instance_types:
        raise ValueError("instance_types is empty; accepted: at least one type")
    if not 0 <= args.min_machines <= args.max_machines:
        raise ValueError(
            f"min_machines is {args.min_machines};"
            f" accepted: 0 to max_machines ({args.max_machines})"
        )
    if not 0 <= args.spot_percent <= 100:  # noqa: PLR2004 - percent
        raise ValueError(f"spot_percent is {args.spot_percent}; accepted: 0 to 100")
    if not 30 <= args.ready_seconds <= MAX_HEARTBEAT_SECONDS:  # noqa: PLR2004 - AWS's shortest heartbeat
        raise ValueError(
            f"ready_seconds is {args.ready_seconds}; accepted: 30 to {MAX_HEARTBEAT_SECONDS}"
        )
    if args.volume_gib < 200:  # noqa: PLR2004 - one image of 20 GB packed, unpacked and cached, twice over
        raise ValueError(f"volume_gib is {args.volume_gib}; accepted: 200 or more")
