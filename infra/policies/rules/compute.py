"""Properties 1 to 7: launch templates and auto scaling groups."""

from collections.abc import Iterator
from typing import Final

from pulumi_policy import PolicyResource

from infra.policies.engine.resources import (
    AUTO_SCALING_GROUP,
    LAUNCH_TEMPLATE,
    ROLE,
    SUBNET,
    Stack,
    Subject,
    entries,
    has,
    is_false,
    is_true,
    linked,
    section,
    size,
    whole,
)
from infra.policies.engine.rule import OWN, ResourceRule, Rule, StackRule
from infra.policies.engine.user_data import secrets_in, unpack

_PROFILE: Final = "aws:iam/instanceProfile:InstanceProfile"
_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_SYSTEMS_MANAGER: Final = ":policy/AmazonSSMManagedInstanceCore"


def _tokens(template: Subject) -> Iterator[str]:
    tokens = section(template.props, "metadataOptions").get("httpTokens")
    if tokens != "required":
        yield f"metadataOptions.httpTokens is {tokens}; accepted: required"


def _hops(template: Subject) -> Iterator[str]:
    limit = section(template.props, "metadataOptions").get("httpPutResponseHopLimit")
    if limit != 1:
        yield f"metadataOptions.httpPutResponseHopLimit is {whole(limit)}; accepted: 1"


def _addresses(template: Subject) -> Iterator[str]:
    interfaces = entries(template.props, "networkInterfaces")
    if not interfaces:
        yield "networkInterfaces is empty, so the subnet decides about public addresses"
    for interface in interfaces:
        if not is_false(interface.get("associatePublicIpAddress")):
            yield "networkInterfaces.associatePublicIpAddress is not false; accepted: false"


def _volumes(template: Subject) -> Iterator[str]:
    mappings = entries(template.props, "blockDeviceMappings")
    if not mappings:
        yield "blockDeviceMappings is empty, so the image decides about encryption"
    for mapping in mappings:
        volume, device = section(mapping, "ebs"), mapping.get("deviceName")
        # A template cannot say it of what comes from a snapshot, which has a key or has none; the
        # program asks AWS for that before it makes anything (infra.machines.snapshot).
        if has(volume, "snapshotId"):
            continue
        if not is_true(volume.get("encrypted")):
            yield f"blockDeviceMappings {device}: ebs.encrypted is not true; accepted: true"
        if not has(volume, "kmsKeyId"):
            yield f"blockDeviceMappings {device}: ebs.kmsKeyId is missing; accepted: a key"


def _user_data(template: Subject) -> Iterator[str]:
    packed = template.props.get("userData")
    if packed:
        for found in secrets_in(unpack(packed)):
            yield f"userData holds {found}; accepted: the secret's ARN"


def _profile(template: Subject) -> Iterator[str]:
    profile = section(template.props, "iamInstanceProfile")
    if not has(profile, "arn") and not has(profile, "name"):
        yield "iamInstanceProfile is missing; accepted: a profile"


def _monitored(template: Subject) -> Iterator[str]:
    if not is_true(section(template.props, "monitoring").get("enabled")):
        yield "monitoring.enabled is not true; accepted: true"


def _optimised(template: Subject) -> Iterator[str]:
    if not is_true(template.props.get("ebsOptimized")):
        yield "ebsOptimized is not true; accepted: true"


def _no_key(template: Subject) -> Iterator[str]:
    if template.props.get("keyName"):
        yield "keyName is set; accepted: no SSH key, Session Manager or Instance Connect"


def _from_template(resource: Subject) -> Iterator[str]:
    if resource.resource_type != AUTO_SCALING_GROUP:
        yield "a machine or a launch configuration of its own; accepted: a launch template"
    elif not _template_part(resource) and not section(resource.props, "launchTemplate"):
        yield "neither mixedInstancesPolicy nor launchTemplate names a launch template"


def _template_part(group: Subject) -> object:
    return section(section(group.props, "mixedInstancesPolicy"), "launchTemplate")


def _health(group: Subject) -> Iterator[str]:
    kind = group.props.get("healthCheckType")
    if size(group.props, "targetGroupArns") and kind != "ELB":
        yield f"healthCheckType is {kind}; accepted: ELB"


def _zones(group: PolicyResource, _stack: Stack) -> Iterator[str]:
    subnets = linked(group, "vpcZoneIdentifiers", SUBNET)
    zones = {subnet.props.get("availabilityZone") for subnet in subnets}
    # Subnets of an adopted VPC are ids here; their number is all that is known.
    count = len(zones) if subnets else size(group.props, "vpcZoneIdentifiers")
    if count < 2:  # noqa: PLR2004 - what "multi-AZ" means
        yield f"vpcZoneIdentifiers covers {count} zone(s); accepted: 2 or more"


def _types(group: Subject) -> Iterator[str]:
    policy = section(section(group.props, "mixedInstancesPolicy"), "launchTemplate")
    kinds = {one.get("instanceType") for one in entries(policy, "overrides")}
    if len(kinds) < 2:  # noqa: PLR2004 - one type that is sold out must not stop a start
        yield f"mixedInstancesPolicy offers {len(kinds)} instance type(s); accepted: 2 or more"


def _tags(group: Subject) -> Iterator[str]:
    tags = entries(group.props, "tags")
    if not tags:
        yield "tags is empty; accepted: the stack's tags"
    for tag in tags:
        if not is_true(tag.get("propagateAtLaunch")):
            yield f"tag {tag.get('key')}: propagateAtLaunch is not true; accepted: true"


