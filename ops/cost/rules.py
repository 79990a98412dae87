"""What each type of resource costs by merely being there, and what only its use costs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from ops.cost.hours import machine_hours, most_hours
from ops.cost.prices import HOURS_PER_MONTH, Prices

Document = Mapping[str, Any]
"""One resource of `Recording.as_document()["resources"]`."""

GROUP: Final = "aws:autoscaling/group:Group"
SCHEDULE: Final = "aws:autoscaling/schedule:Schedule"
TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"

CENT: Final = Decimal("0.01")

METRICS: Final = "custom metrics"
"""What the line of a group says that is about metrics, not about machines."""
COLOUR_METRICS: Final = 36
"""Custom metrics that all machines of a colour send together, by group and by colour."""
MACHINE_METRICS: Final = 2
"""Those that each machine sends besides, by its own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item of a monthly bill.

    Attributes:
        resource: the resource's name.
        type: its type token.
        what: what is paid for.
        quantity: how much of it; None where the program does not say.
        unit: what is counted.
        unit_usd: dollars a unit; None where the price table does not say.
    """

    resource: str
    type: str
    what: str
    quantity: Decimal | None
    unit: str
    unit_usd: Decimal | None

    @property
    def monthly_usd(self) -> Decimal | None:
        """Dollars a month, rounded to cents; None where the quantity or the price is not known."""
        if self.quantity is None or self.unit_usd is None:
            return None
        return (self.quantity * self.unit_usd).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingContext:
    """What a rule may look at besides its resource.

    Attributes:
        prices: the table.
        region: where the resource is.
        resources: by URN, all of them.
        at_most: count every machine the scaling allows instead of the usual number.
    """

    prices: Prices
    region: str
    resources: Mapping[str, Document]
    at_most: bool

    def related(self, resource: Document, key: str, kind: str) -> Document | None:
        """Return the resource of a type from which an input was made."""
        for urn in resource.get("propertyDependencies", {}).get(key, ()):
            found = self.resources.get(urn)
            if found is not None and found["type"] == kind:
                return found
        return None

    def line(self, resource: Document, what: str, quantity: Decimal | None, *price: str) -> Line:
        """Return a line priced by the table: `hour` or `month`, and the thing."""
        per, thing = price
        if per == "hour":
            unit_usd = self.prices.hourly(thing, self.region)
            quantity = None if quantity is None else quantity * HOURS_PER_MONTH
        else:
            unit_usd = self.prices.monthly(thing, self.region)
        return Line(
            resource=resource["name"],
            type=resource["type"],
            what=what,
            quantity=quantity,
            unit=per,
            unit_usd=unit_usd,
        )


def _group(resource: Document, around: PricingContext) -> Iterator[Line]:
    inputs = resource["inputs"]
    schedules = [
        other["inputs"]
        for other in around.resources.values()
        if other["type"] == SCHEDULE
        and around.related(other, "autoscalingGroupName", GROUP) is resource
    ]
    hours = most_hours(inputs) if around.at_most else machine_hours(inputs, schedules)
    template = around.related(resource, "mixedInstancesPolicy", TEMPLATE)
    kind = _instance_type(inputs, template)
    yield Line(
        resource=resource["name"],
        type=GROUP,
        what=f"machines {kind or 'whose price moves, or of an unknown type'}",
        quantity=hours,
        unit="hour",
        unit_usd=around.prices.machine(kind, around.region) if kind else None,
    )
    if hours == 0:
        return
    volumes = template["inputs"].get("blockDeviceMappings", ()) if template else ()
    for volume in volumes:
        yield from _volume(resource, volume.get("ebs", {}), hours, around)
    yield around.line(resource, METRICS, _metrics(hours), "month", "custom_metric")


def _metrics(hours: Decimal | None) -> Decimal | None:
    """Return months of metrics: each is paid for by the hours in which it is sent.

    Hours of several machines at once are taken for one after another, up to the whole month: what a
    colour sends together is paid for once, so this is the most that it can be.
    """
    if hours is None:
        return None
    months = hours / HOURS_PER_MONTH
    return COLOUR_METRICS * min(months, Decimal(1)) + MACHINE_METRICS * months


def _instance_type(inputs: Mapping[str, Any], template: Document | None) -> str | None:
    """Return the type tried first, on demand; None where some may be spot machines.

    A spot price moves by the hour, so no table can hold it.
    """
    policy = inputs.get("mixedInstancesPolicy", {})
    if policy.get("instancesDistribution", {}).get("onDemandPercentageAboveBaseCapacity") != 100:  # noqa: PLR2004 - percent
        return None
    overrides = policy.get("launchTemplate", {}).get("overrides", ())
    first = overrides[0].get("instanceType") if overrides else None
    return first or (template["inputs"].get("instanceType") if template else None)


def _volume(
    resource: Document, ebs: Mapping[str, Any], hours: Decimal | None, around: PricingContext
) -> Iterator[Line]:
    """Price a machine's volume, which lives as long as the machine."""
    if ebs.get("volumeType") != "gp3":
        yield Line(
            resource=resource["name"],
            type=GROUP,
            what=f"volumes {ebs.get('volumeType') or 'of the type the image names'}",
            quantity=None,
            unit="month",
            unit_usd=None,
        )
        return
    months = None if hours is None else hours / HOURS_PER_MONTH
    included = around.prices.gp3_included
    for what, thing, amount in (
        ("volumes gp3, GiB", "gp3_gib", Decimal(ebs["volumeSize"])),
        ("volumes gp3, IOPS", "gp3_iops", Decimal(ebs.get("iops", 0)) - included["iops"]),
        ("volumes gp3, MiB/s", "gp3_mibps", Decimal(ebs.get("throughput", 0)) - included["mibps"]),
    ):
        if amount > 0:
            quantity = None if months is None else amount * months
            yield around.line(resource, what, quantity, "month", thing)


