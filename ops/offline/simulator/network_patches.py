"""What moto 5.2.5 forgets of the rules of security groups."""

from collections.abc import Callable
from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.security_groups import SecurityGroupRule


def install() -> None:
    """Change moto in this process; call it once."""
    SecurityGroupRule.__init__ = _with_description(SecurityGroupRule.__init__)
    SecurityGroupRule.description = property(lambda rule: rule.perch_description)
    EC2Backend.modify_security_group_rules = _with_every_peer(
        EC2Backend.modify_security_group_rules
    )


def _with_description(original: Callable[..., None]) -> Callable[..., None]:
    """Keep the description of every rule; moto keeps those of address ranges alone."""

    def __init__(self: Any, *arguments: Any, **named: Any) -> None:  # noqa: ANN401, N807 - moto is untyped here
        original(self, *arguments, **named)
        peers = [value for value in (*arguments, *named.values()) if isinstance(value, dict)]
        self.perch_description = next(
            (peer["Description"] for peer in peers if "Description" in peer), None
        )

    return __init__


def _with_every_peer(original: Callable[..., None]) -> Callable[..., None]:
    """Change a rule to another group, list or range too, and its description to none."""

    def modify_security_group_rules(
        self: Any,  # noqa: ANN401 - moto is untyped here
        group_id: str,
        rules: dict[str, dict[str, Any]],
    ) -> None:
        original(self, group_id, rules)
        group = self.get_security_group_by_name_or_id(group_id)
        for identity, wanted in rules.items():
            rule = group.get_rule(identity)
            rule.perch_description = wanted.get("Description")
            rule.prefix_list_id = wanted.get("PrefixListId")
            rule.ip_range = {
                key: wanted[name]
                for key, name in (("CidrIp", "CidrIpv4"), ("CidrIpv6", "CidrIpv6"))
                if name in wanted
            }
            referenced = wanted.get("ReferencedGroupId")
            rule.source_group = (
                {"GroupId": referenced, "OwnerId": self.account_id} if referenced else {}
            )

    return modify_security_group_rules
