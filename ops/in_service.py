"""Which colour of a stack is in service: read, and written down by what changes it.

In service is the colour that has all new sessions while no release goes on. During a release it is
still the one that served before: the canary's colour takes its place when it is promoted. So the
record is not the listener's weights, which say where new sessions go at this moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.stack import COLOURS, StackOutputs, read

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_ssm import SSMClient

    from ops.stack import Colour

PATTERN: Final = f"^({'|'.join(COLOURS)})$"
"""What the parameter takes, as the program makes it; a test holds both equal."""


def other(colour: Colour) -> Colour:
    """Return the colour that this one is not."""
    return "green" if colour == "blue" else "blue"


class InService:
    """The record of one stack.

    Args:
        stack: Name of the stack, for messages.
        parameter_name: `StackOutputs.in_service_parameter_name`; None for a stack of a program
            that knew no record.
        api: Systems Manager of its account, or of `perch up`.
    """

    def __init__(self, stack: str, parameter_name: str | None, api: SSMClient) -> None:
        self._stack = stack
        self._name = parameter_name
        self._api = api

    def read(self) -> Colour | None:
        """Return the colour in service; None where the stack has no record yet.

        Raises:
            CommandFailedError: AWS does not tell, or what is written there is no colour.
        """
        if self._name is None:
            return None
        try:
            said = self._api.get_parameter(Name=self._name)["Parameter"]["Value"]
        except FAILURES as error:
            raise self._failed("read", error) from None
        if said not in COLOURS:
            raise CommandFailedError(
                f"parameter {self._name} of stack {self._stack} says {said!r}; "
                f"accepted: {' or '.join(COLOURS)}"
            )
        return said

    def write(self, colour: Colour) -> None:
        """Write down which colour is in service.

        Raises:
            ConfigurationError: The stack has no record.
            CommandFailedError: AWS refuses.
        """
        if self._name is None:
            raise ConfigurationError(
                f"stack {self._stack} has no record of the colour in service; "
                f"`pulumi up --stack {self._stack}` makes it"
            )
        try:
            self._api.put_parameter(
                Name=self._name,
                Value=colour,
                Type="String",
                # Said again, or the new version would take any word.
                AllowedPattern=PATTERN,
                Overwrite=True,
            )
        except FAILURES as error:
            raise self._failed("written", error) from None

    def _failed(self, done: str, error: Exception) -> CommandFailedError:
        said = " ".join(str(error).split())
        return CommandFailedError(
            f"parameter {self._name} of stack {self._stack} cannot be {done}: {said}"
        )


def connect(stack: str, outputs: StackOutputs, chosen: Path | None) -> InService:
    """Return the record of a stack.

    Args:
        stack: Name of the stack.
        outputs: What it exports.
        chosen: State folder given by the person; None for the usual one.

    Raises:
        CommandFailedError: The credentials of the stack on this machine cannot be read.
        ConfigurationError: The person's own settings lead to no account.
    """
    api, _ = aws_clients.connect("ssm", stack, outputs.region, chosen)
    return InService(stack, outputs.in_service_parameter_name, api)


def colour_in_service(stack: str, chosen: Path | None = None) -> Colour | None:
    """Return the colour in service of a stack, by its name alone; None where there is no record.

    Raises:
        CommandFailedError: Outputs, credentials or the record cannot be read.
        ConfigurationError: The person's own settings lead to no account.
    """
    return connect(stack, read(stack, chosen=chosen), chosen).read()