def _balancer(resource: Document, around: PricingContext) -> Iterator[Line]:
    yield around.line(resource, "load balancer", Decimal(1), "hour", "load_balancer")
    if not resource["inputs"].get("internal"):
        zones = _count(resource["inputs"].get("subnets"))
        yield around.line(resource, "public addresses", zones, "hour", "public_address")


def _endpoint(resource: Document, around: PricingContext) -> Iterator[Line]:
    if resource["inputs"].get("vpcEndpointType") == "Interface":
        zones = _count(resource["inputs"].get("subnetIds"))
        yield around.line(resource, "interface endpoint, zones", zones, "hour", "endpoint_zone")


def _alarm(resource: Document, around: PricingContext) -> Iterator[Line]:
    queries = resource["inputs"].get("metricQueries") or ()
    metrics = sum("metric" in query for query in queries) or 1
    yield around.line(resource, "alarm, metrics", Decimal(metrics), "month", "alarm_metric")


def _web_acl(resource: Document, around: PricingContext) -> Iterator[Line]:
    yield around.line(resource, "web ACL", Decimal(1), "month", "web_acl")
    rules = _count(resource["inputs"].get("rules", []))
    yield around.line(resource, "web ACL, rules", rules, "month", "web_acl_rule")


def _one(what: str, *price: str) -> Callable[[Document, PricingContext], Iterator[Line]]:
    def rule(resource: Document, around: PricingContext) -> Iterator[Line]:
        yield around.line(resource, what, Decimal(1), *price)

    return rule


def _count(values: object) -> Decimal | None:
    return (
        Decimal(len(values))
        if isinstance(values, Sequence) and not isinstance(values, str)
        else None
    )


PRICED: Final[Mapping[str, Callable[[Document, PricingContext], Iterator[Line]]]] = {
    GROUP: _group,
    "aws:lb/loadBalancer:LoadBalancer": _balancer,
    "aws:ec2/natGateway:NatGateway": _one("NAT gateway", "hour", "nat_gateway"),
    "aws:ec2/eip:Eip": _one("public address", "hour", "public_address"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:kms/key:Key": _one("KMS key", "month", "kms_key"),
    "aws:secretsmanager/secret:Secret": _one("secret", "month", "secret"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _one(
        "composite alarm", "month", "composite_alarm"
    ),
    "aws:cloudwatch/dashboard:Dashboard": _one("dashboard", "month", "dashboard"),
    "aws:wafv2/webAcl:WebAcl": _web_acl,
}
"""Type -> its lines."""

BY_USE: Final[Mapping[str, str]] = {
    GROUP: (
        "machines that scaling adds, those that outlast office hours until they are idle,"
        " their metrics of one minute, their custom metrics, and traffic between zones"
    ),
    "aws:lb/loadBalancer:LoadBalancer": (
        "load balancer capacity units (0.008 USD an hour each) and traffic to the Internet"
    ),
    "aws:ec2/natGateway:NatGateway": "data through NAT gateways (0.045 USD a GB)",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "data through interface endpoints (0.01 USD a GB)",
    "aws:s3/bucket:Bucket": "objects in buckets and requests to them",
    "aws:ecr/repository:Repository": "gateway images",
    "aws:cloudwatch/logGroup:LogGroup": (
        "logs taken in (0.50 USD a GB) and kept, flow logs and what carries metrics among them"
    ),
    "aws:kms/key:Key": (
        "requests to keys, and a dollar more a key for each of its first two rotations"
    ),
    "aws:secretsmanager/secret:Secret": "requests to secrets",  # pragma: allowlist secret
    "aws:wafv2/webAcl:WebAcl": "requests that the web ACL looks at",
    "aws:sns/topic:Topic": "alarm messages",
    "aws:route53/record:Record": "DNS queries",
}
"""Type -> what its use costs beyond that. No estimate includes it."""

FREE: Final = frozenset(
    {
        "aws:acm/certificate:Certificate",  # public ones; private ones would need another resource
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:autoscaling/lifecycleHook:LifecycleHook",
        "aws:autoscaling/policy:Policy",
        SCHEDULE,
        "aws:budgets/budget:Budget",  # without actions
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/flowLog:FlowLog",  # its log is paid for with the log group
        "aws:ec2/internetGateway:InternetGateway",
        TEMPLATE,  # its volumes are counted with the group
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ec2transitgateway/instanceConnectEndpoint:InstanceConnectEndpoint",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "aws:iam/policy:Policy",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:iam/serviceLinkedRole:ServiceLinkedRole",
        "aws:kms/alias:Alias",
        "aws:lb/listener:Listener",
        "aws:lb/listenerRule:ListenerRule",
        "aws:lb/targetGroup:TargetGroup",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketLogging:BucketLogging",
        "aws:s3/bucketObjectv2:BucketObjectv2",  # kilobytes, of a program
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:secretsmanager/secretVersion:SecretVersion",
        "aws:sns/topicPolicy:TopicPolicy",
        "aws:ssm/parameter:Parameter",  # standard ones, at standard throughput
        "aws:sns/topicSubscription:TopicSubscription",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:wafv2/webAclAssociation:WebAclAssociation",
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
    }
)
"""Types that cost nothing by themselves."""
