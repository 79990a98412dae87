"""Certificates and DNS."""

import time
from typing import Any, Final

from ops.offline.errors import OfflineError
from ops.offline.provider.create_request import CreateRequest, CreateResult, handles

_ISSUE_DEADLINE: Final = 30.0
"""Seconds for a certificate to be issued; moto takes none with MOTO_ACM_VALIDATION_WAIT=0."""

_PAUSE: Final = 0.2


@handles("aws:acm/certificate:Certificate")
def _certificate(request: CreateRequest) -> CreateResult:
    if request.inputs.get("certificateBody"):
        return _imported(request)
    names = [request.inputs["domainName"], *(request.inputs.get("subjectAlternativeNames") or [])]
    request.inputs["subjectAlternativeNames"] = list(dict.fromkeys(names))
    parameters = request.parameters("acm", "request_certificate")
    arn = request.call("acm", "request_certificate", **parameters)["CertificateArn"]
    detail = request.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    return CreateResult(
        id=arn,
        outputs={
            "arn": arn,
            "status": detail["Status"],
            "domainValidationOptions": _proofs(detail),
            "subjectAlternativeNames": list(dict.fromkeys(names)),
            "keyAlgorithm": parameters.get("KeyAlgorithm", "RSA_2048"),
        },
    )


def _imported(request: CreateRequest) -> CreateResult:
    parameters = request.parameters("acm", "import_certificate", {"certificateBody": "Certificate"})
    for key in ("Certificate", "PrivateKey", "CertificateChain"):
        if key in parameters:
            parameters[key] = str(parameters[key]).encode()
    arn = request.call("acm", "import_certificate", **parameters)["CertificateArn"]
    detail = request.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    return CreateResult(
        id=arn,
        outputs={
            "arn": arn,
            "status": detail["Status"],
            "domainName": detail["DomainName"],
            "subjectAlternativeNames": detail.get("SubjectAlternativeNames", []),
        },
    )


def _proofs(detail: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {
            "domainName": option["DomainName"],
            "resourceRecordName": option["ResourceRecord"]["Name"],
            "resourceRecordType": option["ResourceRecord"]["Type"],
            "resourceRecordValue": option["ResourceRecord"]["Value"],
        }
        for option in detail["DomainValidationOptions"]
        if "ResourceRecord" in option
    ]


@handles("aws:acm/certificateValidation:CertificateValidation")
def _validation(request: CreateRequest) -> CreateResult:
    """Wait, as the provider does, until the certificate is issued."""
    arn = request.take("certificateArn")
    request.ignore("validationRecordFqdns")
    deadline = time.monotonic() + _ISSUE_DEADLINE
    while True:
        detail = request.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
        if detail["Status"] == "ISSUED":
            return CreateResult(id=str(detail["IssuedAt"]), outputs={"certificateArn": arn})
        if time.monotonic() > deadline:
            raise OfflineError(
                f"certificateArn: {arn} is {detail['Status']} after {_ISSUE_DEADLINE:g} s;"
                " start moto with MOTO_ACM_VALIDATION_WAIT=0"
            )
        time.sleep(_PAUSE)


@handles("aws:route53/zone:Zone")
def _zone(request: CreateRequest) -> CreateResult:
    request.ignore("forceDestroy")
    comment, vpcs = request.take("comment", "Managed by Pulumi"), request.take("vpcs", [])
    tags = request.take("tags", {})
    name = request.take("name")
    parameters: dict[str, Any] = {
        "Name": name,
        "CallerReference": request.suffix(32),
        "HostedZoneConfig": {"Comment": comment, "PrivateZone": bool(vpcs)},
    }
    if vpcs:
        parameters["VPC"] = {
            "VPCId": vpcs[0]["vpcId"],
            "VPCRegion": vpcs[0].get("vpcRegion", request.region),
        }
    answer = request.call("route53", "create_hosted_zone", **parameters)
    zone_id = answer["HostedZone"]["Id"].rpartition("/")[2]
    if tags:
        request.call(
            "route53",
            "change_tags_for_resource",
            ResourceType="hostedzone",
            ResourceId=zone_id,
            AddTags=[{"Key": key, "Value": str(tags[key])} for key in sorted(tags)],
        )
    return CreateResult(
        id=zone_id,
        outputs={
            "arn": f"arn:aws:route53:::hostedzone/{zone_id}",
            "zoneId": zone_id,
            "nameServers": answer.get("DelegationSet", {}).get("NameServers", []),
            "comment": comment,
        },
    )


@handles("aws:route53/record:Record")
def _record(request: CreateRequest) -> CreateResult:
    zone_id = request.inputs["zoneId"]
    action = "UPSERT" if request.take("allowOverwrite", False) else "CREATE"
    entry = record_entry(request)
    name, kind = entry["Name"], entry["Type"]
    change = {"Action": action, "ResourceRecordSet": entry}
    request.call(
        "route53",
        "change_resource_record_sets",
        HostedZoneId=zone_id,
        ChangeBatch={"Changes": [change]},
    )
    zone = request.call("route53", "get_hosted_zone", Id=zone_id)["HostedZone"]["Name"]
    return CreateResult(
        id=f"{zone_id}_{name}_{kind}", outputs={"fqdn": _fqdn(name, zone), "name": name}
    )


def record_entry(request: CreateRequest) -> dict[str, Any]:
    """Use up a record's inputs, and return it as the API takes it."""
    request.ignore("allowOverwrite", "zoneId")
    name, kind = request.take("name"), request.take("type")
    entry: dict[str, Any] = {"Name": name, "Type": kind}
    aliases = request.take("aliases", [])
    if aliases:
        alias = aliases[0]
        entry["AliasTarget"] = {
            "HostedZoneId": alias["zoneId"],
            "DNSName": alias["name"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    else:
        values = request.take("records", [])
        entry["ResourceRecords"] = [{"Value": _record_value(kind, value)} for value in values]
        entry["TTL"] = request.take("ttl")
    if request.inputs.get("setIdentifier"):
        entry["SetIdentifier"] = request.take("setIdentifier")
    if request.inputs.get("healthCheckId"):
        entry["HealthCheckId"] = request.take("healthCheckId")
    return entry


def _record_value(kind: str, value: str) -> str:
    """Quote text records, as the wire has them."""
    return f'"{value}"' if kind in {"TXT", "SPF"} and not value.startswith('"') else value


def _fqdn(name: str, zone: str) -> str:
    name, zone = name.rstrip("."), zone.rstrip(".")
    return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}" if name else zone
