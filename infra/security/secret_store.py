"""Secrets in Secrets Manager: declared here, their values come in secret or by hand."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_aws as aws

GENERATED_LETTERS: Final = 64
"""Of 62 kinds: 381 bits, more than any signature that is made with them."""


@dataclass(frozen=True, kw_only=True)
class SecretStoreArgs:
    """What is kept.

    Attributes:
        descriptions: Secret's name -> what it is.
        values: Secret's name -> its value as a Pulumi secret, None when a person fills it in
            Secrets Manager.
        key_arn: KMS key that encrypts them.
        generated: Names of those for which AWS makes up a value where none is given.
        former: Secret's name -> what it was called before. It stays the same secret.
        first: Name of those that begin with a value of the program's -> that value, in secret.
        disposable: Whether they may be deleted, and then at once.
    """

    descriptions: Mapping[str, str]
    values: Mapping[str, pulumi.Output[str] | None]
    key_arn: pulumi.Input[str]
    generated: Collection[str] = ()
    former: Mapping[str, str] = field(default_factory=dict)
    first: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    disposable: bool = False


class SecretStore(pulumi.ComponentResource):
    """One secret a name; a version only where a value was given or is to be made up.

    Attributes:
        arns: Secret's name -> ARN.
    """

    arns: Mapping[str, pulumi.Output[str]]

    def __init__(
        self, name: str, args: SecretStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        for what, names in (
            ("values", args.values.keys()),
            ("generated", set(args.generated)),
            ("first", args.first.keys()),
        ):
            if unknown := sorted(names - args.descriptions.keys()):
                raise ValueError(
                    f"{what} has {', '.join(unknown)}; accepted: {', '.join(args.descriptions)}"
                )
        super().__init__("perch:infra:SecretStore", name, None, opts)
        arns = {}
        for key, description in args.descriptions.items():
            slug = _slug(name, key)
            before = (
                [pulumi.Alias(name=_slug(name, args.former[key]))] if key in args.former else []
            )
            child = pulumi.ResourceOptions(parent=self, aliases=before)
            secret = aws.secretsmanager.Secret(
                slug,
                description=description,
                kms_key_id=args.key_arn,
                recovery_window_in_days=0 if args.disposable else 30,
                tags={"Name": slug},
                opts=pulumi.ResourceOptions.merge(
                    child, pulumi.ResourceOptions(protect=not args.disposable)
                ),
            )
            value = args.values.get(key)
            if value is not None:
                aws.secretsmanager.SecretVersion(
                    slug, secret_id=secret.id, secret_string=value, opts=child
                )
            elif key in args.generated:
                self._begin(slug, secret, self._made_up())
            elif key in args.first:
                self._begin(slug, secret, args.first[key])
            arns[key] = secret.arn
        self.arns = arns
        self.register_outputs({"arns": arns})

    def _made_up(self) -> pulumi.Output[str]:
        """Let AWS make up a value."""
        made = aws.secretsmanager.get_random_password_output(
            password_length=GENERATED_LETTERS,
            exclude_punctuation=True,
            opts=pulumi.InvokeOptions(parent=self),
        )
        return pulumi.Output.secret(made.random_password)

    def _begin(
        self, slug: str, secret: aws.secretsmanager.Secret, value: pulumi.Output[str]
    ) -> None:
        """Give a secret a first value."""
        aws.secretsmanager.SecretVersion(
            slug,
            secret_id=secret.id,
            secret_string=value,
            # It is another one each time. Were it compared, every `pulumi up` would change the
            # keys under sessions that hold tokens, and undo a person's rotation.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["secretString"]),
        )


def _slug(name: str, key: str) -> str:
    return f"{name}-{key.replace('_', '-')}"
