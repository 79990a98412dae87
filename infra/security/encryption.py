"""Keys: one for what the machines keep, one for what is told about them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra.iam import AwsLocation, Statement, policy

_USE = ("kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey")


@dataclass(frozen=True, kw_only=True)
class EncryptionArgs:
    """What the key policies name.

    Attributes:
        location: Region and account.
        log_group_prefixes: Log groups whose names begin so may use the telemetry key.
        disposable: Whether the keys may be deleted, after AWS's shortest wait.
    """

    location: AwsLocation
    log_group_prefixes: Sequence[str]
    disposable: bool = False


class Encryption(pulumi.ComponentResource):
    """Two KMS keys, rotated yearly, and the service role that may use the first for volumes.

    CloudWatch, SNS and budgets use the telemetry key and can thereby never open a secret or a
    volume.

    Attributes:
        data_key_arn: For volumes, secrets, buckets and images.
        telemetry_key_arn: For logs and alarm messages.
        auto_scaling_role_arn: Service-linked role of this environment's auto scaling groups. It
            has a suffix of its own because the account's default one may not exist yet, and a
            key policy cannot name what does not exist.
    """

    data_key_arn: pulumi.Output[str]
    telemetry_key_arn: pulumi.Output[str]
    auto_scaling_role_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: EncryptionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        if not args.log_group_prefixes:
            raise ValueError("log_group_prefixes is empty; accepted: at least one prefix")
        super().__init__("perch:infra:Encryption", name, None, opts)
        role = aws.iam.ServiceLinkedRole(
            f"{name}-autoscaling",
            aws_service_name="autoscaling.amazonaws.com",
            # Roles are the account's, and the same stack may stand in two of its regions.
            custom_suffix=f"{name}-{args.location.region}",
            description=f"Starts and stops the machines of {name}, whose volumes its key encrypts",
            opts=pulumi.ResourceOptions(parent=self),
        )
        data = self._key(
            f"{name}-data",
            "Volumes, secrets, buckets and images",
            policy(_owner(args.location), *_volumes(role.arn)),
            disposable=args.disposable,
        )
        telemetry = self._key(
            f"{name}-telemetry",
            "Logs and alarm messages",
            policy(_owner(args.location), *_telemetry(args.location, args.log_group_prefixes)),
            disposable=args.disposable,
        )
        self.data_key_arn = data.arn
        self.telemetry_key_arn = telemetry.arn
        self.auto_scaling_role_arn = role.arn
        self.register_outputs({"data_key_arn": data.arn, "telemetry_key_arn": telemetry.arn})

    def _key(
        self, name: str, what: str, document: pulumi.Output[str], *, disposable: bool
    ) -> aws.kms.Key:
        key = aws.kms.Key(
            name,
            description=f"{what} of {name.rpartition('-')[0]}",
            policy=document,
            enable_key_rotation=True,
            # AWS waits 7 to 30 days, for whoever finds out what it locked.
            deletion_window_in_days=7 if disposable else 30,
            tags={"Name": name},
            opts=pulumi.ResourceOptions(parent=self, protect=not disposable),
        )
        aws.kms.Alias(
            name,
            name=f"alias/{name}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return key


def _owner(location: AwsLocation) -> Statement:
    """Let in whom the account's own policies let in; else nobody could change the key again."""
    return Statement(
        sid="Account",
        actions=["kms:*"],
        resources=["*"],
        principals={"AWS": location.arn("iam", "root", regional=False)},
    )


def _volumes(role_arn: pulumi.Input[str]) -> tuple[Statement, Statement]:
    """Allow what auto scaling needs to start a machine on an encrypted volume (its User Guide)."""
    who = {"AWS": role_arn}
    return (
        Statement(sid="AutoScalingUse", actions=_USE, resources=["*"], principals=who),
        Statement(
            sid="AutoScalingGrant",
            actions=["kms:CreateGrant"],
            resources=["*"],
            principals=who,
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    )


def _telemetry(location: AwsLocation, prefixes: Sequence[str]) -> tuple[Statement, Statement]:
    groups = [location.arn("logs", f"log-group:{prefix}*") for prefix in prefixes]
    return (
        Statement(
            sid="Logs",
            actions=_USE,
            resources=["*"],
            principals={"Service": f"logs.{location.region}.amazonaws.com"},
            conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        ),
        Statement(
            sid="Alarms",
            actions=["kms:Decrypt", "kms:GenerateDataKey*"],
            resources=["*"],
            principals={"Service": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]},
            conditions={"StringEquals": {"aws:SourceAccount": location.account_id}},
        ),
    )
