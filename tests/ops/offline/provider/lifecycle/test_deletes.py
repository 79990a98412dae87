"""Deleting what the provider made: what it does first, and what AWS does not let it do.

`tests/ops/offline/test_stacks.py` deletes whole stacks; `simulator/test_refusals.py` makes each
refusal of AWS. Here is what the provider adds.
"""

from typing import Any

import boto3
import pytest

from ops.offline import OfflineError
from ops.offline.provider.create_request import HANDLERS
from ops.offline.provider.lifecycle import Existing, delete
from ops.offline.provider.lifecycle.deletes import DELETES
from ops.offline.provider.lifecycle.deletes.registry import deletes
from tests.ops.offline.provider.lifecycle.conftest import REGION, Make

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]

TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    ' "Principal": {"Service": "ec2.amazonaws.com"}}]}'
)
ALLOW = (
    '{"Version": "2012-10-17", "Statement":'
    ' [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'
)


def _client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def test_every_type_that_is_created_can_be_deleted() -> None:
    assert set(DELETES) == set(HANDLERS)


def test_a_type_is_deleted_in_one_way() -> None:
    with pytest.raises(ValueError, match="is deleted in two ways"):
        deletes("aws:ec2/vpc:Vpc")(lambda _existing: None)


def test_a_bucket_that_holds_something_goes_only_by_force_with_every_version(make: Make) -> None:
    kept = make("aws:s3/bucket:Bucket", {"bucket": "kept-by-its-objects"})
    s3 = _client("s3")
    versions = {"Bucket": kept.id, "VersioningConfiguration": {"Status": "Enabled"}}
    s3.put_bucket_versioning(**versions)
    for body in (b"1", b"2"):
        s3.put_object(Bucket=kept.id, Key="a", Body=body)
    s3.delete_object(Bucket=kept.id, Key="a")
    with pytest.raises(OfflineError, match=r"s3 delete_bucket: BucketNotEmpty"):
        delete(kept)
    delete(_with(kept, forceDestroy=True))
    assert kept.id not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    delete(kept)  # what is gone is deleted


def _with(existing: Existing, **inputs: object) -> Existing:
    return Existing(
        resource=existing.resource,
        id=existing.id,
        region=existing.region,
        account=existing.account,
        api=existing.api,
        inputs={**existing.inputs, **inputs},
        outputs=existing.outputs,
    )


def test_a_role_with_policies_goes_only_by_force_but_leaves_its_instance_profiles(
    make: Make,
) -> None:
    role = make("aws:iam/role:Role", {"name": "bearer", "assumeRolePolicy": TRUST})
    profile = make("aws:iam/instanceProfile:InstanceProfile", {"name": "p", "role": "bearer"})
    make("aws:iam/rolePolicy:RolePolicy", {"name": "inline", "role": "bearer", "policy": ALLOW})
    policy = make("aws:iam/policy:Policy", {"name": "managed", "policy": ALLOW})
    make(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"role": "bearer", "policyArn": policy.id},
    )
    with pytest.raises(OfflineError, match=r"iam delete_policy: DeleteConflict"):
        delete(policy)
    with pytest.raises(OfflineError, match=r"iam delete_role: DeleteConflict"):
        delete(role)
    delete(_with(role, forceDetachPolicies=True))
    delete(policy)
    delete(profile)
    assert "bearer" not in {item["RoleName"] for item in _client("iam").list_roles()["Roles"]}


def test_older_versions_of_a_policy_go_before_it(make: Make) -> None:
    policy = make("aws:iam/policy:Policy", {"name": "changed", "policy": ALLOW})
    _client("iam").create_policy_version(
        PolicyArn=policy.id, PolicyDocument=ALLOW, SetAsDefault=True
    )
    delete(policy)
    delete(policy)


@pytest.mark.parametrize(("inputs", "days"), [({"recoveryWindowInDays": 7}, 7), ({}, 30)])
def test_a_secret_waits_out_its_window_and_its_name_with_it(
    make: Make, inputs: dict[str, int], days: int
) -> None:
    named = {"name": f"waiting-{days}", **inputs}
    secret = make("aws:secretsmanager/secret:Secret", named)
    delete(secret)
    described = _client("secretsmanager").describe_secret(SecretId=secret.id)
    left = described["DeletedDate"] - described["CreatedDate"]
    assert left.days in {days - 1, days}
    with pytest.raises(OfflineError, match="ResourceExistsException"):
        make("aws:secretsmanager/secret:Secret", named)


def test_a_secret_without_a_window_is_gone_at_once(make: Make) -> None:
    secret = make("aws:secretsmanager/secret:Secret", {"name": "gone", "recoveryWindowInDays": 0})
    version = make(
        "aws:secretsmanager/secretVersion:SecretVersion",
        {"secretId": secret.id, "secretString": "hush"},  # pragma: allowlist secret
    )
    delete(version)
    held = _client("secretsmanager").get_secret_value(SecretId=secret.id)
    assert held["VersionStages"] == ["AWSCURRENT"]
    delete(secret)
    delete(version)
    make("aws:secretsmanager/secret:Secret", {"name": "gone"})


