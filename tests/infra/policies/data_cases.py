"""How properties 22 to 28 are lost: certificates, secrets, keys, buckets, logs, roles, texts."""

from typing import Final

from tests.infra.policies.breaking import (
    Case,
    add,
    case,
    drop,
    option,
    put,
    remove,
    statement,
    without_statement,
)

_CERTIFICATE: Final = "Certificate "
_ALARM: Final = "MetricAlarm certificate-expires"
_SECRET: Final = "Secret ngc-api-key"
_KEY: Final = "Key data"
_BUCKET: Final = "Bucket models"
_LOGS: Final = "Bucket access-logs"
_LOG: Final = "LogGroup gateway"
_ROLE: Final = "Role blue"
_RIGHTS: Final = "RolePolicy blue"

DATA: Final[tuple[Case, ...]] = (
    case(
        "certificates-are-replaced-in-order",
        _CERTIFICATE,
        option(_CERTIFICATE, "deleteBeforeReplace", True),
    ),
    case(
        "certificates-are-logged-publicly",
        _CERTIFICATE,
        drop(_CERTIFICATE, "options"),
    ),
    case(
        "certificate-keys-are-strong", _CERTIFICATE, put(_CERTIFICATE, "keyAlgorithm", "RSA_1024")
    ),
    case("a-certificates-end-is-watched", _CERTIFICATE, remove(_ALARM)),
    case(
        "a-certificates-end-is-watched",
        _CERTIFICATE,
        put(_ALARM, "alarmActions", []),
        why="and nobody told",
    ),
    case("secrets-have-the-stacks-key", _SECRET, drop(_SECRET, "kmsKeyId")),
    case(
        "secrets-rotate",
        _SECRET,
        remove("SecretRotation ngc-api-key"),
        mended=(
            add(
                "SecretRotation ngc-api-key",
                "aws:secretsmanager/secretRotation:SecretRotation",
                {"secretId": _SECRET},
            ),
        ),
    ),
    case("secrets-are-described", _SECRET, put(_SECRET, "description", " ")),
    case(
        "secrets-are-not-public",
        _SECRET,
        put(_SECRET, "policy", '{"Statement": []}'),
        statement(_SECRET, Principal="*", Action="secretsmanager:GetSecretValue", Resource="*"),
    ),
    case("keys-rotate", _KEY, put(_KEY, "enableKeyRotation", False)),
    case("key-policies-name-their-principals", _KEY, drop(_KEY, "policy")),
    case(
        "key-policies-name-their-principals",
        _KEY,
        statement(_KEY, Principal={"AWS": "*"}, Action="kms:Decrypt", Resource="*"),
        why="everybody",
    ),
    case(
        "key-policies-name-their-principals",
        _KEY,
        statement(_KEY, NotPrincipal={"AWS": "arn:aws:iam::1:root"}, Action="kms:Decrypt"),
        why="everybody but one",
    ),
    case(
        "key-policies-name-their-principals",
        _KEY,
        put(_KEY, "policy", "{"),
        why="cannot be read",
    ),
    case("keys-are-not-lost", _KEY, option(_KEY, "protect", False)),
    case("keys-are-not-lost", _KEY, put(_KEY, "isEnabled", False), why="disabled"),
    case(
        "keys-are-not-lost",
        _KEY,
        put(_KEY, "deletionWindowInDays", 1),
        why="gone tomorrow",
    ),
    case("buckets-are-closed", _BUCKET, remove("BucketPublicAccessBlock models")),
    case(
        "buckets-are-closed",
        _BUCKET,
        put("BucketPublicAccessBlock models", "restrictPublicBuckets", False),
        why="three of four",
    ),
    case(
        "buckets-are-reached-by-tls-alone",
        _BUCKET,
        without_statement("BucketPolicy models", "TlsOnly"),
    ),
    case(
        "buckets-are-encrypted",
        _BUCKET,
        remove("BucketServerSideEncryptionConfiguration models"),
    ),
    case(
        "buckets-have-the-stacks-key",
        _BUCKET,
        drop(
            "BucketServerSideEncryptionConfiguration models",
            "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId",
        ),
    ),
    case(
        "buckets-keep-versions",
        _BUCKET,
        put("BucketVersioning models", "versioningConfiguration.status", "Suspended"),
    ),
    case("buckets-are-tidied", _BUCKET, remove("BucketLifecycleConfiguration models")),
    case(
        "buckets-are-tidied",
        _BUCKET,
        put("BucketLifecycleConfiguration models", "rules.0.status", "Disabled"),
        why="by a rule that is off",
    ),
    case(
        "buckets-have-no-acls",
        _LOGS,
        put("BucketOwnershipControls access-logs", "rule.objectOwnership", "ObjectWriter"),
    ),
    case("bucket-access-is-logged", _BUCKET, remove("BucketLogging models")),
    case("logs-have-an-end", _LOG, drop(_LOG, "retentionInDays")),
    case("logs-are-kept-a-year", _LOG, put(_LOG, "retentionInDays", 180)),
    case("logs-have-the-stacks-key", _LOG, drop(_LOG, "kmsKeyId")),
)


