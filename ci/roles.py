"""A role that one kind of workflow takes, by GitHub's identity tokens."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra.iam import Statement, policy

ISSUER: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
"""What aws-actions/configure-aws-credentials asks the token for."""

_SESSION_SECONDS: Final = 2 * 3600
"""Longer than the longest deployment: a first one waits for machines."""


@dataclass(frozen=True, kw_only=True)
class WorkflowRoleArgs:
    """Who may take the role, and what it may do.

    Attributes:
        description: What it is for.
        provider_arn: The account's identity provider for GitHub.
        subject: The `sub` claim of the tokens that may take it, whole.
        policies: End of a managed policy's name -> its statements.
    """

    description: str
    provider_arn: pulumi.Input[str]
    subject: str
    policies: Mapping[str, Sequence[Statement]]


class WorkflowRole(pulumi.ComponentResource):
    """A role without keys: GitHub proves who asks, AWS gives credentials for an hour or two.

    Attributes:
        arn: ARN of the role.
    """

    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: WorkflowRoleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if "*" in args.subject or "?" in args.subject:
            raise ValueError(f"subject is {args.subject}; accepted: one `sub` claim, whole")
        super().__init__("perch:ci:WorkflowRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=name,
            description=args.description,
            assume_role_policy=_trust(args.provider_arn, args.subject),
            max_session_duration=_SESSION_SECONDS,
            tags={"Name": name},
            opts=child,
        )
        for end, statements in args.policies.items():
            own = aws.iam.Policy(
                f"{name}-{end}",
                name=f"{name}-{end}",
                policy=policy(*statements),
                tags={"Name": f"{name}-{end}"},
                opts=child,
            )
            aws.iam.RolePolicyAttachment(
                f"{name}-{end}", role=role.name, policy_arn=own.arn, opts=child
            )
        self.arn = role.arn
        self.register_outputs({"arn": role.arn})


def _trust(provider_arn: pulumi.Input[str], subject: str) -> pulumi.Output[str]:
    """Let the tokens of one `sub` claim take the role."""
    return pulumi.Output.from_input(provider_arn).apply(
        lambda arn: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "GitHub",
                        "Effect": "Allow",
                        "Action": "sts:AssumeRoleWithWebIdentity",
                        "Principal": {"Federated": arn},
                        "Condition": {
                            "StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": subject}
                        },
                    }
                ],
            }
        )
    )