@pytest.mark.parametrize(("inputs", "days"), [({"deletionWindowInDays": 7}, 7), ({}, 30)])
def test_a_key_waits_out_its_window_and_is_not_scheduled_twice(
    make: Make, inputs: dict[str, int], days: int
) -> None:
    key = make("aws:kms/key:Key", {"description": "k", **inputs})
    delete(key)
    delete(key)
    described = _client("kms").describe_key(KeyId=key.id)["KeyMetadata"]
    assert described["KeyState"] == "PendingDeletion"
    assert (described["DeletionDate"] - described["CreationDate"]).days in {days - 1, days}


def test_a_log_group_is_left_where_the_program_says_so(make: Make) -> None:
    logs = make("aws:cloudwatch/logGroup:LogGroup", {"name": "/kept"})
    delete(_with(logs, skipDestroy=True))
    found = _client("logs").describe_log_groups(logGroupNamePrefix="/kept")["logGroups"]
    assert len(found) == 1
    delete(logs)
    assert not _client("logs").describe_log_groups(logGroupNamePrefix="/kept")["logGroups"]


def test_a_repository_with_images_goes_only_by_force(make: Make) -> None:
    repository = make("aws:ecr/repository:Repository", {"name": "full"})
    _client("ecr").put_image(
        repositoryName="full",
        imageManifest="{}",
        imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
        imageTag="v1",
    )
    with pytest.raises(OfflineError, match=r"ecr delete_repository: RepositoryNotEmptyException"):
        delete(repository)
    delete(_with(repository, forceDelete=True))


def test_a_zone_with_records_goes_only_by_force(make: Make) -> None:
    zone = make("aws:route53/zone:Zone", {"name": "example.net"})
    record = {"zoneId": zone.id, "name": "a.example.net", "type": "A", "ttl": 60}
    make("aws:route53/record:Record", {**record, "records": ["192.0.2.1"]})
    with pytest.raises(OfflineError, match=r"route53 delete_hosted_zone: HostedZoneNotEmpty"):
        delete(zone)
    delete(_with(zone, forceDestroy=True))


def _machines(make: Make, name: str) -> Existing:
    template = make(
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"name": name, "imageId": "ami-1", "instanceType": "t3.micro"},
    )
    return make(
        "aws:autoscaling/group:Group",
        {
            "name": name,
            "minSize": 1,
            "maxSize": 2,
            "desiredCapacity": 2,
            "availabilityZones": [f"{REGION}a"],
            "launchTemplate": {"id": template.id, "version": "1"},
        },
    )


def test_a_group_is_drained_before_it_is_deleted(make: Make) -> None:
    delete(_machines(make, "drained"))
    groups = _client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["drained"])
    assert not groups["AutoScalingGroups"]


def test_machines_protected_from_scale_in_keep_their_group_unless_forced(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.offline.provider.lifecycle.deletes.compute._DRAIN_DEADLINE", 0.0)
    group = _machines(make, "guarded")
    scaling = _client("autoscaling")

    def machines() -> list[str]:
        [held] = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["guarded"])[
            "AutoScalingGroups"
        ]
        return [machine["InstanceId"] for machine in held["Instances"]]

    before = machines()
    scaling.set_instance_protection(
        AutoScalingGroupName="guarded", InstanceIds=before, ProtectedFromScaleIn=True
    )
    with pytest.raises(OfflineError, match=r"Auto Scaling Group \(guarded\) drain: i-"):
        delete(group)
    assert machines() == before
    delete(_with(group, forceDelete=True))
    states = [
        machine["State"]["Name"]
        for reservation in _client("ec2").describe_instances(InstanceIds=before)["Reservations"]
        for machine in reservation["Instances"]
    ]
    assert set(states) == {"terminated"}


def test_a_role_of_a_service_stays_while_the_service_uses_it(make: Make) -> None:
    role = make(
        "aws:iam/serviceLinkedRole:ServiceLinkedRole",
        {"awsServiceName": "autoscaling.amazonaws.com", "customSuffix": "deletes"},
    )
    group = _machines(make, "served")
    _client("autoscaling").update_auto_scaling_group(
        AutoScalingGroupName="served", ServiceLinkedRoleARN=role.id
    )
    with pytest.raises(OfflineError, match=r"delete_service_linked_role: \w+: .*served"):
        delete(role)
    delete(group)
    delete(role)


def test_rules_go_with_their_group_where_the_program_says_so(make: Make) -> None:
    vpc = make("aws:ec2/vpc:Vpc", {"cidrBlock": "10.8.0.0/16"})
    one, other = (
        make(
            "aws:ec2/securityGroup:SecurityGroup",
            {"name": name, "description": name, "vpcId": vpc.id},
            name,
        )
        for name in ("one", "other")
    )
    make(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {
            "securityGroupId": one.id,
            "referencedSecurityGroupId": other.id,
            "ipProtocol": "tcp",
            "fromPort": 1,
            "toPort": 1,
        },
    )
    with pytest.raises(OfflineError, match=r"ec2 delete_security_group: DependencyViolation"):
        delete(other)
    delete(_with(one, revokeRulesOnDelete=True))
    delete(other)
    delete(vpc)


def test_an_unknown_type_is_named_with_where_to_add_it(make: Make) -> None:
    vpc = make("aws:ec2/vpc:Vpc", {"cidrBlock": "10.7.0.0/16"})
    delete(vpc)
    object.__setattr__(vpc.resource, "type", "aws:sqs/queue:Queue")
    with pytest.raises(OfflineError, match=r"nothing deletes the type aws:sqs/queue:Queue; add"):
        delete(vpc)
