"""Policy documents as data: statements, trust, and ARNs built before anything exists."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from infra.catalogue.regions import partition


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy.

    Attributes:
        sid: What it is for, letters and digits.
        actions: Actions, by service and name.
        resources: ARNs it applies to; ("*",) in a key or bucket policy means the key itself.
        principals: Who, in resource policies, such as {"Service": ...}; None in a role's policy.
        effect: Allow or Deny.
        conditions: Operator -> {key: value}.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[pulumi.Input[str]]
    principals: Mapping[str, pulumi.Input[str] | Sequence[str]] | str | None = None
    effect: str = "Allow"
    conditions: Mapping[str, Mapping[str, pulumi.Input[object]]] = field(default_factory=dict)


def policy(*statements: Statement) -> pulumi.Output[str]:
    """Return a policy document in JSON; the same statements always give the same text."""
    return pulumi.Output.all(*(_plain(statement) for statement in statements)).apply(
        lambda resolved: json.dumps({"Version": "2012-10-17", "Statement": resolved})
    )


def _plain(statement: Statement) -> dict[str, object]:
    plain: dict[str, object] = {
        "Sid": statement.sid,
        "Effect": statement.effect,
        "Action": list(statement.actions),
        "Resource": list(statement.resources),
    }
    if statement.principals is not None:
        plain["Principal"] = statement.principals
    if statement.conditions:
        plain["Condition"] = statement.conditions
    return plain


def trust(
    service: str, conditions: Mapping[str, Mapping[str, pulumi.Input[object]]] | None = None
) -> pulumi.Output[str]:
    """Let one AWS service take the role: the trust policy."""
    document: dict[str, object] = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": service},
    }
    if conditions:
        document["Condition"] = conditions
    return pulumi.Output.from_input(document).apply(
        lambda resolved: json.dumps({"Version": "2012-10-17", "Statement": [resolved]})
    )


@dataclass(frozen=True, kw_only=True)
class AwsLocation:
    """Where the environment is: what every ARN begins with, and what bounds its roles.

    Attributes:
        region: AWS region.
        account_id: The account.
        boundary_arn: Policy that is the most a role may ever do; None for no bound.
    """

    region: str
    account_id: pulumi.Input[str]
    boundary_arn: str | None = None

    def arn(
        self, service: str, resource: pulumi.Input[str], *, regional: bool = True
    ) -> pulumi.Output[str]:
        """Return an ARN in this account, regional or global."""
        return pulumi.Output.concat(
            f"arn:{partition(self.region)}:{service}:{self.region if regional else ''}:",
            self.account_id,
            ":",
            resource,
        )
