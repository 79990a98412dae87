"""How a command of perch fails: one sentence on standard error and a documented exit code."""

import sys
from typing import IO, Any

import click

FAILED = 1
"""Exit code when the command was understood and what it tried did not work."""
INTERRUPTED = 130
"""Exit code for a signal that came before the work was done, as shells have it."""
MISCONFIGURED = 2
"""Exit code for wrong usage or configuration: nothing was started or changed."""


class CommandFailedError(click.ClickException):
    """What was tried did not work; exit code 1.

    Args:
        message: One sentence for a person: what failed, with the value, and what to do.
    """

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence, to standard error unless ``file`` is given."""
        click.echo(f"perch: {self.format_message()}", file=file or sys.stderr)


class ConfigurationError(CommandFailedError):
    """Usage or configuration is wrong, found before anything was started; exit code 2."""

    exit_code = MISCONFIGURED
