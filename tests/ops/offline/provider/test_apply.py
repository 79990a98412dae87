"""Creating what a program registers, in moto in this process.

Proves that every input reaches a call of botocore's models and comes back from moto; does not prove
that AWS accepts the same calls: moto checks less.
"""

from typing import Any

import boto3
import pytest

from ops.offline import OfflineError
from ops.offline.applier import IN_PROCESS, AppliedStack, apply
from ops.offline.provider import provider
from ops.offline.provider.create_request import HANDLERS, CreateResult, handles
from tests.ops.offline.conftest import HARBOUR, MakeProgram

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]

REGION = "eu-west-1"


@pytest.fixture(scope="module")
def harbour() -> AppliedStack:
    return apply(
        "quay",
        endpoint_url=IN_PROCESS,
        root=HARBOUR,
        overrides={"password": "ahoy-there"},  # pragma: allowlist secret
    )


def _client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def test_outputs_are_the_ids_of_what_was_created(harbour: AppliedStack) -> None:
    vpcs = _client("ec2").describe_vpcs(VpcIds=[harbour.outputs["vpc_id"]])["Vpcs"]
    assert vpcs[0]["CidrBlock"] == "10.20.0.0/16"
    subnets = _client("ec2").describe_subnets(SubnetIds=harbour.outputs["subnet_ids"])["Subnets"]
    assert {subnet["AvailabilityZone"] for subnet in subnets} == {"eu-west-1a", "eu-west-1b"}
    assert harbour.resources["urn:pulumi:quay::harbour::aws:kms/key:Key::key"]


def test_settings_that_take_a_call_of_their_own_are_made_too(harbour: AppliedStack) -> None:
    answer = _client("ec2").describe_vpc_attribute(
        VpcId=harbour.outputs["vpc_id"], Attribute="enableDnsHostnames"
    )
    assert answer["EnableDnsHostnames"] == {"Value": True}
    key = harbour.resources["urn:pulumi:quay::harbour::aws:kms/key:Key::key"]
    assert _client("kms").get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True


def test_default_tags_of_the_provider_are_on_everything_that_bears_tags(
    harbour: AppliedStack,
) -> None:
    vpc = _client("ec2").describe_vpcs(VpcIds=[harbour.outputs["vpc_id"]])["Vpcs"][0]
    assert {tag["Key"]: tag["Value"] for tag in vpc["Tags"]} == {
        "project": "harbour",
        "stack": "quay",
    }
    secret = _client("secretsmanager").describe_secret(SecretId=harbour.outputs["secret_arn"])
    assert {tag["Key"] for tag in secret["Tags"]} == {"project", "stack"}


def test_an_object_may_override_the_default_tags(make_program: MakeProgram) -> None:
    root = make_program(
        """
        provider = aws.Provider(
            "p", region="eu-west-1", default_tags={"tags": {"project": "harbour"}}
        )
        here = pulumi.ResourceOptions(provider=provider)
        bucket = aws.s3.Bucket("b", bucket="bucket-of-tags", opts=here)
        for name, override in (("with", None), ("without", {"default_tags": {"tags": {}}})):
            aws.s3.BucketObjectv2(
                name,
                bucket=bucket.bucket,
                key=name,
                content=name,
                override_provider=override,
                opts=here,
            )
        """
    )
    apply("one", endpoint_url=IN_PROCESS, root=root)
    found = {
        name: _client("s3").get_object_tagging(Bucket="bucket-of-tags", Key=name)["TagSet"]
        for name in ("with", "without")
    }
    assert found == {"with": [{"Key": "project", "Value": "harbour"}], "without": []}


def test_a_secret_is_used_plain_and_shown_masked(harbour: AppliedStack) -> None:
    secret = _client("secretsmanager").get_secret_value(SecretId=harbour.outputs["secret_arn"])
    assert secret["SecretString"] == "ahoy-there"  # pragma: allowlist secret
    assert harbour.secret_outputs == {"password"}
    assert "ahoy-there" not in harbour.recording.dump()
    assert "ahoy-there" not in repr(harbour)


def test_what_a_cloud_answers_keeps_its_secrecy(make_program: MakeProgram) -> None:
    root = make_program(
        """
        secret = aws.secretsmanager.Secret("s", name="kept")
        version = aws.secretsmanager.SecretVersion(
            "v", secret_id=secret.id, secret_string=pulumi.Output.secret("hush")
        )
        pulumi.export("again", version.secret_string)
        pulumi.export("id", version.version_id)
        """
    )
    applied = apply("one", endpoint_url=IN_PROCESS, root=root)
    assert applied.outputs["again"] == "hush"
    assert applied.secret_outputs == {"again"}


def test_an_output_that_nothing_computes_is_an_error_where_it_is_used(
    make_program: MakeProgram,
) -> None:
    root = make_program(
        """
        address = aws.ec2.Eip("address")
        aws.ssm.Parameter("p", name="/p", type="String", value=address.carrier_ip)
        """
    )
    with pytest.raises(
        OfflineError, match=r"Parameter p: value stands on Eip\.address\.carrierIp, an output"
    ):
        apply("one", endpoint_url=IN_PROCESS, root=root)


def test_an_output_that_nothing_computes_cannot_leave_the_stack(make_program: MakeProgram) -> None:
    root = make_program('pulumi.export("ip", aws.ec2.Eip("address").carrier_ip)')
    with pytest.raises(OfflineError, match=r"stack outputs: ip stands on Eip\.address\.carrierIp"):
        apply("one", endpoint_url=IN_PROCESS, root=root)


