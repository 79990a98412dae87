"""What an environment keeps: built models, gateway bundles and images, access logs."""

from dataclasses import dataclass

import pulumi

from infra.iam import AwsLocation
from infra.storage.bucket import BucketArgs, PrivateBucket, Writer
from infra.storage.registry import Registry, RegistryArgs


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """How things are kept.

    Attributes:
        location: Region and account, which make the buckets' names unique in the world.
        key_arn: KMS key of everything but the access logs.
        access_log_days: How long access logs are kept.
        disposable: Whether it may be destroyed with what is in it.
    """

    location: AwsLocation
    key_arn: pulumi.Input[str]
    access_log_days: int
    disposable: bool


class Storage(pulumi.ComponentResource):
    """Three buckets and an image repository.

    Attributes:
        access_logs: Who asked for what, of the load balancer and of the buckets.
        models: Recognisers' built models, by GPU architecture, image and selector; also logs of
            failed boots.
        artefacts: Gateway bundles.
        gateway: Gateway images.
    """

    access_logs: PrivateBucket
    models: PrivateBucket
    artefacts: PrivateBucket
    gateway: Registry

    def __init__(
        self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if args.access_log_days < 1:
            raise ValueError(f"access_log_days is {args.access_log_days}; accepted: 1 or more")
        super().__init__("perch:infra:Storage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.access_logs = PrivateBucket(f"{name}-access-logs", _access_logs(name, args), child)
        self.models = PrivateBucket(f"{name}-models", self._kept(f"{name}-models", args), child)
        self.artefacts = PrivateBucket(
            f"{name}-artefacts", self._kept(f"{name}-artefacts", args), child
        )
        self.gateway = Registry(
            f"{name}-gateway",
            RegistryArgs(
                repository=f"{name}-gateway",
                key_arn=args.key_arn,
                force_destroy=args.disposable,
            ),
            child,
        )
        self.register_outputs(
            {
                "access_logs": self.access_logs.bucket_name,
                "models": self.models.bucket_name,
                "artefacts": self.artefacts.bucket_name,
                "gateway": self.gateway.url,
            }
        )

    def _kept(self, name: str, args: StorageArgs) -> BucketArgs:
        return BucketArgs(
            bucket=_unique(name, args.location),
            key_arn=args.key_arn,
            log_bucket=self.access_logs.open_name,
            force_destroy=args.disposable,
        )


def _unique(name: str, location: AwsLocation) -> pulumi.Output[str]:
    """Return a bucket's name: of all accounts, and of all regions of this one."""
    return pulumi.Output.concat(name, "-", location.account_id, "-", location.region)


def _access_logs(name: str, args: StorageArgs) -> BucketArgs:
    account = args.location.account_id
    return BucketArgs(
        bucket=_unique(f"{name}-access-logs", args.location),
        # Log delivery writes only where S3 itself encrypts (ELB User Guide, access logs).
        key_arn=None,
        expire_days=args.access_log_days,
        writers=[
            # Both as "Enable access logs" says: of Elastic Load Balancing's and of S3's guide.
            Writer(
                sid="LoadBalancerLogs",
                service="logdelivery.elasticloadbalancing.amazonaws.com",
                prefix=pulumi.Output.concat("alb/AWSLogs/", account, "/"),
                conditions={
                    "ArnLike": {
                        "aws:SourceArn": args.location.arn("elasticloadbalancing", "loadbalancer/*")
                    }
                },
            ),
            Writer(
                sid="BucketLogs",
                service="logging.s3.amazonaws.com",
                prefix="s3/",
                conditions={"StringEquals": {"aws:SourceAccount": account}},
            ),
        ],
        force_destroy=args.disposable,
    )
