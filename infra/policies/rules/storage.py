"""Property 25: buckets."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi_policy import PolicyResource

from infra.policies.engine.documents import statements
from infra.policies.engine.resources import BUCKET, Stack, entries, has, is_true, section
from infra.policies.engine.rule import Rule, StackRule

_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
_VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
_LIFECYCLE: Final = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
_OWNERSHIP: Final = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
_LOGGING: Final = "aws:s3/bucketLogging:BucketLogging"

_BLOCKS: Final = (
    *("blockPublicAcls", "blockPublicPolicy"),
    *("ignorePublicAcls", "restrictPublicBuckets"),
)


def _parts(bucket: PolicyResource, stack: Stack, kind: str) -> list[Mapping[str, Any]]:
    return [part.props for part in stack.referring(bucket, kind, "bucket")]


def _closed(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    blocks = _parts(bucket, stack, _BLOCK)
    if not blocks:
        yield "has no public access block"
    for block in blocks:
        for flag in _BLOCKS:
            if not is_true(block.get(flag)):
                yield f"{flag} is not true; accepted: true"


def _tls_only(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    denials = [
        statement
        for part in _parts(bucket, stack, _POLICY)
        for statement in statements(part.get("policy"))
        if not statement.allows
        and "*" in statement.principals
        and "s3:*" in statement.actions
        and _texts(statement.conditions, "Bool", "aws:SecureTransport") == "false"
    ]
    if not denials:
        yield "its policy refuses not every request without TLS"


def _texts(conditions: Mapping[str, Mapping[str, Any]], operator: str, key: str) -> str:
    return str(conditions.get(operator, {}).get(key, "")).lower()


def _encrypted(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    if not _algorithms(bucket, stack):
        yield "has no encryption of its own; accepted: aws:kms, or AES256"


def _own_key(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    for algorithm, has_key in _algorithms(bucket, stack):
        if not (algorithm in {"aws:kms", "aws:kms:dsse"} and has_key):
            yield f"is encrypted by {algorithm} without a key of ours; accepted: aws:kms with one"


def _algorithms(bucket: PolicyResource, stack: Stack) -> list[tuple[str, bool]]:
    return [
        (str(default.get("sseAlgorithm")), has(default, "kmsMasterKeyId"))
        for part in _parts(bucket, stack, _ENCRYPTION)
        for rule in entries(part, "rules")
        for default in [section(rule, "applyServerSideEncryptionByDefault")]
    ]


def _versioned(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    states = [
        section(part, "versioningConfiguration").get("status")
        for part in _parts(bucket, stack, _VERSIONING)
    ]
    if states != ["Enabled"]:
        yield f"versioning is {states}; accepted: Enabled"


def _tidied(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    rules = [
        rule
        for part in _parts(bucket, stack, _LIFECYCLE)
        for rule in entries(part, "rules")
        if rule.get("status") == "Enabled"
    ]
    for part, what in (
        ("abortIncompleteMultipartUpload", "half uploads"),
        ("noncurrentVersionExpiration", "old versions"),
    ):
        if not any(section(rule, part) for rule in rules):
            yield f"no lifecycle rule removes {what}; accepted: a rule with {part}"


def _without_acls(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    owners = [
        section(part, "rule").get("objectOwnership") for part in _parts(bucket, stack, _OWNERSHIP)
    ]
    if owners != ["BucketOwnerEnforced"]:
        yield f"objectOwnership is {owners}; accepted: BucketOwnerEnforced"


def _logged(bucket: PolicyResource, stack: Stack) -> Iterator[str]:
    if not _parts(bucket, stack, _LOGGING):
        yield "who reads and writes it is not logged"


RULES: Final[tuple[Rule, ...]] = (
    StackRule(
        name="buckets-are-closed",
        number=25,
        text="Nothing in a bucket can be made public.",
        ids=(
            *("CKV_AWS_53", "CKV_AWS_54", "CKV_AWS_55", "CKV_AWS_56"),
            *("CKV2_AWS_6", "S3.8", "CIS 2.1.4"),
        ),
        kinds=(BUCKET,),
        check=_closed,
    ),
    StackRule(
        name="buckets-are-reached-by-tls-alone",
        number=25,
        text="Requests without TLS are refused.",
        ids=("CKV_AWS_379", "S3.5", "CIS 2.1.1"),
        kinds=(BUCKET,),
        check=_tls_only,
    ),
    StackRule(
        name="buckets-are-encrypted",
        number=25,
        text="Objects are encrypted.",
        ids=("CKV_AWS_19",),
        kinds=(BUCKET,),
        check=_encrypted,
    ),
    StackRule(
        name="buckets-have-the-stacks-key",
        number=25,
        text="Objects are encrypted with a customer managed key.",
        ids=("CKV_AWS_145", "S3.17"),
        kinds=(BUCKET,),
        check=_own_key,
    ),
    StackRule(
        name="buckets-keep-versions",
        number=25,
        text="What is overwritten or deleted can be had back.",
        ids=("CKV_AWS_21", "S3.14"),
        kinds=(BUCKET,),
        check=_versioned,
    ),
    StackRule(
        name="buckets-are-tidied",
        number=25,
        text="Half uploads and old versions are removed in time.",
        ids=("CKV2_AWS_61", "CKV_AWS_300", "S3.13"),
        kinds=(BUCKET,),
        check=_tidied,
    ),
    StackRule(
        name="buckets-have-no-acls",
        number=25,
        text="Access control lists are off.",
        ids=("CKV2_AWS_65", "S3.12"),
        kinds=(BUCKET,),
        check=_without_acls,
    ),
    StackRule(
        name="bucket-access-is-logged",
        number=25,
        text="Who reads and writes a bucket is logged.",
        ids=("CKV_AWS_18", "S3.9"),
        kinds=(BUCKET,),
        check=_logged,
    ),
)
