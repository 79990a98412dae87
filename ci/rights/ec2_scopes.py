"""How far the actions of EC2 reach: by the tags that the program puts on what it makes."""

from typing import Final

from ci.rights.scope import TAGS, UNCLAIMED, Scope, arns

_MADE: Final = (
    *("elastic-ip", "instance-connect-endpoint", "internet-gateway", "launch-template"),
    *("natgateway", "route-table", "security-group", "security-group-rule", "subnet", "vpc"),
    *("vpc-endpoint", "vpc-flow-log"),
)
"""Kinds of resources that the program makes."""

_LAUNCHED: Final = ("instance", "network-interface", "volume")
"""Kinds that a launch template makes."""

CREATES: Final = (
    *("ec2:AllocateAddress", "ec2:AuthorizeSecurityGroupEgress"),
    *("ec2:AuthorizeSecurityGroupIngress", "ec2:CreateFlowLogs"),
    *("ec2:CreateInstanceConnectEndpoint", "ec2:CreateInternetGateway", "ec2:CreateLaunchTemplate"),
    *("ec2:CreateNatGateway", "ec2:CreateRouteTable", "ec2:CreateSecurityGroup"),
    *("ec2:CreateSubnet", "ec2:CreateVpc", "ec2:CreateVpcEndpoint"),
)
"""Calls that make something and tag it at once."""

_KINDS: Final = arns(*(f"ec2:{kind}/*" for kind in _MADE))

EC2_SCOPES: Final[tuple[Scope, ...]] = (
    Scope(
        sid="NewInNetwork",
        area="network",
        actions=CREATES,
        resources=_KINDS,
        conditions={"StringEquals": TAGS.requested},
    ),
    Scope(
        sid="OwnNetwork",
        area="network",
        services=("ec2",),
        excluded=("ec2:RunInstances", "ec2:CreateNetworkInterface"),
        resources=_KINDS,
        conditions={"StringEquals": TAGS.borne},
    ),
    Scope(
        sid="TagWhatIsNew",
        area="network",
        actions=("ec2:CreateTags",),
        resources=arns(*(f"ec2:{kind}/*" for kind in (*_MADE, *_LAUNCHED))),
        conditions={
            "StringEquals": {
                **TAGS.requested,
                "ec2:CreateAction": [
                    action.partition(":")[2] for action in (*CREATES, "ec2:RunInstances")
                ],
            }
        },
    ),
    Scope(
        sid="ClaimDefaultSecurityGroup",
        area="network",
        # AWS makes it with the VPC, without tags; the program takes it over to empty it.
        actions=("ec2:CreateTags",),
        resources=arns("ec2:security-group/*"),
        conditions={"StringEquals": TAGS.requested, **UNCLAIMED},
    ),
    Scope(
        sid="EndpointsInterface",
        area="network",
        # Of an Instance Connect endpoint; AWS tags it itself.
        actions=("ec2:CreateNetworkInterface",),
        resources=arns("ec2:network-interface/*", "ec2:subnet/*", "ec2:security-group/*"),
    ),
    Scope(
        sid="LaunchFromTemplates",
        area="machines",
        actions=("ec2:RunInstances",),
        resources=(
            "arn:{partition}:ec2:{region}::image/*",
            "arn:{partition}:ec2:{region}::snapshot/*",
            *arns(
                *(f"ec2:{kind}/*" for kind in (*_LAUNCHED, "subnet", "security-group")),
                "ec2:spot-instances-request/*",
            ),
        ),
        # Auto scaling asks whether its caller might launch; a machine that is given everything by
        # hand has no template and is refused.
        conditions={"ArnLike": {"ec2:LaunchTemplate": arns("ec2:launch-template/*")[0]}},
    ),
    Scope(
        sid="LaunchOwnTemplates",
        area="machines",
        actions=("ec2:RunInstances",),
        resources=arns("ec2:launch-template/*"),
        conditions={"StringEquals": TAGS.borne},
    ),
)
