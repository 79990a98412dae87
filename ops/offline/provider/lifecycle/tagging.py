"""Tags of every type that bears them: how they are read, put on and taken off."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ops.offline.provider.lifecycle.existing import Existing

_AWS_OWN = "aws:"
"""Begins the tags that AWS puts on by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """The three calls of one kind of resource.

    Attributes:
        service: boto3's name.
        read: the call that lists tags.
        at: dotted path of the tags in its answer; parts are keys, or indices of lists.
        add: the call that puts tags on.
        remove: the call that takes them off.
        on: parameters that name the resource, as templates; in all three calls.
        keys: the parameter of `remove` that lists keys; empty where it takes whole tags.
        tags: the parameter of `add` (and of `remove` without keys).
        pair: names of a tag's two members; empty where tags are a map.
        asked: parameters of `read`, where they are others than `on`.
        whole: whether `add` replaces all tags, as S3's calls do.
    """

    service: str
    read: str
    at: str
    add: str
    remove: str
    on: Mapping[str, Any]
    keys: str = "TagKeys"
    tags: str = "Tags"
    pair: tuple[str, ...] = ("Key", "Value")
    asked: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False

    def written(self, tags: Mapping[str, str]) -> Any:  # noqa: ANN401 - as boto3's
        """Return tags as the calls take them."""
        if not self.pair:
            return dict(tags)
        key, value = self.pair
        return [{key: name, value: str(tags[name])} for name in sorted(tags)]


def read_tags(existing: Existing) -> dict[str, str] | None:
    """Return the live tags but AWS's own; None where the type bears none, or is gone."""
    tagging = TAGGING.get(existing.resource.type)
    if tagging is None:
        return None
    node: Any = existing.ask(
        tagging.service, tagging.read, **existing.place(tagging.asked or tagging.on)
    )
    for part in tagging.at.split("."):
        if isinstance(node, list):
            node = node[int(part)] if node else None
        else:
            node = (node or {}).get(part)
    if not tagging.pair:
        found = dict(node or {})
    else:
        key, value = tagging.pair
        found = {entry[key]: entry.get(value, "") for entry in node or ()}
    return {name: found[name] for name in found if not name.startswith(_AWS_OWN)}


def write_tags(existing: Existing, tags: Mapping[str, str]) -> None:
    """Take off what is no longer wanted and put on what is new or changed."""
    tagging = TAGGING[existing.resource.type]
    held = read_tags(existing) or {}
    on = existing.place(tagging.on)
    if tagging.whole:
        _replace(existing, tagging, on, tags)
        return
    gone = {key: held[key] for key in held if key not in tags}
    new = {key: str(value) for key, value in tags.items() if held.get(key) != str(value)}
    if gone:
        listed = {tagging.keys: sorted(gone)}
        named = listed if tagging.keys else {tagging.tags: tagging.written(gone)}
        existing.call(tagging.service, tagging.remove, **on, **named)
    if new:
        existing.call(tagging.service, tagging.add, **on, **{tagging.tags: tagging.written(new)})


def _replace(
    existing: Existing, tagging: Tagging, on: Mapping[str, Any], tags: Mapping[str, str]
) -> None:
    if not tags:
        existing.call(tagging.service, tagging.remove, **on)
        return
    existing.call(
        tagging.service, tagging.add, **on, **{tagging.tags: {"TagSet": tagging.written(tags)}}
    )


_EC2 = Tagging(
    service="ec2",
    read="describe_tags",
    at="Tags",
    add="create_tags",
    remove="delete_tags",
    on={"Resources": ["{id}"]},
    keys="",
    asked={"Filters": [{"Name": "resource-id", "Values": ["{id}"]}]},
)
_ELB = Tagging(
    service="elbv2",
    read="describe_tags",
    at="TagDescriptions.0.Tags",
    add="add_tags",
    remove="remove_tags",
    on={"ResourceArns": ["{id}"]},
)
_ALARM = Tagging(
    service="cloudwatch",
    read="list_tags_for_resource",
    at="Tags",
    add="tag_resource",
    remove="untag_resource",
    on={"ResourceARN": "{arn}"},
)
_ROLE = Tagging(
    service="iam",
    read="list_role_tags",
    at="Tags",
    add="tag_role",
    remove="untag_role",
    on={"RoleName": "{id}"},
)

