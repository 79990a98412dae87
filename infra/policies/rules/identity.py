"""Property 27: what roles may do, and who may take them."""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from infra.policies.engine.documents import Statement, allowed
from infra.policies.engine.resources import ROLE, Subject, entries
from infra.policies.engine.rule import ResourceRule, Rule

_INLINE: Final = tuple(
    f"aws:iam/{one}:{one[0].upper()}{one[1:]}"
    for one in ("rolePolicy", "policy", "userPolicy", "groupPolicy")
)
_ATTACHMENTS: Final = tuple(
    f"aws:iam/{one}:{one[0].upper()}{one[1:]}"
    for one in (
        *("rolePolicyAttachment", "policyAttachment"),
        *("userPolicyAttachment", "groupPolicyAttachment"),
    )
)
_POLICIES: Final = (*_INLINE, ROLE)

_WITHOUT_RESOURCES: Final = frozenset(
    {"cloudwatch:PutMetricData", "ec2:DescribeTags", "ecr:GetAuthorizationToken"}
)
"""Actions of ours that know no resources (AWS Service Authorization Reference)."""

_NARROWED_BY: Final = {
    "cloudwatch:PutMetricData": "cloudwatch:namespace",
    # A machine's own session is named in it, and so the one machine that it may tag.
    "ec2:CreateTags": "aws:userid",
}
"""Actions that write, and the condition that then stands for the resource."""

_READS: Final = ("Describe", "Get", "List", "BatchGet", "BatchCheck", "Check", "Search", "View")
"""How actions begin that change nothing."""

_CREDENTIALS: Final = (
    *("iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"),
    *("iam:CreateServiceSpecificCredential", "iam:ResetServiceSpecificCredential"),
    *("sts:AssumeRole*", "sts:GetFederationToken", "sts:GetSessionToken"),
    *("redshift:GetClusterCredentials", "rds-db:connect", "lightsail:DownloadDefaultKeyPair"),
)
_DATA: Final = (
    *("s3:GetObject*", "secretsmanager:GetSecretValue", "ssm:GetParameter*"),
    *("dynamodb:Scan", "dynamodb:GetItem", "kinesis:GetRecords", "sqs:ReceiveMessage"),
)
_ESCALATION: Final = (
    *("iam:PassRole", "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:AttachGroupPolicy"),
    *("iam:PutRolePolicy", "iam:PutUserPolicy", "iam:PutGroupPolicy", "iam:AddUserToGroup"),
    *("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy"),
    *("lambda:CreateFunction", "lambda:UpdateFunctionCode", "ec2:RunInstances", "glue:Create*"),
    *("cloudformation:CreateStack", "sagemaker:CreateNotebookInstance", "ssm:SendCommand"),
)
_PERMISSIONS: Final = (
    *("iam:Create*", "iam:Delete*", "iam:Put*", "iam:Update*", "iam:Attach*", "iam:Detach*"),
    *("kms:PutKeyPolicy", "kms:CreateGrant", "s3:PutBucketPolicy", "s3:PutBucketAcl"),
    *("secretsmanager:PutResourcePolicy", "ecr:SetRepositoryPolicy", "lambda:AddPermission"),
    *("sns:AddPermission", "sqs:AddPermission", "ram:*", "organizations:*"),
)
"""After Checkov's CKV_AWS_286 to 290, which take them from Salesforce's Cloudsplaining."""

_MANAGED: Final = ("AmazonSSMManagedInstanceCore",)
"""Policies of AWS that a role may have; each is what one service needs and no more."""


def _statements(resource: Subject) -> Iterator[Statement]:
    if resource.props.get("policy"):
        yield from allowed(resource.props["policy"])
    for inline in entries(resource.props, "inlinePolicies"):
        if inline.get("policy"):
            yield from allowed(inline["policy"])


def _wild_actions(resource: Subject) -> Iterator[str]:
    for statement in _statements(resource):
        for action in statement.actions:
            if "*" in action:
                yield f"{statement.label}: Action {action}; accepted: actions by their names"


def _wild_resources(resource: Subject) -> Iterator[str]:
    for statement in _statements(resource):
        if "*" in statement.resources:
            for action in statement.actions:
                if action not in _WITHOUT_RESOURCES:
                    yield f"{statement.label}: {action} on Resource *; accepted: ARNs"


def _unbounded(what: str, patterns: tuple[str, ...], resource: Subject) -> Iterator[str]:
    """Yield actions that are dangerous where no resource bounds them."""
    for statement in _statements(resource):
        if not any(_is_wild(arn) for arn in statement.resources):
            continue
        for action in statement.actions:
            if _grants(action, patterns):
                yield f"{statement.label}: {action} on any resource {what}; accepted: ARNs"


