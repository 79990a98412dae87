"""S3 buckets, and each of their settings as a resource of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ops.offline.errors import OfflineError
from ops.offline.provider.create_request import CreateRequest, CreateResult, handles, tag_list

_NAME_LIMIT = 63
"""S3 User Guide, bucket naming rules."""

_WITHOUT_LOCATION = "us-east-1"
"""The one region that S3 refuses to see in a location constraint."""


@handles("aws:s3/bucket:Bucket")
def _bucket(request: CreateRequest) -> CreateResult:
    name = request.physical_name("bucket", _NAME_LIMIT)
    request.ignore("forceDestroy")
    tags = request.take("tags", {})
    parameters: dict[str, Any] = {"Bucket": request.take("bucket")}
    if request.take("objectLockEnabled"):
        parameters["ObjectLockEnabledForBucket"] = True
    if request.region != _WITHOUT_LOCATION:
        parameters["CreateBucketConfiguration"] = {"LocationConstraint": request.region}
    request.call("s3", "create_bucket", **parameters)
    if tags:
        request.call("s3", "put_bucket_tagging", Bucket=name, Tagging={"TagSet": tag_list(tags)})
    return CreateResult(
        id=name,
        outputs={
            "arn": f"arn:aws:s3:::{name}",
            "bucket": name,
            "bucketRegion": request.region,
            "bucketDomainName": f"{name}.s3.amazonaws.com",
            "bucketRegionalDomainName": f"{name}.s3.{request.region}.amazonaws.com",
        },
    )


def _setting(
    token: str, operation: str, parameter: str, renames: Mapping[str, str] | None = None
) -> None:
    """Register a setting whose inputs, but for the bucket, are one parameter of one call."""

    @handles(token)
    def create(request: CreateRequest) -> CreateResult:
        bucket = request.take("bucket")
        request.ignore("expectedBucketOwner")
        if parameter not in request.inputs:
            request.inputs = {parameter: request.inputs}
        parameters = request.parameters(
            "s3", operation, {f"{parameter}.{key}": value for key, value in (renames or {}).items()}
        )
        request.call("s3", operation, Bucket=bucket, **parameters)
        return CreateResult(id=str(bucket))


_setting(
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "put_public_access_block",
    "publicAccessBlockConfiguration",
)
_setting(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "put_bucket_ownership_controls",
    "ownershipControls",
    {"rule": "Rules"},
)
_setting(
    "aws:s3/bucketVersioning:BucketVersioning",
    "put_bucket_versioning",
    "versioningConfiguration",
)
_setting(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "put_bucket_encryption",
    "serverSideEncryptionConfiguration",
    {
        "rules.applyServerSideEncryptionByDefault.sseAlgorithm": "SSEAlgorithm",
        "rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": "KMSMasterKeyID",
    },
)
_setting(
    "aws:s3/bucketLogging:BucketLogging",
    "put_bucket_logging",
    "bucketLoggingStatus",
    {
        "targetBucket": "LoggingEnabled.TargetBucket",
        "targetPrefix": "LoggingEnabled.TargetPrefix",
    },
)
_setting("aws:s3/bucketPolicy:BucketPolicy", "put_bucket_policy", "policy")
_setting(
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "put_bucket_lifecycle_configuration",
    "lifecycleConfiguration",
    {"rules.id": "ID"},
)


@handles("aws:s3/bucketObjectv2:BucketObjectv2")
def _object(request: CreateRequest) -> CreateResult:
    request.ignore("forceDestroy", "overrideProvider", "sourceHash", "etag")
    source, content = request.take("source"), request.take("content")
    tags = request.take("tags", {})
    bucket, key = request.inputs["bucket"], request.inputs["key"]
    parameters = request.parameters(
        "s3",
        "put_object",
        {"kmsKeyId": "SSEKMSKeyId", "serverSideEncryption": "ServerSideEncryption"},
    )
    if tags:
        parameters["Tagging"] = "&".join(f"{name}={tags[name]}" for name in sorted(tags))
    body = content.encode() if content is not None else _asset_content(source)
    answer = request.call("s3", "put_object", Body=body, **parameters)
    return CreateResult(
        id=key,
        outputs={
            "arn": f"arn:aws:s3:::{bucket}/{key}",
            "etag": answer["ETag"].strip('"'),
            "versionId": answer.get("VersionId", "null"),
        },
    )


def _asset_content(source: Any) -> bytes:  # noqa: ANN401 - an asset as the wire has it
    asset = source.get("asset", {}) if isinstance(source, Mapping) else {}
    if "path" in asset:
        return Path(asset["path"]).read_bytes()
    if "text" in asset:
        return str(asset["text"]).encode()
    raise OfflineError("source: a file or string asset, or content, is expected")
