"""Security properties of what every stack registers; the ids are those of public rule sets.

Each test names the properties of Checkov (CKV), AWS FSBP and CIS it holds. Exemptions are written
beside the assertion they are exemptions from.
"""

import gzip
import json
from base64 import b64decode

import pytest

from infra.config.stack import parse
from ops.offline.engine.recording import Recording, Resource
from tests.infra.building import STACKS, stack
from tests.infra.config.configurations import valid

pytestmark = pytest.mark.xdist_group("infra-program")
DEPLOYED = [name for name in STACKS if name != "local"]
"""Stacks of AWS; local shares their program but faces only its own machine."""


@pytest.fixture(params=STACKS)
def recording(request: pytest.FixtureRequest) -> Recording:
    return stack(request.param)


@pytest.fixture(params=DEPLOYED)
def deployed(request: pytest.FixtureRequest) -> Recording:
    return stack(request.param)


def templates(recording: Recording) -> tuple[Resource, ...]:
    return recording.of_type("aws:ec2/launchTemplate:LaunchTemplate")


def test_instance_metadata_wants_a_token_and_stays_on_the_host(recording: Recording) -> None:
    """CKV_AWS_79, CKV_AWS_341, EC2.8, AutoScaling.3, AutoScaling.4."""
    for template in templates(recording):
        options = template.inputs["metadataOptions"]
        assert options["httpTokens"] == "required"
        assert options["httpPutResponseHopLimit"] == 1


def test_tags_are_no_paths_of_instance_metadata(recording: Recording) -> None:
    """With them, EC2 launches no machine whose tag keys have a slash or a blank.

    "View tags for your EC2 instances using instance metadata", EC2 User Guide. Said aloud, since
    an account may have another default. Both are characters that `tags` takes.
    """
    assert parse(valid(tags={"cost/centre of": "a team"}))[1] == []
    for template in templates(recording):
        assert template.inputs["metadataOptions"]["instanceMetadataTags"] == "disabled"


def test_machines_have_no_public_address_and_no_ssh_key(recording: Recording) -> None:
    """CKV_AWS_88, CKV_AWS_389, EC2.9, EC2.25, AutoScaling.5."""
    for template in templates(recording):
        [interface] = template.inputs["networkInterfaces"]
        assert interface["associatePublicIpAddress"] == "false"
        assert "keyName" not in template.inputs


def test_volumes_are_large_and_encrypted_with_the_stacks_key(recording: Recording) -> None:
    """CKV_AWS_8, EC2.3, EC2.7."""
    key = recording.outputs["kms_key_arn"]
    for template in templates(recording):
        for mapping in template.inputs["blockDeviceMappings"]:
            volume = mapping["ebs"]
            assert (volume["encrypted"], volume["volumeType"]) == ("true", "gp3")
            assert volume["kmsKeyId"] == key
            assert volume["volumeSize"] >= 200


def test_user_data_is_short_and_names_secrets_by_arn_only(recording: Recording) -> None:
    """CKV_AWS_46."""
    for template in templates(recording):
        packed = b64decode(template.inputs["userData"])
        assert len(packed) < 16_384
        text = gzip.decompress(packed).decode()
        assert text.startswith("#cloud-config")
        assert recording.outputs["secret_arns"]["gateway_resume_keys"] in text
        assert "BEGIN " not in text


def test_machines_are_watched_and_use_a_template_over_two_zones(recording: Recording) -> None:
    """CKV2_AWS_41, CKV_AWS_126, CKV_AWS_135, CKV_AWS_315, CKV_AWS_153, AutoScaling.1, .2, .9."""
    for template in templates(recording):
        assert template.inputs["iamInstanceProfile"]["arn"]
        assert template.inputs["monitoring"] == {"enabled": True}
        assert template.inputs["ebsOptimized"] == "true"
    for group in recording.of_type("aws:autoscaling/group:Group"):
        # Exception from AutoScaling.1 and CKV2_AWS_15: docs/adr/0503.
        assert group.inputs["healthCheckType"] == "EC2"
        assert len(group.inputs["vpcZoneIdentifiers"]) >= 2
        assert all(tag["propagateAtLaunch"] for tag in group.inputs["tags"])
        policy = group.inputs["mixedInstancesPolicy"]["launchTemplate"]
        # AutoScaling.6: two types, so that one being sold out does not stop a start.
        assert len(policy["overrides"]) >= 2