TAGGING: Mapping[str, Tagging] = {
    **dict.fromkeys(
        (
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
            "aws:ec2/eip:Eip",
            "aws:ec2/flowLog:FlowLog",
            "aws:ec2/internetGateway:InternetGateway",
            "aws:ec2/launchTemplate:LaunchTemplate",
            "aws:ec2/natGateway:NatGateway",
            "aws:ec2/routeTable:RouteTable",
            "aws:ec2/securityGroup:SecurityGroup",
            "aws:ec2/subnet:Subnet",
            "aws:ec2/vpc:Vpc",
            "aws:ec2/vpcEndpoint:VpcEndpoint",
            "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        ),
        _EC2,
    ),
    **dict.fromkeys(
        (
            "aws:lb/listener:Listener",
            "aws:lb/listenerRule:ListenerRule",
            "aws:lb/loadBalancer:LoadBalancer",
            "aws:lb/targetGroup:TargetGroup",
        ),
        _ELB,
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _ALARM,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _ALARM,
    "aws:acm/certificate:Certificate": Tagging(
        service="acm",
        read="list_tags_for_certificate",
        at="Tags",
        add="add_tags_to_certificate",
        remove="remove_tags_from_certificate",
        on={"CertificateArn": "{id}"},
        keys="",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Tagging(
        service="logs",
        read="list_tags_for_resource",
        at="tags",
        add="tag_resource",
        remove="untag_resource",
        on={"resourceArn": "{arn}"},
        keys="tagKeys",
        tags="tags",
        pair=(),
    ),
    "aws:ecr/repository:Repository": Tagging(
        service="ecr",
        read="list_tags_for_resource",
        at="tags",
        add="tag_resource",
        remove="untag_resource",
        on={"resourceArn": "{arn}"},
        keys="tagKeys",
        tags="tags",
    ),
    "aws:iam/instanceProfile:InstanceProfile": Tagging(
        service="iam",
        read="get_instance_profile",
        at="InstanceProfile.Tags",
        add="tag_instance_profile",
        remove="untag_instance_profile",
        on={"InstanceProfileName": "{id}"},
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Tagging(
        service="iam",
        read="list_open_id_connect_provider_tags",
        at="Tags",
        add="tag_open_id_connect_provider",
        remove="untag_open_id_connect_provider",
        on={"OpenIDConnectProviderArn": "{id}"},
    ),
    "aws:iam/policy:Policy": Tagging(
        service="iam",
        read="list_policy_tags",
        at="Tags",
        add="tag_policy",
        remove="untag_policy",
        on={"PolicyArn": "{id}"},
    ),
    "aws:iam/role:Role": _ROLE,
    # Its id is its ARN.
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": replace(_ROLE, on={"RoleName": "{name}"}),
    "aws:kms/key:Key": Tagging(
        service="kms",
        read="list_resource_tags",
        at="Tags",
        add="tag_resource",
        remove="untag_resource",
        on={"KeyId": "{id}"},
        pair=("TagKey", "TagValue"),
    ),
    "aws:route53/zone:Zone": Tagging(
        service="route53",
        read="list_tags_for_resource",
        at="ResourceTagSet.Tags",
        add="change_tags_for_resource",
        remove="change_tags_for_resource",
        on={"ResourceType": "hostedzone", "ResourceId": "{id}"},
        keys="RemoveTagKeys",
        tags="AddTags",
    ),
    "aws:s3/bucket:Bucket": Tagging(
        service="s3",
        read="get_bucket_tagging",
        at="TagSet",
        add="put_bucket_tagging",
        remove="delete_bucket_tagging",
        on={"Bucket": "{id}"},
        tags="Tagging",
        whole=True,
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Tagging(
        service="s3",
        read="get_object_tagging",
        at="TagSet",
        add="put_object_tagging",
        remove="delete_object_tagging",
        on={"Bucket": "{bucket}", "Key": "{key}"},
        tags="Tagging",
        whole=True,
    ),
    "aws:secretsmanager/secret:Secret": Tagging(
        service="secretsmanager",
        read="describe_secret",
        at="Tags",
        add="tag_resource",
        remove="untag_resource",
        on={"SecretId": "{id}"},
    ),
    "aws:sns/topic:Topic": Tagging(
        service="sns",
        read="list_tags_for_resource",
        at="Tags",
        add="tag_resource",
        remove="untag_resource",
        on={"ResourceArn": "{id}"},
    ),
    "aws:ssm/parameter:Parameter": Tagging(
        service="ssm",
        read="list_tags_for_resource",
        at="TagList",
        add="add_tags_to_resource",
        remove="remove_tags_from_resource",
        on={"ResourceType": "Parameter", "ResourceId": "{id}"},
    ),
    "aws:wafv2/webAcl:WebAcl": Tagging(
        service="wafv2",
        read="list_tags_for_resource",
        at="TagInfoForResource.TagList",
        add="tag_resource",
        remove="untag_resource",
        on={"ResourceARN": "{arn}"},
    ),
}
"""By type token; a type that declares `tagsAll` and is not here has tags only on paper."""
