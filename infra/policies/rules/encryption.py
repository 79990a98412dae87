"""Properties 22 to 24: certificates, secrets, keys."""

from collections.abc import Iterator
from typing import Final

from pulumi_policy import PolicyResource

from infra.policies.engine.documents import allowed
from infra.policies.engine.resources import (
    CERTIFICATE,
    CERTIFICATE_VALIDATION,
    KEY,
    SECRET,
    Stack,
    Subject,
    has,
    is_false,
    is_true,
    linked,
    section,
    size,
    whole,
)
from infra.policies.engine.rule import OWN, ResourceRule, Rule, StackRule

_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
_ROTATION: Final = "aws:secretsmanager/secretRotation:SecretRotation"
_SECRET_POLICY: Final = "aws:secretsmanager/secretPolicy:SecretPolicy"  # noqa: S105 - a type

_STRONG: Final = (
    *("RSA_2048", "RSA_3072", "RSA_4096"),
    *("EC_prime256v1", "EC_secp384r1", "EC_secp521r1"),
)
"""Key algorithms of ACM from RSA 2048 on (ACM User Guide)."""

_SHORTEST_DELETION: Final = 7
"""Days; AWS accepts 7 to 30, and the provider's default is 30."""


def _replaced_in_order(certificate: Subject) -> Iterator[str]:
    if certificate.opts.delete_before_replace:
        yield "is deleted before its successor exists; accepted: created first"


def _transparent(certificate: Subject) -> Iterator[str]:
    preference = section(certificate.props, "options").get(
        "certificateTransparencyLoggingPreference"
    )
    if preference != "ENABLED":
        yield f"options.certificateTransparencyLoggingPreference is {preference}; accepted: ENABLED"


def _strong(certificate: Subject) -> Iterator[str]:
    algorithm = certificate.props.get("keyAlgorithm")
    if algorithm not in _STRONG:
        yield f"keyAlgorithm is {algorithm}; accepted: {', '.join(_STRONG)}"


def _expiry(certificate: PolicyResource, stack: Stack) -> Iterator[str]:
    for alarm in stack.of(_ALARM):
        if alarm.props.get("metricName") != "DaysToExpiry":
            continue
        watched = linked(alarm, "dimensions", CERTIFICATE, CERTIFICATE_VALIDATION)
        proved = [one for found in watched for one in linked(found, "certificateArn", CERTIFICATE)]
        if certificate.urn in {one.urn for one in (*watched, *proved)}:
            if not size(alarm.props, "alarmActions"):
                yield f"{alarm.name} watches its end and tells nobody; accepted: an alarm action"
            return
    yield "no alarm watches its end; accepted: an alarm on DaysToExpiry"


def _own_key(resource: Subject) -> Iterator[str]:
    if not has(resource.props, "kmsKeyId"):
        yield "kmsKeyId is missing; accepted: a customer managed key"


def _rotates(secret: PolicyResource, stack: Stack) -> Iterator[str]:
    if not stack.referring(secret, _ROTATION, "secretId"):
        yield "nothing rotates it; accepted: a rotation"


def _described(resource: Subject) -> Iterator[str]:
    if not str(resource.props.get("description") or "").strip():
        yield "description is empty; accepted: what it is for"


def _private(resource: Subject) -> Iterator[str]:
    if resource.props.get("policy"):
        for statement in allowed(resource.props["policy"]):
            if "*" in statement.principals:
                yield f"policy, {statement.label}: lets everybody in; accepted: named principals"


def _key_rotates(key: Subject) -> Iterator[str]:
    # AWS rotates only the material it made itself, and only for symmetric keys.
    if not is_true(key.props.get("enableKeyRotation")):
        yield "enableKeyRotation is not true; accepted: true"


def _key_policy(key: Subject) -> Iterator[str]:
    if not key.props.get("policy"):
        yield "policy is missing; accepted: one that names who may use the key"
        return
    for statement in allowed(key.props["policy"]):
        if "*" in statement.principals:
            yield f"policy, {statement.label}: lets everybody use it; accepted: named principals"


def _key_stays(key: Subject) -> Iterator[str]:
    days = key.props.get("deletionWindowInDays")
    if days is not None and days < _SHORTEST_DELETION:
        yield f"deletionWindowInDays is {whole(days)}; accepted: {_SHORTEST_DELETION} or more"
    if is_false(key.props.get("isEnabled")):
        yield "isEnabled is false; accepted: true"
    if not key.opts.protect:
        yield "protect is off, so destroying the stack deletes it; accepted: protect"


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="certificates-are-replaced-in-order",
        number=22,
        text="A new certificate exists before the old one is deleted.",
        ids=("CKV_AWS_233",),
        kinds=(CERTIFICATE,),
        check=_replaced_in_order,
    ),
    ResourceRule(
        name="certificates-are-logged-publicly",
        number=22,
        text="Certificates stand in the transparency logs.",
        ids=("CKV_AWS_234",),
        kinds=(CERTIFICATE,),
        check=_transparent,
    ),
    ResourceRule(
        name="certificate-keys-are-strong",
        number=22,
        text="A certificate's key is RSA 2048 or stronger, or on an elliptic curve.",
        ids=("ACM.2",),
        kinds=(CERTIFICATE,),
        check=_strong,
    ),
    StackRule(
        name="a-certificates-end-is-watched",
        number=22,
        text="Somebody is told before a certificate ends.",
        ids=("ACM.1",),
        kinds=(CERTIFICATE,),
        check=_expiry,
    ),
    ResourceRule(
        name="secrets-have-the-stacks-key",
        number=23,
        text="Secrets are encrypted with a customer managed key.",
        ids=("CKV_AWS_149",),
        kinds=(SECRET,),
        check=_own_key,
    ),
    StackRule(
        name="secrets-rotate",
        number=23,
        text="Secrets are rotated by themselves.",
        ids=("CKV2_AWS_57", "CKV_AWS_304", "SecretsManager.1"),
        kinds=(SECRET,),
        check=_rotates,
    ),
    ResourceRule(
        name="secrets-are-described",
        number=23,
        text="Every secret says what it is for.",
        ids=("aws-secretsmanager-secret-missing-description",),
        kinds=(SECRET,),
        check=_described,
    ),
    ResourceRule(
        name="secrets-are-not-public",
        number=23,
        text="No policy of a secret lets everybody in.",
        ids=("secretsmanager_not_publicly_accessible",),
        kinds=(SECRET, _SECRET_POLICY),
        check=_private,
    ),
    ResourceRule(
        name="keys-rotate",
        number=24,
        text="Keys are rotated every year.",
        ids=("CKV_AWS_7", "KMS.4", "CIS 3.6"),
        kinds=(KEY,),
        check=_key_rotates,
    ),
    ResourceRule(
        name="key-policies-name-their-principals",
        number=24,
        text="A key has a policy, and it names who may use it.",
        ids=("CKV2_AWS_64", "CKV_AWS_33", "KMS.5"),
        kinds=(KEY,),
        check=_key_policy,
    ),
    ResourceRule(
        name="keys-are-not-lost",
        number=24,
        text="A key is in force, and nobody deletes it in passing.",
        ids=("KMS.3", OWN),
        kinds=(KEY,),
        check=_key_stays,
    ),
)