def rules(recording: Recording, kind: str) -> tuple[Resource, ...]:
    return recording.of_type(f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule")


def test_the_world_reaches_nothing_but_https_at_the_load_balancer(recording: Recording) -> None:
    """CKV_AWS_24, 25, 260, 277, EC2.13, EC2.14, EC2.18, EC2.19."""
    for rule in rules(recording, "Ingress"):
        if rule.inputs.get("cidrIpv4") == "0.0.0.0/0":
            assert rule.inputs["fromPort"] == rule.inputs["toPort"] == 443
            assert "-balancer-in-" in rule.name
        assert "cidrIpv6" not in rule.inputs


def test_riva_is_reachable_from_nowhere(recording: Recording) -> None:
    told = recording.outputs["colours"].values()
    closed = {
        port for colour in told for port in (colour["riva_grpc_port"], colour["riva_http_port"])
    }
    for kind in ("Ingress", "Egress"):
        for rule in rules(recording, kind):
            if recording.stack == "local" and rule.inputs.get("cidrIpv4") == "127.0.0.1/32":
                continue  # its fallback are its own emulators, on the machine it runs on
            assert not set(range(rule.inputs["fromPort"], rule.inputs["toPort"] + 1)) & closed


def test_machines_are_entered_only_from_the_load_balancer_and_by_instance_connect(
    recording: Recording,
) -> None:
    gateway = {colour["gateway_port"] for colour in recording.outputs["colours"].values()}
    for rule in rules(recording, "Ingress"):
        if "-machines-in-" in rule.name:
            assert rule.inputs["fromPort"] in gateway | {22}
            assert "referencedSecurityGroupId" in rule.inputs


def test_nothing_goes_out_on_every_port(recording: Recording) -> None:
    """CKV_AWS_382."""
    for rule in rules(recording, "Egress"):
        assert rule.inputs["ipProtocol"] == "tcp"
        assert rule.inputs["fromPort"] == rule.inputs["toPort"]


def test_every_group_and_rule_is_described_and_the_default_group_is_empty(
    recording: Recording,
) -> None:
    """CKV_AWS_23, CKV2_AWS_12, EC2.2."""
    groups = recording.of_type("aws:ec2/securityGroup:SecurityGroup")
    for resource in (*groups, *rules(recording, "Ingress"), *rules(recording, "Egress")):
        assert len(resource.inputs["description"]) > 10
    for group in groups:
        assert not group.inputs.keys() & {"ingress", "egress"}
    default = recording.one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert default.inputs["ingress"] == default.inputs["egress"] == []


def test_the_vpcs_traffic_is_logged(deployed: Recording) -> None:
    """CKV2_AWS_11, EC2.6."""
    log = deployed.one("aws:ec2/flowLog:FlowLog")
    assert log.inputs["trafficType"] == "ALL"


def test_port_80_only_redirects(recording: Recording) -> None:
    """CKV_AWS_2, CKV2_AWS_20, ELB.1."""
    for listener in recording.of_type("aws:lb/listener:Listener"):
        if listener.inputs["protocol"] == "HTTP":
            [action] = listener.inputs["defaultActions"]
            assert action["type"] == "redirect"
            assert action["redirect"]["protocol"] == "HTTPS"


def test_tls_is_modern(recording: Recording) -> None:
    """CKV_AWS_103, CKV2_AWS_74."""
    [listener] = [
        one
        for one in recording.of_type("aws:lb/listener:Listener")
        if one.inputs["protocol"] == "HTTPS"
    ]
    assert listener.inputs["sslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-")
    assert listener.inputs["certificateArn"]


def test_the_load_balancer_is_strict_and_over_two_zones(recording: Recording) -> None:
    """CKV_AWS_131, CKV_AWS_328, ELB.4, ELB.12, ELB.13."""
    balancer = recording.one("aws:lb/loadBalancer:LoadBalancer")
    assert balancer.inputs["dropInvalidHeaderFields"] is True
    assert balancer.inputs["desyncMitigationMode"] == "defensive"
    assert len(balancer.inputs["subnets"]) >= 2


def test_access_is_logged(deployed: Recording) -> None:
    """CKV_AWS_91, ELB.5."""
    logs = deployed.one("aws:lb/loadBalancer:LoadBalancer").inputs["accessLogs"]
    assert logs["enabled"] is True
    assert logs["bucket"].startswith(f"perch-{deployed.stack}-access-logs-")


@pytest.mark.parametrize(("name", "protected"), [("dev", False), ("staging", True), ("prod", True)])
def test_deletion_protection_follows_the_environment(name: str, protected: bool) -> None:
    """CKV_AWS_150, ELB.6. dev is made to be destroyed, keys included."""
    balancer = stack(name).one("aws:lb/loadBalancer:LoadBalancer")
    assert balancer.inputs["enableDeletionProtection"] is protected
    for kind in ("aws:kms/key:Key", "aws:secretsmanager/secret:Secret"):
        for resource in stack(name).of_type(kind):
            assert bool(resource.options.get("protect")) is protected


def test_production_stands_behind_a_web_acl_with_a_log() -> None:
    """CKV2_AWS_28, CKV2_AWS_31, CKV2_AWS_76, ELB.16, WAF.11."""
    acl = stack("prod").one("aws:wafv2/webAcl:WebAcl")
    names = {rule["name"] for rule in acl.inputs["rules"]}
    assert names >= {"rate", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"}
    logging = stack("prod").one("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")
    assert logging.inputs["redactedFields"] == [{"singleHeader": {"name": "authorization"}}]


def test_target_groups_say_everything_a_session_depends_on(recording: Recording) -> None:
    """CKV_AWS_261. Exception from CKV_AWS_378: TLS ends at the ALB, the way on is the VPC's own."""
    drain = {"local": 10, "dev": 60}.get(recording.stack, 300)
    for group in recording.of_type("aws:lb/targetGroup:TargetGroup"):
        check = group.inputs["healthCheck"]
        assert check["path"] == "/readyz?ignore=capacity"
        assert (check["matcher"], check["enabled"]) == ("200", True)
        assert group.inputs["deregistrationDelay"] == drain + 30
        assert group.inputs["stickiness"]["enabled"] is False
    balancer = recording.one("aws:lb/loadBalancer:LoadBalancer")
    assert balancer.inputs["idleTimeout"] > 2 * 20


BUCKET_PARTS = {
    "BucketPublicAccessBlock",
    "BucketOwnershipControls",
    "BucketVersioning",
    "BucketServerSideEncryptionConfiguration",
    "BucketLifecycleConfiguration",
    "BucketPolicy",
}


def test_buckets_are_closed_versioned_encrypted_and_tidied(recording: Recording) -> None:
    """CKV_AWS_53 to 56, CKV2_AWS_6, CKV_AWS_19, 145, 21, 300, 379, CKV2_AWS_61, CKV2_AWS_65, S3.x.

    Exception from CKV_AWS_145 and CKV_AWS_18: log delivery writes only to a bucket that S3 itself
    encrypts, and the bucket of logs does not log into itself.
    """
    for bucket in recording.of_type("aws:s3/bucket:Bucket"):
        beside = [one for one in recording.children(bucket.parent) if one.urn != bucket.urn]
        by_type = {one.type.rsplit(":", 1)[-1]: one for one in beside}
        is_log = bucket.name.endswith("-access-logs")
        assert by_type.keys() == BUCKET_PARTS | (set() if is_log else {"BucketLogging"})
        block = by_type["BucketPublicAccessBlock"].inputs
        assert [value for value in block.values() if isinstance(value, bool)] == [True] * 4
        [rule] = by_type["BucketServerSideEncryptionConfiguration"].inputs["rules"]
        algorithm = rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"]
        assert algorithm == ("AES256" if is_log else "aws:kms")
        versioning = by_type["BucketVersioning"].inputs["versioningConfiguration"]
        assert versioning == {"status": "Enabled"}
        denial = json.loads(by_type["BucketPolicy"].inputs["policy"])["Statement"][0]
        assert (denial["Effect"], denial["Condition"]) == (
            "Deny",
            {"Bool": {"aws:SecureTransport": "false"}},
        )


def test_log_groups_are_kept_a_known_time_and_encrypted(recording: Recording) -> None:
    """CKV_AWS_66, CKV_AWS_158. CKV_AWS_338 (a year) in staging and prod; dev keeps 30 days."""
    for group in recording.of_type("aws:cloudwatch/logGroup:LogGroup"):
        assert group.inputs["kmsKeyId"]
        assert group.inputs["retentionInDays"] >= (30 if recording.stack == "dev" else 365)


def test_images_cannot_be_replaced_under_their_tag(recording: Recording) -> None:
    repository = recording.one("aws:ecr/repository:Repository")
    assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
    assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
    [encryption] = repository.inputs["encryptionConfigurations"]
    assert encryption["encryptionType"] == "KMS"


def test_certificates_are_logged_publicly_and_renew_by_dns(recording: Recording) -> None:
    """CKV_AWS_234, ACM.1 (an alarm thirty days before the end), ACM.2."""
    certificate = recording.one("aws:acm/certificate:Certificate")
    assert certificate.inputs["validationMethod"] == "DNS"
    assert certificate.inputs["options"] == {"certificateTransparencyLoggingPreference": "ENABLED"}
    assert certificate.inputs["keyAlgorithm"] == "EC_prime256v1"
    name = f"perch-{recording.stack}-certificate-expires"
    alarm = recording.one("aws:cloudwatch/metricAlarm:MetricAlarm", name)
    assert alarm.inputs["threshold"] == 30
