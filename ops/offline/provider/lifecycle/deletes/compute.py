"""Deletion of networks, groups of machines, logs, names, and the web firewall."""

import time
from typing import Any, Final

from ops.offline.errors import OfflineError
from ops.offline.provider.lifecycle.deletes.registry import deletes
from ops.offline.provider.lifecycle.existing import Existing

_DRAIN_DEADLINE: Final = 5.0
"""Seconds in which a group's machines have to go; moto ends them within the call."""

_PAUSE: Final = 0.2


@deletes("aws:autoscaling/group:Group")
def _group(existing: Existing) -> None:
    """Delete a group: with its machines by `forceDelete`, else once they have gone."""
    if not _groups(existing):
        return
    force = bool(existing.inputs.get("forceDelete"))
    if not force:
        _drain(existing)
    existing.call(
        "autoscaling",
        "delete_auto_scaling_group",
        AutoScalingGroupName=existing.id,
        ForceDelete=force,
    )


def _drain(existing: Existing) -> None:
    """Bring a group down to no machine, as the provider does before it deletes one."""
    existing.call(
        "autoscaling",
        "update_auto_scaling_group",
        AutoScalingGroupName=existing.id,
        MinSize=0,
        MaxSize=0,
        DesiredCapacity=0,
    )
    deadline = time.monotonic() + _DRAIN_DEADLINE
    while machines := _groups(existing)[0]["Instances"]:
        if time.monotonic() > deadline:
            names = ", ".join(machine["InstanceId"] for machine in machines)
            raise OfflineError(
                f"waiting for Auto Scaling Group ({existing.id}) drain: {names} still there;"
                " forceDelete ends machines that are protected from scale-in too"
            )
        time.sleep(_PAUSE)


def _groups(existing: Existing) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = existing.call(
        "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[existing.id]
    )["AutoScalingGroups"]
    return groups


@deletes("aws:ec2/internetGateway:InternetGateway")
def _internet_gateway(existing: Existing) -> None:
    found = existing.ask("ec2", "describe_internet_gateways", InternetGatewayIds=[existing.id])
    for gateway in found["InternetGateways"] if found else ():
        for attachment in gateway["Attachments"]:
            existing.call(
                "ec2",
                "detach_internet_gateway",
                InternetGatewayId=existing.id,
                VpcId=attachment["VpcId"],
            )
        existing.call("ec2", "delete_internet_gateway", InternetGatewayId=existing.id)


@deletes("aws:ec2/routeTable:RouteTable")
def _route_table(existing: Existing) -> None:
    found = existing.ask("ec2", "describe_route_tables", RouteTableIds=[existing.id])
    for table in found["RouteTables"] if found else ():
        for association in table["Associations"]:
            existing.call(
                "ec2",
                "disassociate_route_table",
                AssociationId=association["RouteTableAssociationId"],
            )
        existing.call("ec2", "delete_route_table", RouteTableId=existing.id)


@deletes("aws:ec2/securityGroup:SecurityGroup")
def _security_group(existing: Existing) -> None:
    if existing.inputs.get("revokeRulesOnDelete"):
        _revoke_all(existing)
    existing.ask("ec2", "delete_security_group", GroupId=existing.id)


def _revoke_all(existing: Existing) -> None:
    found = existing.ask("ec2", "describe_security_groups", GroupIds=[existing.id])
    for group in found["SecurityGroups"] if found else ():
        for key, operation in (
            ("IpPermissions", "revoke_security_group_ingress"),
            ("IpPermissionsEgress", "revoke_security_group_egress"),
        ):
            if group[key]:
                existing.call("ec2", operation, GroupId=existing.id, IpPermissions=group[key])


@deletes("aws:cloudwatch/logGroup:LogGroup")
def _log_group(existing: Existing) -> None:
    if not existing.inputs.get("skipDestroy"):
        existing.ask("logs", "delete_log_group", logGroupName=existing.id)


@deletes("aws:ecr/repository:Repository")
def _repository(existing: Existing) -> None:
    existing.ask(
        "ecr",
        "delete_repository",
        repositoryName=existing.id,
        force=bool(existing.inputs.get("forceDelete")),
    )


@deletes("aws:wafv2/webAcl:WebAcl")
def _web_acl(existing: Existing) -> None:
    named = {key: existing.get(key.lower()) for key in ("Name", "Scope")} | {"Id": existing.id}
    found = existing.ask("wafv2", "get_web_acl", **named)
    if found:
        existing.call("wafv2", "delete_web_acl", LockToken=found["LockToken"], **named)


@deletes("aws:route53/zone:Zone")
def _zone(existing: Existing) -> None:
    if existing.inputs.get("forceDestroy"):
        found = existing.ask("route53", "list_resource_record_sets", HostedZoneId=existing.id)
        for entry in found["ResourceRecordSets"] if found else ():
            if entry["Type"] not in {"NS", "SOA"}:
                _delete_record(existing, existing.id, entry)
    existing.ask("route53", "delete_hosted_zone", Id=existing.id)


@deletes("aws:route53/record:Record")
def _record(existing: Existing) -> None:
    zone_id = existing.get("zoneId")
    entry = find_record(existing)
    if entry:
        _delete_record(existing, zone_id, entry)


def _delete_record(existing: Existing, zone_id: str, entry: dict[str, Any]) -> None:
    change = {"Action": "DELETE", "ResourceRecordSet": entry}
    existing.call(
        "route53",
        "change_resource_record_sets",
        HostedZoneId=zone_id,
        ChangeBatch={"Changes": [change]},
    )


def find_record(existing: Existing) -> dict[str, Any] | None:
    """Return the live entry of a record, by name, type and set identifier."""
    found = existing.ask(
        "route53", "list_resource_record_sets", HostedZoneId=existing.get("zoneId")
    )
    name = str(existing.get("fqdn")).rstrip(".").lower()
    for entry in found["ResourceRecordSets"] if found else ():
        same = entry["Name"].rstrip(".").lower() == name and entry["Type"] == existing.get("type")
        if same and entry.get("SetIdentifier") == existing.inputs.get("setIdentifier"):
            return dict(entry)
    return None
