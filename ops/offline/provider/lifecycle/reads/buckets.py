"""Reads buckets, each of their settings, and objects."""

from collections.abc import Mapping
from typing import Any

from ops.offline.provider.lifecycle.alignment import ANY
from ops.offline.provider.lifecycle.existing import Existing
from ops.offline.provider.lifecycle.live import Reading
from ops.offline.provider.lifecycle.reads.registry import add
from ops.offline.provider.lifecycle.steering import STEERING

_WHOSE = ("bucket", "expectedBucketOwner")
"""Says which bucket a setting is of; its answer does not."""

_OWN_SETTINGS = (
    "accelerationStatus",
    "acl",
    "bucketPrefix",
    "corsRules",
    "grants",
    "lifecycleRules",
    "loggings",
    "objectLockConfiguration",
    "policy",
    "replicationConfiguration",
    "requestPayer",
    "serverSideEncryptionConfiguration",
    "versioning",
    "website",
)
"""Settings of a bucket that are resources of their own."""


def _setting(operation: str, at: str = "", **named: Any) -> Reading:  # noqa: ANN401 - as Reading's
    return Reading(
        service="s3",
        operation=operation,
        parameters={"Bucket": "{bucket}"},
        at=at,
        untold=_WHOSE,
        **named,
    )


def _under(name: str) -> Any:  # noqa: ANN401 - a function for Reading
    """Put the whole answer under the one input that bears it; nothing there is gone."""

    def find(_existing: Existing, answer: Mapping[str, Any]) -> dict[str, Any] | None:
        return {name: answer} if answer else None

    return find


def _object(existing: Existing, found: Mapping[str, Any]) -> dict[str, Any]:
    body = found["Body"].read()
    told: dict[str, Any] = {"key": existing.get("key"), "bucket": existing.get("bucket")}
    if "content" in existing.inputs:
        told["content"] = body.decode(errors="replace")
    return told


_BUCKET = "aws:s3/bucket:Bucket"
_OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"

add(
    {
        _BUCKET: Reading(
            service="s3",
            operation="get_bucket_location",
            parameters={"Bucket": "{id}"},
            untold=(*STEERING[_BUCKET], *_OWN_SETTINGS, "objectLockEnabled"),
            more=lambda existing, _found: {"bucket": existing.id},
        ),
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _setting(
            "get_public_access_block", "PublicAccessBlockConfiguration"
        ),
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _setting(
            "get_bucket_ownership_controls", "OwnershipControls", renames={"rule": "Rules"}
        ),
        "aws:s3/bucketVersioning:BucketVersioning": _setting(
            "get_bucket_versioning", find=_under("VersioningConfiguration")
        ),
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
            _setting(
                "get_bucket_encryption",
                "ServerSideEncryptionConfiguration",
                renames={
                    "rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": "KMSMasterKeyID"
                },
            )
        ),
        "aws:s3/bucketLogging:BucketLogging": _setting("get_bucket_logging", "LoggingEnabled"),
        "aws:s3/bucketPolicy:BucketPolicy": _setting("get_bucket_policy"),
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _setting(
            "get_bucket_lifecycle_configuration",
            renames={"rules.id": "ID"},
            defaults={"transitionDefaultMinimumObjectSize": ANY},
        ),
        _OBJECT: Reading(
            service="s3",
            operation="get_object",
            parameters={"Bucket": "{bucket}", "Key": "{key}"},
            renames={"kmsKeyId": "SSEKMSKeyId"},
            untold=(*STEERING[_OBJECT], "acl", "etag", "source"),
            defaults={
                # Of the bucket, where the object says nothing itself.
                "bucketKeyEnabled": ANY,
                "contentType": ANY,
                "kmsKeyId": ANY,
                "metadata": {},
                "serverSideEncryption": ANY,
                "storageClass": "STANDARD",
            },
            more=_object,
            outputs={"versionId": "VersionId"},
        ),
    }
)
