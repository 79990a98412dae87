"""Each deletion that AWS refuses, and the same once what stood in its way is gone.

Proves that the simulated AWS refuses with AWS's code; does not prove that AWS has no other reason.
"""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.usefixtures("aws_in_process")]

REGION = "eu-north-1"
"""Of these tests alone."""


def _client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


def _refused(code: str) -> Any:  # noqa: ANN401 - pytest's own context
    return pytest.raises(ClientError, match=rf"\({code}\)")


@pytest.fixture
def vpc() -> Iterator[str]:
    ec2 = _client("ec2")
    made = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    yield made
    ec2.delete_vpc(VpcId=made)


@pytest.fixture
def subnets(vpc: str) -> Iterator[list[str]]:
    ec2 = _client("ec2")
    made = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    yield made
    for subnet in made:
        ec2.delete_subnet(SubnetId=subnet)


@pytest.fixture
def group(vpc: str) -> Iterator[str]:
    ec2 = _client("ec2")
    made = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    yield made
    ec2.delete_security_group(GroupId=made)


def _balancer(subnets: list[str], group: str) -> str:
    made = _client("elbv2").create_load_balancer(
        Name="one", Subnets=subnets, SecurityGroups=[group]
    )
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])


def _gateway(vpc: str) -> str:
    ec2 = _client("ec2")
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    return str(made)


def test_a_protected_load_balancer_is_not_deleted_nor_what_it_stands_in(
    vpc: str, subnets: list[str], group: str
) -> None:
    elb, ec2 = _client("elbv2"), _client("ec2")
    gateway, arn = _gateway(vpc), _balancer(subnets, group)
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[protection])
    with _refused("OperationNotPermitted"):
        elb.delete_load_balancer(LoadBalancerArn=arn)
    with _refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    with _refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnets[0])
    with _refused("DependencyViolation"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{**protection, "Value": "false"}]
    )
    elb.delete_load_balancer(LoadBalancerArn=arn)
    with _refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)


def test_a_target_group_is_kept_while_a_listener_forwards_to_it_even_with_weight_zero(
    vpc: str, subnets: list[str], group: str
) -> None:
    elb = _client("elbv2")
    arn = _balancer(subnets, group)
    blue, green = (
        elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0][
            "TargetGroupArn"
        ]
        for name in ("blue", "green")
    )

    def forward(**weights: int) -> list[dict[str, Any]]:
        named = {"blue": blue, "green": green}
        groups = [{"TargetGroupArn": named[key], "Weight": weights[key]} for key in weights]
        return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]

    listener = elb.create_listener(
        LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward(blue=100, green=0)
    )["Listeners"][0]["ListenerArn"]
    with _refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=green)
    elb.modify_listener(ListenerArn=listener, DefaultActions=forward(blue=1))
    elb.delete_target_group(TargetGroupArn=green)
    with _refused("ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=blue)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    elb.delete_target_group(TargetGroupArn=blue)


def test_a_certificate_of_a_listener_is_not_deleted(
    vpc: str, subnets: list[str], group: str
) -> None:
    assert vpc
    acm, elb = _client("acm"), _client("elbv2")
    certificate = acm.request_certificate(DomainName="a.example.com", ValidationMethod="DNS")[
        "CertificateArn"
    ]
    arn = _balancer(subnets, group)
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="HTTPS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[fixed],
    )
    with _refused("ResourceInUseException"):
        acm.delete_certificate(CertificateArn=certificate)
    elb.delete_load_balancer(LoadBalancerArn=arn)
    acm.delete_certificate(CertificateArn=certificate)


def test_a_security_group_is_kept_while_a_rule_of_another_names_it(vpc: str, group: str) -> None:
    ec2 = _client("ec2")
    other = ec2.create_security_group(GroupName="h", Description="h", VpcId=vpc)["GroupId"]
    permission = {
        "IpProtocol": "tcp",
        "FromPort": 1,
        "ToPort": 1,
        "UserIdGroupPairs": [{"GroupId": other}],
    }
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    with _refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=other)
    with _refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])
    ec2.delete_security_group(GroupId=other)


def test_an_endpoint_holds_its_subnet_its_security_group_and_its_vpc(
    vpc: str, subnets: list[str], group: str
) -> None:
    ec2 = _client("ec2")
    made = ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.ec2",
        VpcEndpointType="Interface",
        SubnetIds=subnets,
        SecurityGroupIds=[group],
    )["VpcEndpoint"]["VpcEndpointId"]
    with _refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnets[0])
    with _refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=group)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made])


