"""The secrets of a stack, for the commands that replace their values.

Values are read and put by the API alone: none is an argument, an output or a line of a log.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, one_line
from ops.local.host import POLL_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient

    from ops.stack import StackOutputs

VERSION_PATTERN: Final = "^[0-9]{1,16}$"
"""What the parameter takes; a test holds it equal to the program's own."""
MACHINE_SECONDS: Final = 5.0
"""How often a machine asks whether secrets are others; a test holds it equal to the machines'."""
FETCH_SECONDS: Final = 5.0
"""What fetching them takes: a call of the AWS CLI, half a second and more, for each."""
GATEWAY_SECONDS: Final = 1.0
"""How often a gateway looks at its files."""


class SecretValues:
    """Secrets of one stack.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        secrets: Secrets Manager of its account, or of `perch up`.
        ssm: Systems Manager of the same.
    """

    def __init__(
        self, stack: str, outputs: StackOutputs, secrets: SecretsManagerClient, ssm: SSMClient
    ) -> None:
        self._stack = stack
        self._arns = outputs.secret_arns
        self._version = outputs.secrets_version_parameter_name
        self._secrets = secrets
        self._ssm = ssm

    @property
    def api(self) -> SecretsManagerClient:
        """Secrets Manager of the stack's account, for more than reading and putting a value."""
        return self._secrets

    def arn(self, name: str) -> str:
        """Return a secret's ARN.

        Raises:
            CommandFailedError: The stack has no such secret.
        """
        arn = getattr(self._arns, name)
        if arn is None:
            raise CommandFailedError(
                f"stack {self._stack} has no secret {name}: it was made by an older program;"
                f" `pulumi up --stack {self._stack}` adds it"
            )
        return str(arn)

    def read(self, name: str) -> str | None:
        """Return a secret's text; None where it has no value yet.

        Raises:
            CommandFailedError: It cannot be read.
        """
        try:
            return self._secrets.get_secret_value(SecretId=self.arn(name))["SecretString"] or None
        except ClientError as error:
            # Of a secret without a value AWS says so: "can't find the specified secret value".
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise self._failed(name, "read", error) from None
        except FAILURES as error:
            raise self._failed(name, "read", error) from None

    def put(self, name: str, text: str) -> None:
        """Give a secret a new value, which machines fetch after `announce`.

        Raises:
            CommandFailedError: It cannot be written.
        """
        try:
            self._secrets.put_secret_value(SecretId=self.arn(name), SecretString=text)
        except FAILURES as error:
            raise self._failed(name, "written", error) from None

    def announce(self) -> None:
        """Tell every machine to fetch its secrets again.

        Raises:
            CommandFailedError: The stack has no parameter for it, or AWS refuses.
        """
        if self._version is None:
            raise CommandFailedError(
                f"the new value is there, and stack {self._stack} of an older program has nothing"
                f" that tells its machines; `perch rotate --stack {self._stack}` replaces them"
            )
        try:
            self._ssm.put_parameter(
                Name=self._version,
                # Milliseconds: another one than any before it. Machines only compare.
                Value=str(time.time_ns() // 1_000_000),
                Type="String",
                # Said again, or the new version would take any word.
                AllowedPattern=VERSION_PATTERN,
                Overwrite=True,
            )
        except FAILURES as error:
            raise CommandFailedError(
                f"the new value is there, and parameter {self._version} of stack {self._stack},"
                f" which tells machines to fetch it, cannot be written: {one_line(error)};"
                " the same command again makes another value and tells them"
            ) from None

    def _failed(self, name: str, done: str, error: Exception) -> CommandFailedError:
        return CommandFailedError(
            f"secret {name} of stack {self._stack} cannot be {done}: {one_line(error)}"
        )


def connect(stack: str, outputs: StackOutputs, chosen: Path | None) -> tuple[SecretValues, bool]:
    """Return the secrets of a stack, and whether the stack runs on this machine.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        chosen: State folder given by the person; None for the usual one.

    Raises:
        CommandFailedError: The credentials of a stack on this machine cannot be read.
    """
    secrets, is_local = aws_clients.connect("secretsmanager", stack, outputs.region, chosen)
    ssm, _ = aws_clients.connect("ssm", stack, outputs.region, chosen)
    return SecretValues(stack, outputs, secrets, ssm), is_local


def follow_seconds(*, is_local: bool) -> float:
    """Return how long it takes until every gateway has a value that was announced.

    Args:
        is_local: Whether the stack runs on this machine.
    """
    asked = POLL_SECONDS if is_local else MACHINE_SECONDS
    return asked + FETCH_SECONDS + GATEWAY_SECONDS