def _managed(template: PolicyResource, stack: Stack) -> Iterator[str]:
    attached = [
        attachment.props.get("policyArn")
        for profile in linked(template, "iamInstanceProfile", _PROFILE)
        for role in linked(profile, "role", ROLE)
        for attachment in stack.referring(role, _ATTACHMENT, "role")
    ]
    if not any(str(arn).endswith(_SYSTEMS_MANAGER) for arn in attached):
        yield f"its role has not AWS's policy {_SYSTEMS_MANAGER.rpartition('/')[2]}"


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="instance-metadata-wants-a-token",
        number=1,
        text="Machines answer metadata requests only with a session token (IMDSv2).",
        ids=(
            "CKV_AWS_79",
            "EC2.8",
            "AutoScaling.3",
            "CIS 5.7",
            "CT.EC2.PR.1",
            "ec2_launch_template_imdsv2_required",
        ),
        kinds=(LAUNCH_TEMPLATE,),
        check=_tokens,
    ),
    ResourceRule(
        name="instance-metadata-stays-on-the-host",
        number=2,
        text="Metadata answers do not reach containers: the hop limit is 1.",
        ids=("CKV_AWS_341", "AutoScaling.4", "CT.EC2.PR.2"),
        kinds=(LAUNCH_TEMPLATE,),
        check=_hops,
    ),
    ResourceRule(
        name="machines-have-no-public-address",
        number=3,
        text="No network interface of a machine has a public address.",
        ids=(
            "CKV_AWS_88",
            "CKV_AWS_389",
            "EC2.9",
            "EC2.25",
            "AutoScaling.5",
            "CT.EC2.PR.9",
            "ec2_launch_template_no_public_ip",
        ),
        kinds=(LAUNCH_TEMPLATE,),
        check=_addresses,
    ),
    ResourceRule(
        name="volumes-are-encrypted",
        number=4,
        text="Every volume of a machine is encrypted with a customer managed key.",
        ids=(
            "CKV_AWS_8",
            "EC2.3",
            "EC2.7",
            "CIS 5.1.1",
            "aws-ec2-launchtemplate-disallow-unencrypted-block-device",
            "aws-ec2-launchtemplate-configure-customer-managed-key",
        ),
        kinds=(LAUNCH_TEMPLATE,),
        check=_volumes,
    ),
    ResourceRule(
        name="user-data-holds-no-secret",
        number=5,
        text="User data names secrets by ARN and holds none.",
        ids=(
            "CKV_AWS_46",
            "ec2_launch_template_no_secrets",
            "ec2_instance_secrets_user_data",
        ),
        kinds=(LAUNCH_TEMPLATE,),
        check=_user_data,
    ),
    ResourceRule(
        name="machines-have-an-instance-profile",
        number=6,
        text="Machines act in AWS by an instance profile.",
        ids=("CKV2_AWS_41", "CIS 1.17"),
        kinds=(LAUNCH_TEMPLATE,),
        check=_profile,
    ),
    ResourceRule(
        name="machines-are-monitored-by-the-minute",
        number=6,
        text="Detailed monitoring is on.",
        ids=("CKV_AWS_126",),
        kinds=(LAUNCH_TEMPLATE,),
        check=_monitored,
    ),
    ResourceRule(
        name="machines-are-ebs-optimised",
        number=6,
        text="Machines have bandwidth of their own to their volumes.",
        ids=("CKV_AWS_135",),
        kinds=(LAUNCH_TEMPLATE,),
        check=_optimised,
    ),
    ResourceRule(
        name="machines-come-from-a-launch-template",
        number=7,
        text="Every machine is started by an auto scaling group from a launch template.",
        ids=("CKV_AWS_315", "AutoScaling.9"),
        kinds=(
            AUTO_SCALING_GROUP,
            "aws:ec2/instance:Instance",
            "aws:ec2/spotInstanceRequest:SpotInstanceRequest",
            "aws:ec2/launchConfiguration:LaunchConfiguration",
        ),
        check=_from_template,
    ),
    ResourceRule(
        name="groups-believe-the-load-balancer",
        number=7,
        text="A group behind a load balancer replaces machines that its health check refuses.",
        ids=("CKV2_AWS_15", "AutoScaling.1"),
        kinds=(AUTO_SCALING_GROUP,),
        check=_health,
    ),
    StackRule(
        name="groups-span-zones",
        number=7,
        text="A group starts machines in two zones or more.",
        ids=("AutoScaling.2",),
        kinds=(AUTO_SCALING_GROUP,),
        check=_zones,
    ),
    ResourceRule(
        name="groups-offer-several-instance-types",
        number=7,
        text="A group has two instance types or more to choose from.",
        ids=("AutoScaling.6",),
        kinds=(AUTO_SCALING_GROUP,),
        check=_types,
    ),
    ResourceRule(
        name="groups-tag-their-machines",
        number=7,
        text="A group's tags are given to its machines.",
        ids=("CKV_AWS_153",),
        kinds=(AUTO_SCALING_GROUP,),
        check=_tags,
    ),
    StackRule(
        name="machines-are-under-systems-manager",
        number=7,
        text="Systems Manager may reach the machines.",
        ids=("SSM.1",),
        kinds=(LAUNCH_TEMPLATE,),
        check=_managed,
    ),
    ResourceRule(
        name="machines-have-no-ssh-key",
        number=7,
        text="Nobody's SSH key is put on a machine.",
        ids=(OWN,),
        kinds=(LAUNCH_TEMPLATE,),
        check=_no_key,
    ),
)