def test_an_address_belongs_to_its_nat_gateway_until_that_is_deleted(
    vpc: str, subnets: list[str]
) -> None:
    ec2 = _client("ec2")
    internet = _gateway(vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]
    with _refused("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=address)
    with _refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnets[0])
    with _refused("DependencyViolation"):
        ec2.detach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    ec2.release_address(AllocationId=address)
    ec2.detach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=internet)


def test_a_group_with_machines_goes_only_by_force_and_its_machines_and_role_stay_till_then(
    subnets: list[str],
) -> None:
    scaling, ec2, iam = _client("autoscaling"), _client("ec2"), _client("iam")
    role = iam.create_service_linked_role(
        AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="refusals"
    )["Role"]
    ec2.create_launch_template(
        LaunchTemplateName="machine",
        LaunchTemplateData={"ImageId": "ami-1", "InstanceType": "t3.micro"},
    )
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="busy",
        MinSize=1,
        MaxSize=1,
        VPCZoneIdentifier=subnets[0],
        LaunchTemplate={"LaunchTemplateName": "machine", "Version": "1"},
        ServiceLinkedRoleARN=role["Arn"],
    )
    [held] = scaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert held["ServiceLinkedRoleARN"] == role["Arn"]
    with _refused("ResourceInUse"):
        scaling.delete_auto_scaling_group(AutoScalingGroupName="busy")
    with _refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnets[0])
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert status["Status"] == "FAILED"
    assert "busy" in status["Reason"]["Reason"]
    assert iam.get_role(RoleName=role["RoleName"])["Role"]["Arn"] == role["Arn"]
    scaling.delete_auto_scaling_group(AutoScalingGroupName="busy", ForceDelete=True)
    states = [
        machine["State"]["Name"]
        for reservation in ec2.describe_instances()["Reservations"]
        for machine in reservation["Instances"]
    ]
    assert states == ["terminated"]
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert status["Status"] == "SUCCEEDED"
    ec2.delete_launch_template(LaunchTemplateName="machine")


def test_schedules_of_two_groups_may_bear_one_name() -> None:
    scaling = _client("autoscaling")
    for group, size in (("a", 1), ("b", 2)):
        scaling.put_scheduled_update_group_action(
            AutoScalingGroupName=group,
            ScheduledActionName="start",
            Recurrence="0 8 * * *",
            MaxSize=size,
        )
    scaling.delete_scheduled_action(AutoScalingGroupName="a", ScheduledActionName="start")
    [left] = scaling.describe_scheduled_actions()["ScheduledUpdateGroupActions"]
    assert (left["AutoScalingGroupName"], left["MaxSize"]) == ("b", 2)
    with _refused("ValidationError"):
        scaling.delete_scheduled_action(AutoScalingGroupName="a", ScheduledActionName="start")
    scaling.delete_scheduled_action(AutoScalingGroupName="b", ScheduledActionName="start")


def test_an_alarm_is_kept_while_a_composite_alarm_names_it() -> None:
    watch = _client("cloudwatch")
    watch.put_metric_alarm(
        AlarmName="low",
        Namespace="N",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )
    watch.put_composite_alarm(AlarmName="any", AlarmRule='ALARM("low")')
    with _refused("ValidationError"):
        watch.delete_alarms(AlarmNames=["low"])
    watch.delete_alarms(AlarmNames=["low", "any"])


def test_a_policy_is_kept_while_it_is_attached_or_has_older_versions() -> None:
    iam = _client("iam")
    allow = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*"%s}}'
    document = allow % ', "Resource": "*"'
    arn = iam.create_policy(PolicyName="kept", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_role(RoleName="bearer", AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName="bearer", PolicyArn=arn)
    with _refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    with _refused("DeleteConflict"):
        iam.delete_role(RoleName="bearer")
    iam.detach_role_policy(RoleName="bearer", PolicyArn=arn)
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)["PolicyVersion"]
    with _refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    iam.delete_role(RoleName="bearer")


def test_a_web_acl_is_kept_while_it_guards_something(
    vpc: str, subnets: list[str], group: str
) -> None:
    assert vpc
    waf, elb = _client("wafv2"), _client("elbv2")
    seen = {
        "SampledRequestsEnabled": False,
        "CloudWatchMetricsEnabled": False,
        "MetricName": "m",
    }
    made = waf.create_web_acl(
        Name="acl", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen
    )["Summary"]
    arn = _balancer(subnets, group)
    waf.associate_web_acl(WebACLArn=made["ARN"], ResourceArn=arn)
    named = {"Name": "acl", "Scope": "REGIONAL", "Id": made["Id"], "LockToken": made["LockToken"]}
    with _refused("WAFAssociatedItemException"):
        waf.delete_web_acl(**named)
    waf.disassociate_web_acl(ResourceArn=arn)
    waf.delete_web_acl(**named)
    elb.delete_load_balancer(LoadBalancerArn=arn)
