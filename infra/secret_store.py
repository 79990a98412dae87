"""Secrets in Secrets Manager: declared here, their values come in secret or by hand."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class SecretStoreArgs:
    """What is kept.

    Attributes:
        descriptions: Secret's name -> what it is.
        values: Secret's name -> its value as a Pulumi secret, None when a person fills it in
            Secrets Manager.
        key_arn: KMS key that encrypts them.
        disposable: Whether they may be deleted, and then at once.
    """

    descriptions: Mapping[str, str]
    values: Mapping[str, pulumi.Output[str] | None]
    key_arn: pulumi.Input[str]
    disposable: bool = False


class SecretStore(pulumi.ComponentResource):
    """One secret a name; a version only where a value was given.

    Attributes:
        arns: Secret's name -> ARN.
    """

    arns: Mapping[str, pulumi.Output[str]]

    def __init__(
        self, name: str, args: SecretStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        unknown = sorted(args.values.keys() - args.descriptions.keys())
        if unknown:
            raise ValueError(
                f"values has {', '.join(unknown)}; accepted: {', '.join(args.descriptions)}"
            )
        super().__init__("perch:infra:SecretStore", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        arns = {}
        for key, description in args.descriptions.items():
            slug = f"{name}-{key.replace('_', '-')}"
            secret = aws.secretsmanager.Secret(
                slug,
                description=description,
                kms_key_id=args.key_arn,
                recovery_window_in_days=0 if args.disposable else 30,
                tags={"Name": slug},
                opts=pulumi.ResourceOptions(parent=self, protect=not args.disposable),
            )
            value = args.values.get(key)
            if value is not None:
                aws.secretsmanager.SecretVersion(
                    slug, secret_id=secret.id, secret_string=value, opts=child
                )
            arns[key] = secret.arn
        self.arns = arns
        self.register_outputs({"arns": arns})
