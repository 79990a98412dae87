"""Have the Pulumi CLI ready: ``python -m ops.offline.pulumi_cli``."""

import sys
import time

import click

from ops.offline.errors import OfflineError
from ops.offline.pulumi_cli import binary


@click.command()
def main() -> None:
    """Find the Pulumi CLI, or build it, and say which it is."""
    started = time.monotonic()
    try:
        if binary.find() is None:
            click.echo(
                f"perch: building pulumi {binary.pinned_version()} from its Go module,"
                " once: about six minutes on two cores",
                err=True,
            )
        command = binary.find_or_build()
    except OfflineError as error:
        sys.exit(f"perch: {error}")
    click.echo(f"{command.command} {command.version}, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