def _bounded_writes(resource: Subject) -> Iterator[str]:
    for statement in _statements(resource):
        if not any(_is_wild(arn) for arn in statement.resources):
            continue
        keys = {key for operator in statement.conditions.values() for key in operator}
        for action in statement.actions:
            changes = not action.partition(":")[2].startswith(_READS)
            if changes and _NARROWED_BY.get(action) not in keys:
                yield f"{statement.label}: {action} writes to any resource; accepted: ARNs"


def _decrypt(resource: Subject) -> Iterator[str]:
    for statement in _statements(resource):
        for action in statement.actions:
            if _grants(action, ("kms:Decrypt", "kms:ReEncryptFrom")):
                for arn in statement.resources:
                    if "*" in arn:
                        yield f"{statement.label}: {action} on {arn}; accepted: ARNs of keys"


def _is_wild(arn: str) -> bool:
    """Say whether an ARN names no resource: a star alone, or all of a service's or of a type's."""
    if arn == "*":
        return True
    _, _, service, _, _, resource = (*arn.split(":", 5), *[""] * 6)[:6]
    # In S3 the part before the slash is no type but the bucket.
    pattern = r"\*(?:/\*)?" if service == "s3" else r"(?:[\w-]+[:/])?\*(?::\*)?"
    return re.fullmatch(pattern, resource) is not None


def _grants(action: str, patterns: tuple[str, ...]) -> bool:
    """Say whether an action, itself perhaps with a star, is or includes one of the patterns."""
    lower = action.lower()
    return any(
        fnmatchcase(lower, pattern.lower()) or fnmatchcase(pattern.lower(), lower)
        for pattern in patterns
    )


def _trust(role: Subject) -> Iterator[str]:
    for statement in allowed(role.props.get("assumeRolePolicy")):
        others = [one for one in statement.principals if one not in statement.services]
        if others:
            yield f"{statement.label}: {', '.join(others)} may take it; accepted: AWS services"
        if not statement.principals:
            yield f"{statement.label}: nobody is named; accepted: AWS services"


def _managed(attachment: Subject) -> Iterator[str]:
    arn = str(attachment.props.get("policyArn"))
    if ":aws:policy/" in arn and arn.rpartition("/")[2] not in _MANAGED:
        yield f"policyArn is {arn}; accepted of AWS's own: {', '.join(_MANAGED)}"


def _danger(
    name: str, identity: str, text: str, what: str, patterns: tuple[str, ...]
) -> ResourceRule:
    check: Callable[[Subject], Iterator[str]] = partial(_unbounded, what, patterns)
    return ResourceRule(
        name=name, number=27, text=text, ids=(identity,), kinds=_POLICIES, check=check
    )


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="actions-are-named",
        number=27,
        text="No role may do everything, of everything or of one service.",
        ids=("CKV_AWS_62", "CKV_AWS_63"),
        kinds=_POLICIES,
        check=_wild_actions,
    ),
    ResourceRule(
        name="resources-are-named",
        number=27,
        text="Every action that knows resources is allowed on named ones.",
        ids=("CKV_AWS_355",),
        kinds=_POLICIES,
        check=_wild_resources,
    ),
    _danger(
        "roles-cannot-raise-themselves",
        "CKV_AWS_286",
        "No role can give itself more rights.",
        "raises privileges",
        _ESCALATION,
    ),
    _danger(
        "roles-hand-out-no-credentials",
        "CKV_AWS_287",
        "No role can make credentials for others.",
        "hands out credentials",
        _CREDENTIALS,
    ),
    _danger(
        "roles-carry-no-data-away",
        "CKV_AWS_288",
        "No role reads data of whatever resource.",
        "carries data away",
        _DATA,
    ),
    _danger(
        "roles-manage-no-permissions",
        "CKV_AWS_289",
        "No role changes the permissions of whatever resource.",
        "manages permissions",
        _PERMISSIONS,
    ),
    ResourceRule(
        name="roles-write-where-they-may",
        number=27,
        text="No role writes to whatever resource.",
        ids=("CKV_AWS_290",),
        kinds=_POLICIES,
        check=_bounded_writes,
    ),
    ResourceRule(
        name="only-services-take-roles",
        number=27,
        text="Roles are taken by AWS services, by nobody's account and not by everybody.",
        ids=("CKV_AWS_60", "CKV_AWS_61"),
        kinds=(ROLE,),
        check=_trust,
    ),
    ResourceRule(
        name="decryption-is-by-named-keys",
        number=27,
        text="Roles decrypt with named keys alone.",
        ids=("KMS.1", "KMS.2"),
        kinds=_POLICIES,
        check=_decrypt,
    ),
    ResourceRule(
        name="managed-policies-are-known",
        number=27,
        text="Of AWS's own policies roles have only those that were looked at.",
        ids=("CKV_AWS_274",),
        kinds=_ATTACHMENTS,
        check=_managed,
    ),
)