def _may(action: str, resource: str = "*", *, policy: str) -> Case:
    """A case in which the machines may do one thing more."""
    added = statement(_RIGHTS, Action=action, Resource=resource)
    return case(policy, _RIGHTS, added, why=f"{action} on {resource}")


IDENTITY: Final[tuple[Case, ...]] = (
    _may("*", policy="actions-are-named"),
    _may("s3:*", "arn:aws:s3:::one/*", policy="actions-are-named"),
    case(
        "actions-are-named",
        _RIGHTS,
        statement(_RIGHTS, NotAction="iam:*", Resource="arn:aws:s3:::one"),
        why="all but a few",
    ),
    case(
        "actions-are-named",
        _ROLE,
        put(_ROLE, "inlinePolicies", [{"name": "more", "policy": '{"Statement": []}'}]),
        put(
            _ROLE,
            "inlinePolicies.0.policy",
            '{"Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}}',
        ),
        why="inside the role",
    ),
    _may("s3:ListBucket", policy="resources-are-named"),
    case(
        "resources-are-named",
        _RIGHTS,
        statement(_RIGHTS, Action="s3:GetObject", NotResource="arn:aws:s3:::one/*"),
        why="all but one",
    ),
    _may("iam:PassRole", policy="roles-cannot-raise-themselves"),
    _may("iam:P*", policy="roles-cannot-raise-themselves"),
    _may("ssm:SendCommand", policy="roles-cannot-raise-themselves"),
    _may("sts:AssumeRole", policy="roles-hand-out-no-credentials"),
    _may("iam:CreateAccessKey", policy="roles-hand-out-no-credentials"),
    _may("s3:GetObject", "arn:aws:s3:::*/*", policy="roles-carry-no-data-away"),
    _may(
        "secretsmanager:GetSecretValue",
        "arn:aws:secretsmanager:us-east-2:1:secret:*",
        policy="roles-carry-no-data-away",
    ),
    _may("kms:CreateGrant", policy="roles-manage-no-permissions"),
    _may("s3:PutBucketPolicy", "arn:aws:s3:::*", policy="roles-manage-no-permissions"),
    _may("s3:PutObject", "arn:aws:s3:::*", policy="roles-write-where-they-may"),
    _may("cloudwatch:PutMetricData", policy="roles-write-where-they-may"),
    case(
        "only-services-take-roles",
        _ROLE,
        statement(_ROLE, "assumeRolePolicy", Action="sts:AssumeRole", Principal={"AWS": "*"}),
    ),
    case(
        "only-services-take-roles",
        _ROLE,
        statement(_ROLE, "assumeRolePolicy", Action="sts:AssumeRole", Principal={"AWS": "1"}),
        why="an account",
    ),
    _may("kms:Decrypt", policy="decryption-is-by-named-keys"),
    _may(
        "kms:ReEncryptFrom",
        "arn:aws:kms:us-east-2:1:key/*",
        policy="decryption-is-by-named-keys",
    ),
    case(
        "managed-policies-are-known",
        "RolePolicyAttachment blue-session-manager",
        put(
            "RolePolicyAttachment blue-session-manager",
            "policyArn",
            "arn:aws:iam::aws:policy/AdministratorAccess",
        ),
    ),
)

TEXTS: Final[tuple[Case, ...]] = (
    case(
        "texts-are-what-aws-takes",
        _BUCKET,
        put(_BUCKET, "bucket", "Models_of_prod"),
        why="a bucket's name",
    ),
    case(
        "texts-are-what-aws-takes",
        "SecurityGroup machines",
        put("SecurityGroup machines", "description", "GPU machines \u2013 nothing else"),
        why="a dash in a description",
    ),
    case(
        "texts-are-what-aws-takes",
        "WebAcl ",
        put("WebAcl ", "rules.0.name", "known bad inputs"),
        why="a name in a list",
    ),
    case(
        "texts-are-what-aws-takes",
        "TargetGroup blue",
        put("TargetGroup blue", "name", "perch-prod-of-the-second-generation"),
        why="a name that is too long",
    ),
    case(
        "texts-are-what-aws-takes",
        "Vpc vpc",
        put("Vpc vpc", "tags", {"Name": "R&D (Speech)"}),
        why="a tag's value",
    ),
    case(
        "texts-are-what-aws-takes",
        _ROLE,
        put(_ROLE, "tags", {"Team": "a", "team": "b"}),
        why="two keys for IAM's one",
    ),
)
