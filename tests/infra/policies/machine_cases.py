"""How properties 1 to 12 are lost: machines and the network."""

from typing import Final

from tests.infra.policies.breaking import (
    Case,
    add,
    case,
    drop,
    link,
    put,
    remove,
    user_data,
)

_TEMPLATE: Final = "LaunchTemplate blue"
_GROUP: Final = "Group blue"
_WORLD: Final = "SecurityGroupIngressRule balancer-in-443-0-0-0-0-0"
_GATEWAY: Final = "SecurityGroupIngressRule machines-in-8080-balancer"
_OUT: Final = "SecurityGroupEgressRule machines-out-443-0-0-0-0-0"
_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"

MACHINES: Final[tuple[Case, ...]] = (
    case(
        "instance-metadata-wants-a-token",
        _TEMPLATE,
        put(_TEMPLATE, "metadataOptions.httpTokens", "optional"),
    ),
    case(
        "instance-metadata-wants-a-token",
        _TEMPLATE,
        drop(_TEMPLATE, "metadataOptions"),
        why="left to the default",
    ),
    case(
        "instance-metadata-stays-on-the-host",
        _TEMPLATE,
        put(_TEMPLATE, "metadataOptions.httpPutResponseHopLimit", 2),
    ),
    case(
        "machines-have-no-public-address",
        _TEMPLATE,
        put(_TEMPLATE, "networkInterfaces.0.associatePublicIpAddress", "true"),
    ),
    case(
        "machines-have-no-public-address",
        _TEMPLATE,
        put(_TEMPLATE, "networkInterfaces", []),
        why="left to the subnet",
    ),
    case(
        "volumes-are-encrypted",
        _TEMPLATE,
        put(_TEMPLATE, "blockDeviceMappings.0.ebs.encrypted", "false"),
    ),
    case(
        "volumes-are-encrypted",
        _TEMPLATE,
        drop(_TEMPLATE, "blockDeviceMappings.0.ebs.kmsKeyId"),
        why="with AWS's own key",
    ),
    case(
        "volumes-are-encrypted",
        _TEMPLATE,
        put(_TEMPLATE, "blockDeviceMappings", []),
        why="left to the image",
    ),
    *(
        case("user-data-holds-no-secret", _TEMPLATE, user_data(_TEMPLATE, "", text), why=what)
        # Halves, so that no scanner takes them for real ones.
        for what, text in (
            ("AWS key", "AKIA" + "ABCDEFGHIJKLMNOP"),
            ("private key", "-----BEGIN EC " + "PRIVATE KEY-----"),
            ("NVIDIA key", "nvapi-" + "0123456789abcdefghijkl"),
            ("GitHub token", "ghp_" + "a" * 36),
            ("signed token", "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxIn0xMjM.c2ln"),
            ("assignment", 'export DB_PASSWORD="' + "correcthorsebattery" + '"'),
        )
    ),
    case(
        "user-data-holds-no-secret",
        _TEMPLATE,
        put(_TEMPLATE, "userData", "not base64!"),
        why="cannot be read",
    ),
    case(
        "machines-have-an-instance-profile",
        _TEMPLATE,
        drop(_TEMPLATE, "iamInstanceProfile"),
    ),
    case(
        "machines-are-monitored-by-the-minute",
        _TEMPLATE,
        put(_TEMPLATE, "monitoring.enabled", False),
    ),
    case("machines-are-ebs-optimised", _TEMPLATE, drop(_TEMPLATE, "ebsOptimized")),
    case(
        "machines-come-from-a-launch-template",
        _GROUP,
        drop(_GROUP, "mixedInstancesPolicy.launchTemplate"),
    ),
    case(
        "machines-come-from-a-launch-template",
        "Instance lone",
        add("Instance lone", "aws:ec2/instance:Instance", instanceType="g6.xlarge"),
        why="a machine alone",
    ),
    case(
        "groups-believe-the-load-balancer",
        _GROUP,
        put(_GROUP, "healthCheckType", "EC2"),
        mended=(put(_GROUP, "healthCheckType", "ELB"),),
    ),
    case("groups-span-zones", _GROUP, link(_GROUP, "vpcZoneIdentifiers", "Subnet private-0")),
    case(
        "groups-span-zones",
        _GROUP,
        *(put(f"Subnet private-{place}", "availabilityZone", "us-east-2a") for place in (1, 2)),
        why="three subnets in one zone",
    ),
    case(
        "groups-offer-several-instance-types",
        _GROUP,
        put(
            _GROUP,
            "mixedInstancesPolicy.launchTemplate.overrides",
            [{"instanceType": "g6.xlarge"}],
        ),
    ),
    case("groups-tag-their-machines", _GROUP, put(_GROUP, "tags.1.propagateAtLaunch", False)),
    case("groups-tag-their-machines", _GROUP, put(_GROUP, "tags", []), why="no tag at all"),
    case(
        "machines-are-under-systems-manager",
        _TEMPLATE,
        remove("RolePolicyAttachment blue-session-manager"),
    ),
    case("machines-have-no-ssh-key", _TEMPLATE, put(_TEMPLATE, "keyName", "mine")),
)

