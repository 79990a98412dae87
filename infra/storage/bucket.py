"""A private bucket: encrypted, versioned, TLS only, tidied by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.iam import Statement, policy

_EncryptionDefault = (
    aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs
)


@dataclass(frozen=True, kw_only=True)
class BucketArgs:
    """What a bucket is for.

    Attributes:
        bucket: Its name, unique in the world; machines are told it before it exists.
        key_arn: KMS key of its objects; None for S3's own encryption, the only kind log delivery
            can write to.
        expire_days: Objects are deleted after so many days; None keeps them.
        old_version_days: Overwritten and deleted objects are kept so long.
        log_bucket: Bucket that receives this one's access log; None for the log bucket itself.
        writers: Services that may put objects.
        force_destroy: Whether `pulumi destroy` may delete it with objects in it.
    """

    bucket: pulumi.Input[str]
    key_arn: pulumi.Input[str] | None
    expire_days: int | None = None
    old_version_days: int = 30
    log_bucket: pulumi.Input[str] | None = None
    writers: Sequence["Writer"] = ()
    force_destroy: bool = False


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A service that delivers into a bucket.

    Attributes:
        sid: What it delivers, letters and digits.
        service: Its principal.
        prefix: Keys it writes begin so.
        conditions: On whose behalf: operator -> {key: value}.
    """

    sid: str
    service: str
    prefix: pulumi.Input[str]
    conditions: Mapping[str, Mapping[str, pulumi.Input[object]]]


class PrivateBucket(pulumi.ComponentResource):
    """An S3 bucket nobody outside the account can reach.

    Attributes:
        bucket_name: Name of the bucket.
        open_name: The same, known once its policy lets the writers in: load balancers and other
            buckets are refused it for their logs before.
        arn: ARN of the bucket.
    """

    bucket_name: pulumi.Output[str]
    open_name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if args.expire_days is not None and args.expire_days < 1:
            raise ValueError(f"expire_days is {args.expire_days}; accepted: 1 or more, or None")
        super().__init__("perch:infra:PrivateBucket", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(
            name,
            bucket=args.bucket,
            force_destroy=args.force_destroy,
            tags={"Name": name},
            opts=child,
        )
        closed = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        aws.s3.BucketOwnershipControls(
            name,
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        aws.s3.BucketVersioning(
            name,
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(
                status="Enabled"
            ),
            opts=child,
        )
        self._encrypt(name, bucket, args)
        self._tidy(name, bucket, args)
        rules = aws.s3.BucketPolicy(
            name,
            bucket=bucket.id,
            policy=policy(
                _tls_only(bucket.arn), *(_delivery(bucket.arn, writer) for writer in args.writers)
            ),
            # S3 refuses to change both at a time.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[closed]),
        )
        if args.log_bucket is not None:
            aws.s3.BucketLogging(
                name,
                bucket=bucket.id,
                target_bucket=args.log_bucket,
                target_prefix=f"s3/{name}/",
                opts=child,
            )
        self.bucket_name = bucket.bucket
        self.open_name = pulumi.Output.all(bucket.bucket, rules.id).apply(lambda known: known[0])
        self.arn = bucket.arn
        self.register_outputs({"bucket_name": bucket.bucket, "arn": bucket.arn})

    def _encrypt(self, name: str, bucket: aws.s3.Bucket, args: BucketArgs) -> None:
        default = _EncryptionDefault(
            sse_algorithm="AES256" if args.key_arn is None else "aws:kms",
            kms_master_key_id=args.key_arn,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=default,
                    bucket_key_enabled=args.key_arn is not None,
                )
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _tidy(self, name: str, bucket: aws.s3.Bucket, args: BucketArgs) -> None:
        rule = aws.s3.BucketLifecycleConfigurationRuleArgs(
            id="tidy",
            status="Enabled",
            filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
            abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=7
            ),
            noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=args.old_version_days
            ),
            expiration=None
            if args.expire_days is None
            else aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_days),
        )
        aws.s3.BucketLifecycleConfiguration(
            name, bucket=bucket.id, rules=[rule], opts=pulumi.ResourceOptions(parent=self)
        )


def _tls_only(arn: pulumi.Output[str]) -> Statement:
    return Statement(
        sid="TlsOnly",
        effect="Deny",
        actions=["s3:*"],
        resources=[arn, pulumi.Output.concat(arn, "/*")],
        principals="*",
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


def _delivery(arn: pulumi.Output[str], writer: Writer) -> Statement:
    return Statement(
        sid=writer.sid,
        actions=["s3:PutObject"],
        resources=[pulumi.Output.concat(arn, "/", writer.prefix, "*")],
        principals={"Service": writer.service},
        conditions=writer.conditions,
    )
