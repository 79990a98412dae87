"""What lives in moto: everything that this product makes, and each resource of an applied stack."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from ops.offline.applier import IN_PROCESS, AppliedStack
from ops.offline.provider.api import AwsApi
from ops.offline.provider.lifecycle import Existing
from ops.offline.provider.provider import UNSET

_NAMES = ("name", "bucket")
"""Inputs that the engine fills in before anything is created."""


@cache
def api() -> AwsApi:
    """Return the way to moto in this process; its clients take seconds to make."""
    return AwsApi(IN_PROCESS)


def existing(applied: AppliedStack, urn: str) -> Existing:
    """Return a resource as the engine hands it over: named, with the default tags merged in."""
    resource, state = applied.recording.resources[urn], applied.recording.states[urn]
    inputs = {key: value for key, value in resource.inputs.items() if value is not None}
    for key in _NAMES:
        made = state.outputs.get(key)
        if key in _inputs_of(resource.type) and isinstance(made, str) and UNSET not in made:
            inputs.setdefault(key, made)
    if state.outputs.get("tagsAll"):
        inputs["tags"] = dict(state.outputs["tagsAll"])
    return Existing(
        resource=replace(resource, inputs=inputs),
        id=state.id,
        region=str(applied.outputs["region"]),
        account="123456789012",
        api=api(),
        inputs=inputs,
        outputs=dict(state.outputs),
    )


def _inputs_of(token: str) -> frozenset[str]:
    # Both have a name as an output alone.
    unnamed = {"DefaultSecurityGroup", "ServiceLinkedRole"}
    return frozenset() if token.rpartition(":")[2] in unnamed else frozenset(_NAMES)


def made_by_aws(applied: AppliedStack) -> list[str]:
    """Return the URNs of what exists at AWS, in the order of creation."""
    return [
        urn
        for urn, resource in applied.recording.resources.items()
        if resource.custom and resource.type.startswith("aws:")
    ]


def inventory(region: str) -> set[str]:
    """Return everything of the kinds that the program makes, by service and name."""
    return {f"{service} {name}" for service in _LISTED for name in _LISTED[service](_Asked(region))}


class _Asked:
    """One region; the answer of each call by the key that holds the list."""

    def __init__(self, region: str) -> None:
        self.region = region

    def __call__(self, service: str, operation: str, key: str, **parameters: object) -> list[Any]:
        return list(api().call(service, operation, self.region, parameters)[key])


def _network(ask: _Asked) -> Iterator[str]:
    for operation, key, name in (
        ("describe_vpcs", "Vpcs", "VpcId"),
        ("describe_subnets", "Subnets", "SubnetId"),
        ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        ("describe_addresses", "Addresses", "AllocationId"),
        ("describe_route_tables", "RouteTables", "RouteTableId"),
        ("describe_security_groups", "SecurityGroups", "GroupId"),
        ("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId"),
        ("describe_flow_logs", "FlowLogs", "FlowLogId"),
        ("describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
        ("describe_nat_gateways", "NatGateways", "NatGatewayId"),
        ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ):
        for item in ask("ec2", operation, key):
            if item.get("State") != "deleted":
                yield item[name]
    for interface in ask("ec2", "describe_network_interfaces", "NetworkInterfaces"):
        # moto keeps the interfaces of machines that have ended; machines are listed below.
        if "InstanceId" not in interface.get("Attachment", {}):
            yield interface["NetworkInterfaceId"]
    for reservation in ask("ec2", "describe_instances", "Reservations"):
        for machine in reservation["Instances"]:
            if machine["State"]["Name"] != "terminated":
                yield machine["InstanceId"]


def _entrance(ask: _Asked) -> Iterator[str]:
    for balancer in ask("elbv2", "describe_load_balancers", "LoadBalancers"):
        yield balancer["LoadBalancerArn"]
    for group in ask("elbv2", "describe_target_groups", "TargetGroups"):
        yield group["TargetGroupArn"]


def _scaling(ask: _Asked) -> Iterator[str]:
    for operation, key, name in (
        ("describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
        ("describe_policies", "ScalingPolicies", "PolicyName"),
        ("describe_scheduled_actions", "ScheduledUpdateGroupActions", "ScheduledActionName"),
    ):
        for item in ask("autoscaling", operation, key):
            yield f"{item['AutoScalingGroupName']} {item[name]}"


def _identity(ask: _Asked) -> Iterator[str]:
    for operation, key, name, asked in (
        ("list_roles", "Roles", "Arn", {"MaxItems": 500}),
        ("list_instance_profiles", "InstanceProfiles", "Arn", {"MaxItems": 500}),
        ("list_policies", "Policies", "Arn", {"Scope": "Local"}),
    ):
        for item in ask("iam", operation, key, **asked):
            yield item[name]


def _secrets(ask: _Asked) -> Iterator[str]:
    for alias in ask("kms", "list_aliases", "Aliases"):
        yield alias["AliasName"]
    for key in ask("kms", "list_keys", "Keys"):
        described = api().call("kms", "describe_key", ask.region, {"KeyId": key["KeyId"]})
        if described["KeyMetadata"]["KeyState"] != "PendingDeletion":
            yield key["KeyArn"]
    for secret in ask("secretsmanager", "list_secrets", "SecretList"):
        yield secret["ARN"]
    for parameter in ask("ssm", "describe_parameters", "Parameters"):
        yield parameter["Name"]
    for certificate in ask("acm", "list_certificates", "CertificateSummaryList"):
        yield certificate["CertificateArn"]


def _storage(ask: _Asked) -> Iterator[str]:
    for bucket in ask("s3", "list_buckets", "Buckets"):
        yield bucket["Name"]
    for repository in ask("ecr", "describe_repositories", "repositories"):
        yield repository["repositoryName"]


def _watching(ask: _Asked) -> Iterator[str]:
    for service, operation, key, name in (
        ("logs", "describe_log_groups", "logGroups", "logGroupName"),
        ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
        ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
        ("cloudwatch", "describe_alarms", "CompositeAlarms", "AlarmName"),
        ("sns", "list_topics", "Topics", "TopicArn"),
        ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ):
        for item in ask(service, operation, key):
            yield item[name]
    for budget in ask("budgets", "describe_budgets", "Budgets", AccountId="123456789012"):
        yield budget["BudgetName"]
    for acl in ask("wafv2", "list_web_acls", "WebACLs", Scope="REGIONAL"):
        yield acl["ARN"]


def _names(ask: _Asked) -> Iterator[str]:
    for zone in ask("route53", "list_hosted_zones", "HostedZones"):
        held = {"HostedZoneId": zone["Id"].rpartition("/")[2]}
        for entry in ask("route53", "list_resource_record_sets", "ResourceRecordSets", **held):
            yield f"{entry['Name']} {entry['Type']}"


_LISTED = {
    "ec2": _network,
    "elbv2": _entrance,
    "autoscaling": _scaling,
    "iam": _identity,
    "secrets": _secrets,
    "storage": _storage,
    "watching": _watching,
    "names": _names,
}