@pytest.mark.parametrize("value", ["{n}", "version {n}"])
def test_a_number_that_nothing_computes_is_found_even_inside_a_text(value: str) -> None:
    text = value.format(n=provider.UNSET_NUMBER)
    with pytest.raises(OfflineError, match=r"group: a\.version stands on a number"):
        provider.refuse_unset("group", {"a": {"version": text}})


def test_a_type_without_a_handler_is_named_with_where_to_add_it(make_program: MakeProgram) -> None:
    root = make_program('aws.sqs.Queue("queue")')
    with pytest.raises(
        OfflineError,
        match=r"aws:sqs/queue:Queue queue: no handler for the type aws:sqs/queue:Queue; add a row",
    ):
        apply("one", endpoint_url=IN_PROCESS, root=root)


def test_an_input_without_a_place_is_refused_not_dropped(make_program: MakeProgram) -> None:
    root = make_program(
        'aws.ec2.Subnet("s", vpc_id="vpc-1", private_dns_hostname_type_on_launch="ip-name")'
    )
    with pytest.raises(OfflineError, match="privateDnsHostnameTypeOnLaunch: no parameter of ec2"):
        apply("one", endpoint_url=IN_PROCESS, root=root)


def test_a_value_that_aws_does_not_know_is_refused_before_moto_sees_it(
    make_program: MakeProgram,
) -> None:
    root = make_program('aws.ec2.Vpc("v", cidr_block="10.0.0.0/16", instance_tenancy="shared")')
    with pytest.raises(
        OfflineError, match=r"InstanceTenancy: 'shared'; accepted: default, dedicated, host"
    ):
        apply("one", endpoint_url=IN_PROCESS, root=root)


def test_a_second_run_is_not_an_update_and_says_what_exists(make_program: MakeProgram) -> None:
    root = make_program('aws.iam.Role("r", name="keeper", assume_role_policy="{}")')
    apply("one", endpoint_url=IN_PROCESS, root=root)
    with pytest.raises(OfflineError, match="EntityAlreadyExists"):
        apply("one", endpoint_url=IN_PROCESS, root=root)


@pytest.mark.parametrize(
    "code",
    [
        'aws.ec2.Vpc.get("shared", "vpc-1")',
        'aws.ec2.Vpc("shared", opts=pulumi.ResourceOptions(import_="vpc-1"))',
    ],
    ids=["read", "taken over"],
)
def test_what_exists_already_is_neither_read_nor_taken_over(
    make_program: MakeProgram, code: str
) -> None:
    root = make_program(code)
    with pytest.raises(OfflineError, match=r"vpc-1: reading or importing .* is not implemented"):
        apply("one", endpoint_url=IN_PROCESS, root=root)


def test_a_name_too_long_for_a_load_balancer_is_refused(make_program: MakeProgram) -> None:
    root = make_program(f'aws.lb.TargetGroup("{"t" * 30}", port=80, protocol="HTTP")')
    with pytest.raises(OfflineError, match="has 38 characters; at most 32"):
        apply("one", endpoint_url=IN_PROCESS, root=root)


def test_rules_inside_a_security_group_are_refused_with_the_way_to_write_them(
    make_program: MakeProgram,
) -> None:
    root = make_program(
        """
        aws.ec2.SecurityGroup("g", ingress=[
            {"from_port": 1, "to_port": 1, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/8"]}
        ])
        """
    )
    with pytest.raises(OfflineError, match=r"use aws\.vpc\.SecurityGroupIngressRule"):
        apply("one", endpoint_url=IN_PROCESS, root=root)


def test_what_moto_lacks_is_checked_and_reported(make_program: MakeProgram) -> None:
    good = """
        aws.ec2transitgateway.InstanceConnectEndpoint("e", subnet_id="subnet-1")
        """
    applied = apply("one", endpoint_url=IN_PROCESS, root=make_program(good))
    [(urn, reason)] = applied.unsupported.items()
    assert urn.endswith("InstanceConnectEndpoint::e")
    assert "moto has no ec2 create_instance_connect_endpoint" in reason
    bad = good.replace('"subnet-1"', '"subnet-1", security_group_ids=["g"] * 17')
    with pytest.raises(OfflineError, match="SecurityGroupIds: 17 items; accepted: at most 16"):
        apply("one", endpoint_url=IN_PROCESS, root=make_program(bad))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://ec2.us-east-1.amazonaws.com",
        "http://192.0.2.1:5000",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "",
    ],
)
def test_an_endpoint_that_could_be_aws_is_refused(endpoint: str) -> None:
    with pytest.raises(OfflineError, match="not on this machine"):
        apply("quay", endpoint_url=endpoint, root=HARBOUR)


def test_a_certificate_that_is_not_issued_in_time_is_given_up(
    make_program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moto.settings.ACM_VALIDATION_WAIT", 60)
    monkeypatch.setattr("ops.offline.provider.handlers.certificates._ISSUE_DEADLINE", 0.1)
    code = """
    made = aws.acm.Certificate("c", domain_name="a.example.org", validation_method="DNS")
    aws.acm.CertificateValidation("v", certificate_arn=made.arn)
    """
    with pytest.raises(OfflineError, match=r"certificateArn: arn:\S+ is PENDING_VALIDATION after"):
        apply("one", endpoint_url=IN_PROCESS, root=make_program(code))


def test_a_type_has_one_handler() -> None:
    with pytest.raises(ValueError, match="has two handlers"):
        handles("aws:ec2/vpc:Vpc")(lambda _making: CreateResult(id="x"))
    assert len(HANDLERS) > 50
