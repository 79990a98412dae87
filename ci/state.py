"""Where the state lies: a versioned bucket that nobody reaches from outside, and its key."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.iam import AwsLocation, Statement, policy
from infra.storage.bucket import BucketArgs, PrivateBucket, Writer

_OLD_STATES_DAYS = 365
"""How long an overwritten state can be had back."""
_LOG_DAYS = 365


@dataclass(frozen=True, kw_only=True)
class StateArgs:
    """What the bucket's names are made of.

    Attributes:
        location: Region and account.
    """

    location: AwsLocation


class State(pulumi.ComponentResource):
    """The bucket of Pulumi's state, the bucket of its access log, and one key.

    The key encrypts the objects and, as Pulumi's secrets provider, the secrets inside them.

    Attributes:
        bucket_name: Name of the bucket.
        bucket_arn: Its ARN.
        key_arn: ARN of the key.
        alias: Name of the key's alias.
    """

    bucket_name: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]
    alias: pulumi.Output[str]

    def __init__(
        self, name: str, args: StateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("perch:ci:State", name, None, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=True)
        child = pulumi.ResourceOptions(parent=self)
        location = args.location
        key = aws.kms.Key(
            f"{name}-state",
            description="State of Pulumi, and the secrets in it",
            policy=policy(
                Statement(
                    sid="Account",
                    actions=["kms:*"],
                    resources=["*"],
                    principals={"AWS": location.arn("iam", "root", regional=False)},
                )
            ),
            enable_key_rotation=True,
            deletion_window_in_days=30,
            tags={"Name": f"{name}-state"},
            opts=kept,
        )
        alias = aws.kms.Alias(
            f"{name}-state", name=f"alias/{name}-state", target_key_id=key.key_id, opts=child
        )
        suffix = pulumi.Output.concat(location.account_id, "-", location.region)
        logs = PrivateBucket(
            f"{name}-state-logs",
            BucketArgs(
                bucket=pulumi.Output.concat(f"{name}-state-logs-", suffix),
                # S3 delivers its access logs only where it encrypts by itself.
                key_arn=None,
                expire_days=_LOG_DAYS,
                writers=[
                    Writer(
                        sid="BucketLogs",
                        service="logging.s3.amazonaws.com",
                        prefix="s3/",
                        conditions={"StringEquals": {"aws:SourceAccount": location.account_id}},
                    )
                ],
            ),
            child,
        )
        bucket = PrivateBucket(
            f"{name}-state",
            BucketArgs(
                bucket=pulumi.Output.concat(f"{name}-state-", suffix),
                key_arn=key.arn,
                old_version_days=_OLD_STATES_DAYS,
                log_bucket=logs.open_name,
            ),
            kept,
        )
        self.bucket_name = bucket.bucket_name
        self.bucket_arn = bucket.arn
        self.key_arn = key.arn
        self.alias = alias.name
        self.register_outputs({"bucket_name": bucket.bucket_name, "key_arn": key.arn})
