"""Create a stack in a local AWS API and write its outputs: ``python -m ops.local.provision``.

A process of its own, because running the program takes some hundred megabytes that `perch up` has
no use for afterwards.
"""

import json
import sys
from pathlib import Path

import click

from ops.offline.applier import apply
from ops.offline.errors import OfflineError
from ops.private_files import write_private


@click.command()
@click.option("--stack", required=True, help="Name of the stack.")
@click.option("--root", required=True, type=click.Path(path_type=Path), help="The project.")
@click.option("--endpoint", required=True, help="URL of the AWS API.")
@click.option(
    "--credentials",
    required=True,
    type=click.Path(path_type=Path),
    help="File of the access key that the AWS API takes.",
)
@click.option("--overrides", required=True, help="Configuration over the stack's own, JSON.")
@click.option("--outputs", required=True, type=click.Path(path_type=Path), help="File to write.")
def main(  # noqa: PLR0913 - one parameter an option
    *,
    stack: str,
    root: Path,
    endpoint: str,
    credentials: Path,
    overrides: str,
    outputs: Path,
) -> None:
    """Create every resource of a stack and write what it exports."""
    try:
        applied = apply(
            stack,
            endpoint_url=endpoint,
            credentials=credentials,
            overrides=json.loads(overrides),
            root=root,
        )
    except OfflineError as error:
        sys.exit(str(error))
    # A secret has no reader here, so it does not come to lie in a file either.
    shown = {
        name: None if name in applied.secret_outputs else value
        for name, value in applied.outputs.items()
    }
    write_private(outputs, json.dumps(shown, indent=2))
    click.echo(f"{len(applied.resources)} resources")


if __name__ == "__main__":
    main()
