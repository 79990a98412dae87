"""Create a stack in a local AWS API and write its outputs: ``python -m ops.local.provision``.

A process of its own, because running the program takes some hundred megabytes that `perch up` has
no use for afterwards.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ops.offline.applier import apply
from ops.offline.errors import OfflineError
from ops.offline.provider.api import AwsApi
from ops.offline.pulumi_cli import binary
from ops.offline.pulumi_cli.workspace import stack_on_engine
from ops.offline.simulator.credentials import load
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
@click.option(
    "--engine",
    type=click.Path(path_type=Path),
    help="Apply through Pulumi's own engine; its state lies in this folder, which is made anew.",
)
def main(  # noqa: PLR0913 - one parameter an option
    *,
    stack: str,
    root: Path,
    endpoint: str,
    credentials: Path,
    overrides: str,
    outputs: Path,
    engine: Path | None,
) -> None:
    """Create every resource of a stack and write what it exports."""
    over = json.loads(overrides)
    try:
        if engine is None:
            applied = apply(
                stack, endpoint_url=endpoint, credentials=credentials, overrides=over, root=root
            )
            exported, secret, count = (
                applied.outputs,
                applied.secret_outputs,
                len(applied.resources),
            )
        else:
            api = AwsApi(endpoint, load(credentials))
            exported, secret, count = _on_engine(stack, engine, api, over, root)
    except OfflineError as error:
        sys.exit(str(error))
    # A secret has no reader here, so it does not come to lie in a file either.
    shown = {name: None if name in secret else value for name, value in exported.items()}
    write_private(outputs, json.dumps(shown, indent=2))
    click.echo(f"{count} resources")


def _on_engine(
    stack: str, folder: Path, api: AwsApi, overrides: Mapping[str, Any], root: Path
) -> tuple[Mapping[str, Any], frozenset[str], int]:
    """Apply a stack through Pulumi's engine; return its outputs, which are secret, and how many.

    Raises:
        OfflineError: The engine refused, or there is no CLI.
    """
    command = binary.find(root / ".tools")
    if command is None:
        raise OfflineError("no `pulumi` on PATH or in .tools; `make engine` builds one")
    shutil.rmtree(folder, ignore_errors=True)
    with stack_on_engine(
        stack, folder, api=api, command=command, overrides=overrides, root=root
    ) as on_engine:
        outcome = on_engine.up()
        if outcome.failure:
            raise OfflineError("\n".join(outcome.messages) or outcome.failure)
        made = [entry for entry in on_engine.resources().values() if entry.get("id")]
        return on_engine.outputs(), on_engine.secret_outputs(), len(made)


if __name__ == "__main__":
    main()
