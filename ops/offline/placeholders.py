"""A run without any cloud: a resource's answers are written as `${Type.name.property}`.

The placeholders depend on nothing but the program, so two revisions of a program can be compared
by them. Numbers the cloud would give are 0 and flags are false: what depends on them is seen
through the dependencies, not the value.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ops.offline.engine import sdk
from ops.offline.engine.recording import Invoke, Resource, State
from ops.offline.errors import OfflineError

_LEAVES = sdk.Leaves(
    text=lambda path: "${" + path + "}", number=lambda _path: 0, flag=lambda _path: False
)

ACCOUNT = "123456789012"
"""The account number of AWS's own documentation; moto uses it too."""

PARTITION = "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceholderProvider:
    """Answers every registration by placeholders.

    Attributes:
        region: what `aws.getRegion` says.
        preview: leave a resource's own outputs and id unknown, as `pulumi preview` does.
    """

    region: str
    preview: bool = False

    def create(self, resource: Resource) -> State:
        """Echo the inputs; outside a preview give every other output a placeholder."""
        secret = frozenset(str(path[0]) for path in resource.secret_inputs) | frozenset(
            resource.options.get("additionalSecretOutputs", ())
        )
        outputs = dict(resource.inputs)
        label = f"{resource.type.rsplit(':', 1)[-1]}.{resource.name}"
        if resource.read or not self.preview:
            filled = sdk.fill(resource.type, outputs, _LEAVES, label)
            outputs |= filled | _shaped(resource, filled, self.region)
        if resource.read:
            identity = resource.import_id
        else:
            identity = "" if self.preview else "${" + label + ".id}"
        return State(id=identity, outputs=outputs, secret_outputs=secret & set(outputs))

    def invoke(self, call: Invoke) -> Mapping[str, Any]:
        """Answer from the table of fixtures."""
        fixture = FIXTURES.get(call.token)
        if fixture is None:
            raise OfflineError(
                f"no fixture for the look-up {call.token}; add one to FIXTURES in {__name__}"
            )
        return fixture(call.arguments, self.region)

    def check_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Accept placeholders: outputs are made of them here."""


def _shaped(resource: Resource, filled: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return placeholders that look like what they stand for: a program may check them."""
    service, _, kind = resource.type.removeprefix("aws:").partition("/")
    kind = kind.partition(":")[0]
    shapes = {
        "arn": f"arn:{PARTITION}:{service}:{region}:{ACCOUNT}:{kind}:{resource.name}",
        "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{resource.name}",
    }
    shaped: dict[str, Any] = {name: shape for name, shape in shapes.items() if name in filled}
    if "domainValidationOptions" in filled:
        # A certificate has one proof a name, not the one that stands for a list of unknown length.
        names = [resource.inputs["domainName"], *resource.inputs.get("subjectAlternativeNames", ())]
        [proof] = filled["domainValidationOptions"]
        shaped["domainValidationOptions"] = [
            {**{key: f"{value}.{place}" for key, value in proof.items()}, "domainName": name}
            for place, name in enumerate(names)
        ]
    return shaped


def zones(region: str) -> list[str]:
    """Return a region's first three zones, as every region the product targets has them."""
    return [f"{region}{letter}" for letter in "abc"]


def _region(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    name = str(arguments.get("region") or arguments.get("name") or region)
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


def _caller(_arguments: Mapping[str, Any], _region: str) -> dict[str, Any]:
    return {
        "id": ACCOUNT,
        "accountId": ACCOUNT,
        "arn": f"arn:{PARTITION}:iam::{ACCOUNT}:user/offline",
        "userId": "offline",
    }


def _partition(_arguments: Mapping[str, Any], _region: str) -> dict[str, Any]:
    return {
        "id": PARTITION,
        "partition": PARTITION,
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _availability_zones(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    names = zones(region)
    return {
        **arguments,
        "id": region,
        "region": region,
        "names": names,
        "zoneIds": [f"zone-{name}" for name in names],
        "groupNames": [region],
    }


def _ami(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    label = f"getAmi.{json.dumps(arguments, sort_keys=True)}"
    return {
        **arguments,
        "id": "${" + label + ".id}",
        "imageId": "${" + label + ".id}",
        "name": "${" + label + ".name}",
        "region": region,
        "architecture": "x86_64",
        "rootDeviceName": "/dev/sda1",
    }


def _snapshot(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    (snapshot_id,) = arguments["snapshotIds"]
    return {
        **arguments,
        "id": snapshot_id,
        "snapshotId": snapshot_id,
        "region": region,
        "encrypted": True,
        "volumeSize": 1,
    }


def _parameter(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    name = str(arguments["name"])
    value = "${" + f"getParameter.{name}.value" + "}"
    return {
        **arguments,
        "id": name,
        "name": name,
        "region": region,
        "type": "String",
        "value": value,
        "insecureValue": value,
        "version": 1,
        "arn": f"arn:{PARTITION}:ssm:{region}:{ACCOUNT}:parameter{name}",
    }


def _random_password(_arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    # Nothing random: two runs of one program must be the same.
    return {"id": region, "region": region, "randomPassword": "${getRandomPassword}"}


def _zone(arguments: Mapping[str, Any], _region: str) -> dict[str, Any]:
    name = str(arguments.get("name") or arguments.get("zoneId") or "zone").rstrip(".")
    zone_id = str(arguments.get("zoneId") or "${" + f"getZone.{name}.zoneId" + "}")
    return {
        **arguments,
        "id": zone_id,
        "zoneId": zone_id,
        "name": name,
        "arn": f"arn:{PARTITION}:route53:::hostedzone/{zone_id}",
        "nameServers": [f"ns-{number}.example.net" for number in range(4)],
        "privateZone": bool(arguments.get("privateZone", False)),
    }


def _vpc(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    vpc_id = str(arguments.get("id") or "${getVpc.id}")
    return {
        **arguments,
        "id": vpc_id,
        "region": region,
        "arn": f"arn:{PARTITION}:ec2:{region}:{ACCOUNT}:vpc/{vpc_id}",
        "cidrBlock": "10.0.0.0/16",
        "cidrBlockAssociations": [],
        "default": False,
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
        "mainRouteTableId": "${" + f"getVpc.{vpc_id}.mainRouteTableId" + "}",
    }


def _subnet(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    subnet_id = str(arguments.get("id") or "${getSubnet.id}")
    return {
        **arguments,
        "id": subnet_id,
        "region": region,
        "vpcId": str(arguments.get("vpcId") or "${" + f"getSubnet.{subnet_id}.vpcId" + "}"),
        "availabilityZone": zones(region)[0],
        "cidrBlock": "10.0.0.0/24",
    }


def _prefix_list(arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    name = str(arguments.get("name") or arguments.get("id") or "prefix-list")
    return {
        **arguments,
        "id": "${" + f"getPrefixList.{name}.id" + "}",
        "name": name,
        "region": region,
        "cidrBlocks": [],
    }


FIXTURES: Mapping[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "aws:ebs/getSnapshot:getSnapshot": _snapshot,
    "aws:ec2/getAmi:getAmi": _ami,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _prefix_list,
    "aws:ec2/getPrefixList:getPrefixList": _prefix_list,
    "aws:ec2/getSubnet:getSubnet": _subnet,
    "aws:ec2/getVpc:getVpc": _vpc,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:route53/getZone:getZone": _zone,
    # pragma: allowlist nextline secret
    "aws:secretsmanager/getRandomPassword:getRandomPassword": _random_password,
    "aws:ssm/getParameter:getParameter": _parameter,
}
