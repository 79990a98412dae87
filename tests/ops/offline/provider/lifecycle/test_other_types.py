"""Types that the committed stacks do not make: each is read, changed, read again and deleted.

`tests/ops/offline/test_stacks.py` does the same with those that they make.
"""

import json
from dataclasses import replace

import pytest

from ops.offline.provider.lifecycle import Existing, Live, delete, read, update
from tests.ops.offline.provider.lifecycle.conftest import Make

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]


def _policy(action: str, **more: object) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _read(existing: Existing) -> Live:
    live = read(existing)
    assert live is not None
    return live


def _lives(existing: Existing, **wanted: object) -> Existing:
    """Read it, change it, read the change, and return what it is then."""
    assert _read(existing).inputs == existing.inputs
    inputs = {**existing.inputs, **wanted}
    outputs = update(existing, inputs)
    changed = replace(existing, inputs=inputs, outputs=outputs)
    assert _read(changed).inputs == inputs
    assert {key: outputs[key] for key in wanted} == wanted
    drift = _read(existing).inputs
    assert {key: drift.get(key) for key in wanted} == wanted
    return changed


def _ends(existing: Existing) -> None:
    delete(existing)
    assert read(existing) is None


def test_a_policy_has_a_new_version_of_five_at_most(make: Make) -> None:
    policy = make("aws:iam/policy:Policy", {"name": "versions", "policy": _policy("s3:Get1")})
    for number in range(2, 9):
        policy = _lives(policy, policy=_policy(f"s3:Get{number}"))
    _ends(_lives(policy, tags={"a": "b"}))


def test_an_identity_provider(make: Make) -> None:
    provider = make(
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        {
            "url": "https://tokens.example.com",
            "clientIdLists": ["sts.amazonaws.com"],
            "thumbprintLists": ["a" * 40],
        },
    )
    _ends(_lives(provider, thumbprintLists=["b" * 40], tags={"a": "b"}))


def test_a_zone(make: Make) -> None:
    zone = make("aws:route53/zone:Zone", {"name": "example.org", "comment": "one"})
    _ends(_lives(zone, comment="two", tags={"a": "b"}))


def test_an_object_is_what_its_content_is(make: Make) -> None:
    bucket = make("aws:s3/bucket:Bucket", {"bucket": "bucket-of-an-object", "forceDestroy": True})
    object_ = make(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        {"bucket": bucket.id, "key": "a/b", "content": "one"},
    )
    _ends(_lives(object_, content="two"))
    _ends(bucket)


def test_a_filter_of_a_log_and_who_may_write_to_logs(make: Make) -> None:
    logs = make("aws:cloudwatch/logGroup:LogGroup", {"name": "/filtered"})
    transformation = {"name": "Errors", "namespace": "Perch", "value": "1"}
    filter_ = make(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        {
            "name": "errors",
            "logGroupName": logs.id,
            "pattern": "ERROR",
            "metricTransformation": transformation,
        },
    )
    _ends(_lives(filter_, pattern="FATAL"))
    rights = make(
        "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
        {"policyName": "writers", "policyDocument": _policy("logs:PutLogEvents")},
    )
    _ends(_lives(rights, policyDocument=_policy("logs:CreateLogStream")))
    _ends(logs)


def test_the_policy_of_a_repository(make: Make) -> None:
    repository = make("aws:ecr/repository:Repository", {"name": "shared"})
    everybody = {"Principal": "*", "Sid": "pull"}
    policy = make(
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        {"repository": repository.id, "policy": _policy("ecr:BatchGetImage", **everybody)},
    )
    _ends(_lives(policy, policy=_policy("ecr:GetDownloadUrlForLayer", **everybody)))
    _ends(repository)


def test_the_policy_and_the_rotation_of_a_secret(make: Make) -> None:
    secret = make("aws:secretsmanager/secret:Secret", {"name": "turned", "recoveryWindowInDays": 0})
    policy = make(
        "aws:secretsmanager/secretPolicy:SecretPolicy",
        {
            "secretArn": secret.id,
            "policy": _policy("secretsmanager:GetSecretValue", Principal="*"),
        },
    )
    _ends(_lives(policy, policy=_policy("secretsmanager:DescribeSecret", Principal="*")))
    _ends(secret)


def test_a_further_certificate_of_a_listener(make: Make) -> None:
    vpc = make("aws:ec2/vpc:Vpc", {"cidrBlock": "10.6.0.0/16"})
    subnets = [
        make(
            "aws:ec2/subnet:Subnet",
            {
                "vpcId": vpc.id,
                "cidrBlock": f"10.6.{number}.0/24",
                "availabilityZone": f"ap-south-1{zone}",
            },
            zone,
        )
        for number, zone in enumerate("ab")
    ]
    balancer = make(
        "aws:lb/loadBalancer:LoadBalancer",
        {
            "name": "further",
            "internal": True,
            "loadBalancerType": "application",
            "subnets": [subnet.id for subnet in subnets],
        },
    )
    first, second = (
        make(
            "aws:acm/certificate:Certificate",
            {"domainName": f"{name}.example.org", "validationMethod": "DNS"},
            name,
        )
        for name in ("first", "second")
    )
    listener = make(
        "aws:lb/listener:Listener",
        {
            "loadBalancerArn": balancer.id,
            "port": 443,
            "protocol": "HTTPS",
            "certificateArn": first.id,
            "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
            "defaultActions": [
                {
                    "type": "fixed-response",
                    "fixedResponse": {"contentType": "text/plain", "statusCode": "404"},
                }
            ],
        },
    )
    further = make(
        "aws:lb/listenerCertificate:ListenerCertificate",
        {"listenerArn": listener.id, "certificateArn": second.id},
    )
    assert _read(further).inputs == further.inputs
    for existing in (further, listener, balancer, first, second, *subnets, vpc):
        _ends(existing)
