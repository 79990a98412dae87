"""Certificates and DNS."""

import time
from typing import Any, Final

from ops.offline.aws.making import Created, Making, creates
from ops.offline.errors import OfflineError

_ISSUE_DEADLINE: Final = 30.0
"""Seconds for a certificate to be issued; moto takes none with MOTO_ACM_VALIDATION_WAIT=0."""

_PAUSE: Final = 0.2


@creates("aws:acm/certificate:Certificate")
def _certificate(making: Making) -> Created:
    if making.inputs.get("certificateBody"):
        return _imported(making)
    names = [making.inputs["domainName"], *(making.inputs.get("subjectAlternativeNames") or [])]
    making.inputs["subjectAlternativeNames"] = list(dict.fromkeys(names))
    parameters = making.parameters("acm", "request_certificate")
    arn = making.call("acm", "request_certificate", **parameters)["CertificateArn"]
    detail = making.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    return Created(
        id=arn,
        outputs={
            "arn": arn,
            "status": detail["Status"],
            "domainValidationOptions": _proofs(detail),
            "subjectAlternativeNames": list(dict.fromkeys(names)),
            "keyAlgorithm": parameters.get("KeyAlgorithm", "RSA_2048"),
        },
    )


def _imported(making: Making) -> Created:
    parameters = making.parameters("acm", "import_certificate", {"certificateBody": "Certificate"})
    for key in ("Certificate", "PrivateKey", "CertificateChain"):
        if key in parameters:
            parameters[key] = str(parameters[key]).encode()
    arn = making.call("acm", "import_certificate", **parameters)["CertificateArn"]
    detail = making.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    return Created(
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


@creates("aws:acm/certificateValidation:CertificateValidation")
def _validation(making: Making) -> Created:
    """Wait, as the provider does, until the certificate is issued."""
    arn = making.take("certificateArn")
    making.ignore("validationRecordFqdns")
    deadline = time.monotonic() + _ISSUE_DEADLINE
    while True:
        detail = making.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
        if detail["Status"] == "ISSUED":
            return Created(id=str(detail["IssuedAt"]), outputs={"certificateArn": arn})
        if time.monotonic() > deadline:
            raise OfflineError(
                f"certificateArn: {arn} is {detail['Status']} after {_ISSUE_DEADLINE:g} s;"
                " start moto with MOTO_ACM_VALIDATION_WAIT=0"
            )
        time.sleep(_PAUSE)


@creates("aws:route53/zone:Zone")
def _zone(making: Making) -> Created:
    making.ignore("forceDestroy")
    comment, vpcs = making.take("comment", "Managed by Pulumi"), making.take("vpcs", [])
    tags = making.take("tags", {})
    name = making.take("name")
    parameters: dict[str, Any] = {
        "Name": name,
        "CallerReference": making.suffix(32),
        "HostedZoneConfig": {"Comment": comment, "PrivateZone": bool(vpcs)},
    }
    if vpcs:
        parameters["VPC"] = {
            "VPCId": vpcs[0]["vpcId"],
            "VPCRegion": vpcs[0].get("vpcRegion", making.region),
        }
    answer = making.call("route53", "create_hosted_zone", **parameters)
    zone_id = answer["HostedZone"]["Id"].rpartition("/")[2]
    if tags:
        making.call(
            "route53",
            "change_tags_for_resource",
            ResourceType="hostedzone",
            ResourceId=zone_id,
            AddTags=[{"Key": key, "Value": str(tags[key])} for key in sorted(tags)],
        )
    return Created(
        id=zone_id,
        outputs={
            "arn": f"arn:aws:route53:::hostedzone/{zone_id}",
            "zoneId": zone_id,
            "nameServers": answer.get("DelegationSet", {}).get("NameServers", []),
            "comment": comment,
        },
    )


@creates("aws:route53/record:Record")
def _record(making: Making) -> Created:
    zone_id, name, kind = (making.take(key) for key in ("zoneId", "name", "type"))
    overwrite = making.take("allowOverwrite", False)
    entry: dict[str, Any] = {"Name": name, "Type": kind}
    aliases = making.take("aliases", [])
    if aliases:
        alias = aliases[0]
        entry["AliasTarget"] = {
            "HostedZoneId": alias["zoneId"],
            "DNSName": alias["name"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    else:
        values = making.take("records", [])
        entry["ResourceRecords"] = [{"Value": _record_value(kind, value)} for value in values]
        entry["TTL"] = making.take("ttl")
    if making.inputs.get("setIdentifier"):
        entry["SetIdentifier"] = making.take("setIdentifier")
    if making.inputs.get("healthCheckId"):
        entry["HealthCheckId"] = making.take("healthCheckId")
    change = {"Action": "UPSERT" if overwrite else "CREATE", "ResourceRecordSet": entry}
    making.call(
        "route53",
        "change_resource_record_sets",
        HostedZoneId=zone_id,
        ChangeBatch={"Changes": [change]},
    )
    zone = making.call("route53", "get_hosted_zone", Id=zone_id)["HostedZone"]["Name"]
    return Created(id=f"{zone_id}_{name}_{kind}", outputs={"fqdn": _fqdn(name, zone), "name": name})


def _record_value(kind: str, value: str) -> str:
    """Text records are quoted on the wire."""
    return f'"{value}"' if kind in {"TXT", "SPF"} and not value.startswith('"') else value


def _fqdn(name: str, zone: str) -> str:
    name, zone = name.rstrip("."), zone.rstrip(".")
    return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}" if name else zone