NETWORK: Final[tuple[Case, ...]] = (
    case("the-internet-reaches-https-alone", _WORLD, put(_WORLD, "toPort", 8443)),
    case(
        "the-internet-reaches-https-alone",
        _GATEWAY,
        put(_GATEWAY, "cidrIpv4", "0.0.0.0/0"),
        why="machines, on 8080",
    ),
    case(
        "the-internet-reaches-https-alone",
        "SecurityGroupIngressRule six",
        add(
            "SecurityGroupIngressRule six",
            _INGRESS,
            {"securityGroupId": "SecurityGroup endpoints"},
            cidrIpv6="::/0",
            ipProtocol="tcp",
            fromPort=443,
            toPort=443,
        ),
        why="another group, by IPv6",
    ),
    case(
        "the-internet-reaches-https-alone",
        _WORLD,
        put(_WORLD, "cidrIpv4", "128.0.0.0/1"),
        put(_WORLD, "ipProtocol", "-1"),
        why="half the Internet, all ports",
    ),
    case("egress-names-its-port", _OUT, put(_OUT, "ipProtocol", "-1")),
    case(
        "egress-names-its-port",
        _OUT,
        put(_OUT, "fromPort", 0),
        put(_OUT, "toPort", 65535),
        why="every TCP port",
    ),
    case("groups-and-rules-are-described", _OUT, drop(_OUT, "description")),
    case(
        "groups-and-rules-are-described",
        "SecurityGroup machines",
        put("SecurityGroup machines", "description", "Managed by Pulumi"),
        why="the default's description",
    ),
    case(
        "rules-are-resources",
        "SecurityGroup machines",
        put("SecurityGroup machines", "ingress", [{"fromPort": 22, "toPort": 22}]),
    ),
    case(
        "rules-are-resources",
        "SecurityGroupRule old",
        add(
            "SecurityGroupRule old",
            "aws:ec2/securityGroupRule:SecurityGroupRule",
            {"securityGroupId": "SecurityGroup machines"},
            type="ingress",
        ),
        why="the older kind of rule",
    ),
    case(
        "machines-are-entered-from-the-load-balancer-alone",
        _GATEWAY,
        put(_GATEWAY, "toPort", 8081),
    ),
    case(
        "machines-are-entered-from-the-load-balancer-alone",
        _GATEWAY,
        link(_GATEWAY, "referencedSecurityGroupId", "SecurityGroup endpoints"),
        why="from another group",
    ),
    case(
        "machines-are-entered-from-the-load-balancer-alone",
        _GATEWAY,
        link(_GATEWAY, "referencedSecurityGroupId"),
        put(_GATEWAY, "cidrIpv4", "10.0.0.0/8"),
        why="from a range",
    ),
    case(
        "machines-are-entered-from-the-load-balancer-alone",
        _GATEWAY,
        link(_GATEWAY, "referencedSecurityGroupId"),
        put(_GATEWAY, "fromPort", 9400),
        put(_GATEWAY, "toPort", 9400),
        put(_GATEWAY, "cidrIpv4", "10.0.0.0/7"),
        why="metrics, from a range that is none",
    ),
    case(
        "machines-are-entered-from-the-load-balancer-alone",
        "SecurityGroupIngressRule machines-in-22-connect",
        put("SecurityGroupIngressRule machines-in-22-connect", "toPort", 23),
        stack="dev",
        why="Instance Connect, more than SSH",
    ),
    *(
        case(
            "the-recogniser-is-reached-from-nowhere",
            label,
            put(label, "fromPort", port),
            put(label, "toPort", port),
            why=f"{port}",
        )
        for label, port in ((_GATEWAY, 50051), (_OUT, 9000))
    ),
    case(
        "the-recogniser-is-reached-from-nowhere",
        _GATEWAY,
        link(_GATEWAY, "referencedSecurityGroupId"),
        put(_GATEWAY, "cidrIpv4", "10.9.0.0/24"),
        put(_GATEWAY, "fromPort", 50051),
        put(_GATEWAY, "toPort", 50051),
        why="in from a range that a fallback might be in",
    ),
    case(
        "the-recogniser-is-reached-from-nowhere",
        _GATEWAY,
        put(_GATEWAY, "ipProtocol", "-1"),
        why="every port",
    ),
    case(
        "security-groups-are-attached",
        "SecurityGroup spare",
        add("SecurityGroup spare", "aws:ec2/securityGroup:SecurityGroup", description="Spare"),
    ),
    case("the-default-group-is-empty", "Vpc vpc", remove("DefaultSecurityGroup default")),
    case(
        "the-default-group-is-empty",
        "Vpc vpc",
        put("DefaultSecurityGroup default", "egress", [{"protocol": "-1"}]),
        why="a rule in it",
    ),
    case("traffic-is-logged", "Vpc vpc", remove("FlowLog flow-logs")),
    case(
        "traffic-is-logged",
        "Vpc vpc",
        put("FlowLog flow-logs", "trafficType", "ACCEPT"),
        why="without what was refused",
    ),
    case(
        "subnets-give-no-public-address",
        "Subnet public-0",
        put("Subnet public-0", "mapPublicIpOnLaunch", True),
    ),
    case("services-are-reached-inside-the-vpc", "Vpc vpc", remove("VpcEndpoint ec2")),
    case(
        "the-default-network-is-left-alone",
        "DefaultVpc account",
        add("DefaultVpc account", "aws:ec2/defaultVpc:DefaultVpc"),
    ),
)
