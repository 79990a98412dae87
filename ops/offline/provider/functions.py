"""Look-ups (`aws.get_region()` and the like), answered from the endpoint."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ops.offline.engine.recording import Invoke
from ops.offline.errors import OfflineError
from ops.offline.provider.api import AwsApi

Call: TypeAlias = Callable[..., dict[str, Any]]
ProviderFunction: TypeAlias = Callable[[Call, Mapping[str, Any], str], dict[str, Any]]


def answer(api: AwsApi, region: str, invoke: Invoke) -> dict[str, Any]:
    """Answer one look-up.

    Raises:
        OfflineError: nothing answers this token, or what is looked up does not exist.
    """
    lookup = FUNCTIONS.get(invoke.token)
    if lookup is None:
        raise OfflineError(f"no answer for the look-up {invoke.token}; add one to {__name__}")

    def call(service: str, operation: str, **parameters: object) -> dict[str, Any]:
        return api.call(service, operation, region, parameters)

    return lookup(call, invoke.arguments, region)


def _filters(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"Name": item["name"], "Values": item["values"]} for item in arguments.get("filters", ())
    ]


def _region(_call: Call, arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    name = str(arguments.get("name") or region)
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": name,
        "endpoint": f"ec2.{name}.amazonaws.com",
    }


def _caller(call: Call, _arguments: Mapping[str, Any], _region: str) -> dict[str, Any]:
    caller = call("sts", "get_caller_identity")
    return {
        "id": caller["Account"],
        "accountId": caller["Account"],
        "arn": caller["Arn"],
        "userId": caller["UserId"],
    }


def _partition(_call: Call, _arguments: Mapping[str, Any], _region: str) -> dict[str, Any]:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _zones(call: Call, arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    filters = _filters(arguments)
    if arguments.get("state"):
        filters.append({"Name": "state", "Values": [arguments["state"]]})
    excluded = set(arguments.get("excludeNames", ())) | set(arguments.get("excludeZoneIds", ()))
    found = [
        zone
        for zone in call("ec2", "describe_availability_zones", Filters=filters)["AvailabilityZones"]
        if not excluded & {zone["ZoneName"], zone["ZoneId"]}
    ]
    return {
        **arguments,
        "id": region,
        "region": region,
        "names": [zone["ZoneName"] for zone in found],
        "zoneIds": [zone["ZoneId"] for zone in found],
        "groupNames": [region],
    }


def _ami(call: Call, arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    query: dict[str, Any] = {"Filters": _filters(arguments)}
    if arguments.get("owners"):
        query["Owners"] = list(arguments["owners"])
    images = call("ec2", "describe_images", **query)["Images"]
    if not images:
        raise OfflineError(f"getAmi: no image matches {dict(arguments)}")
    if len(images) > 1 and not arguments.get("mostRecent"):
        raise OfflineError(f"getAmi: {len(images)} images match; mostRecent chooses the newest")
    image = max(images, key=lambda item: item["CreationDate"])
    return {
        **arguments,
        "id": image["ImageId"],
        "imageId": image["ImageId"],
        "name": image["Name"],
        "architecture": image["Architecture"],
        "rootDeviceName": image["RootDeviceName"],
        "region": region,
    }


def _snapshot(call: Call, arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    found = call("ec2", "describe_snapshots", SnapshotIds=list(arguments["snapshotIds"]))
    (one,) = found["Snapshots"]
    return {
        **arguments,
        "id": one["SnapshotId"],
        "snapshotId": one["SnapshotId"],
        "region": region,
        "encrypted": one["Encrypted"],
        "volumeSize": one["VolumeSize"],
    }


def _parameter(call: Call, arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    decrypt = bool(arguments.get("withDecryption", True))
    found = call("ssm", "get_parameter", Name=arguments["name"], WithDecryption=decrypt)[
        "Parameter"
    ]
    return {
        **arguments,
        "id": found["Name"],
        "name": found["Name"],
        "type": found["Type"],
        "value": found["Value"],
        "insecureValue": found["Value"] if found["Type"] != "SecureString" else "",
        "version": found["Version"],
        "arn": found["ARN"],
        "region": region,
    }


def _random_password(call: Call, arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    wanted = {
        name[0].upper() + name[1:]: value
        for name, value in arguments.items()
        if name not in {"region", "passwordLength"} and value is not None
    }
    length = int(arguments.get("passwordLength") or 32)
    made = call("secretsmanager", "get_random_password", PasswordLength=length, **wanted)
    return {**arguments, "id": region, "region": region, "randomPassword": made["RandomPassword"]}


def _zone(call: Call, arguments: Mapping[str, Any], _region: str) -> dict[str, Any]:
    wanted_id, wanted_name = arguments.get("zoneId"), str(arguments.get("name", "")).rstrip(".")
    private = bool(arguments.get("privateZone", False))
    for zone in call("route53", "list_hosted_zones")["HostedZones"]:
        zone_id, name = zone["Id"].rpartition("/")[2], zone["Name"].rstrip(".")
        matches = zone_id == wanted_id if wanted_id else name == wanted_name
        if matches and bool(zone["Config"]["PrivateZone"]) == private:
            return {
                **arguments,
                "id": zone_id,
                "zoneId": zone_id,
                "name": name,
                "privateZone": private,
                "arn": f"arn:aws:route53:::hostedzone/{zone_id}",
            }
    raise OfflineError(f"getZone: no hosted zone {wanted_id or wanted_name!r}")


def _prefix_list(call: Call, arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    filters = _filters(arguments)
    if arguments.get("name"):
        filters.append({"Name": "prefix-list-name", "Values": [arguments["name"]]})
    found = call("ec2", "describe_managed_prefix_lists", Filters=filters)["PrefixLists"]
    if len(found) != 1:
        raise OfflineError(f"getManagedPrefixList: {len(found)} lists match {dict(arguments)}")
    return {
        **arguments,
        "id": found[0]["PrefixListId"],
        "name": found[0]["PrefixListName"],
        "arn": found[0]["PrefixListArn"],
        "region": region,
    }


FUNCTIONS: Mapping[str, ProviderFunction] = {
    "aws:ebs/getSnapshot:getSnapshot": _snapshot,
    "aws:ec2/getAmi:getAmi": _ami,
    "aws:ec2/getManagedPrefixList:getManagedPrefixList": _prefix_list,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:route53/getZone:getZone": _zone,
    # pragma: allowlist nextline secret
    "aws:secretsmanager/getRandomPassword:getRandomPassword": _random_password,
    "aws:ssm/getParameter:getParameter": _parameter,
}
