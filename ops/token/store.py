"""The access list of a stack: a secret, of which a change never takes back another's."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from app.credentials.access_list import AccessList, AccessListError
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, one_line
from ops.secrets.values import connect as values_of
from ops.stack import read as read_outputs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from ops.secrets.values import SecretValues

TRIES: Final = 5
"""Of a change that another operator's came before; each begins anew with what that one wrote."""
_CURRENT: Final = "AWSCURRENT"
_NEXT: Final = "PERCHNEXT"
"""Stage of a version while it is not the current one."""
_MOVED: Final = frozenset({"InvalidParameterException", "InvalidRequestException"})
"""Answers of `UpdateSecretVersionStage` where the stage is not on the version any more that it was
to be taken from (API reference)."""


class ConflictError(Exception):
    """Somebody else has changed the list meanwhile."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The list as it is stored.

    Attributes:
        document: The list.
        version: Of its secret.
    """

    document: AccessList
    version: str


class AccessListStore:
    """Reads and writes the access list of one stack.

    Args:
        stack: Name of the stack, for messages.
        arn: Of the secret.
        secrets: Secrets Manager of its account, or of `perch up`.
    """

    def __init__(self, stack: str, arn: str, secrets: SecretsManagerClient) -> None:
        self._stack = stack
        self._arn = arn
        self._secrets = secrets

    def read(self) -> Stored:
        """Return what is stored now.

        Raises:
            CommandFailedError: AWS does not tell, or what is stored is no list.
        """
        try:
            found = self._secrets.get_secret_value(SecretId=self._arn, VersionStage=_CURRENT)
            return Stored(AccessList.parse(found["SecretString"]), found["VersionId"])
        except AccessListError as error:
            raise self._failed("read", str(error)) from None
        except FAILURES as error:
            raise self._failed("read", one_line(error)) from None

    def change(self, how: Callable[[AccessList], AccessList]) -> AccessList:
        """Change the list; where another operator's change comes in between, that one stays too.

        Args:
            how: Makes the new list of the present one; asked again after another's change.

        Returns:
            What is stored now. Machines know of it once that is announced.

        Raises:
            CommandFailedError: AWS refuses, or there is no end of others' changes.
        """
        for _ in range(TRIES):
            stored = self.read()
            changed = how(stored.document)
            if changed == stored.document:
                return changed
            try:
                self.write(changed, replaces=stored.version)
            except ConflictError:
                continue
            return changed
        raise self._failed("changed", f"others changed it {TRIES} times in between; try again")

    def write(self, document: AccessList, *, replaces: str) -> None:
        """Store a list in the place of a version.

        Raises:
            ConflictError: Another version is the current one by now.
            CommandFailedError: AWS refuses, or the list has become too long.
        """
        try:
            text = document.write()
        except AccessListError as error:
            raise self._failed("written", str(error)) from None
        version = str(uuid.uuid4())
        try:
            self._secrets.put_secret_value(
                SecretId=self._arn,
                ClientRequestToken=version,
                SecretString=text,
                # Not the current one yet: which that is can be changed in one step with a check of
                # what it was, and a value cannot.
                VersionStages=[_NEXT],
            )
            self._secrets.update_secret_version_stage(
                SecretId=self._arn,
                VersionStage=_CURRENT,
                MoveToVersionId=version,
                RemoveFromVersionId=replaces,
            )
        except FAILURES as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in _MOVED:
                raise ConflictError from None
            raise self._failed("written", one_line(error)) from None

    def _failed(self, done: str, reason: str) -> CommandFailedError:
        return CommandFailedError(
            f"the access list of stack {self._stack} cannot be {done}: {reason}"
        )


def connect(stack: str, chosen: Path | None) -> tuple[AccessListStore, SecretValues, bool]:
    """Return the store of a stack, what tells gateways of a change, and whether it runs here.

    Args:
        stack: Name of the stack.
        chosen: State folder given by the person; None for the usual one.

    Raises:
        CommandFailedError: The stack's outputs cannot be read, it is of an older program and has no
            list, or the credentials of its AWS API cannot be read.
    """
    outputs = read_outputs(stack, chosen=chosen)
    values, is_local = values_of(stack, outputs, chosen)
    return AccessListStore(stack, values.arn("access_list"), values.api), values, is_local
