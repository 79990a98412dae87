"""The one place that reads stack outputs.

A stack that ``perch up`` keeps on this machine is read from its state folder; any other is asked of
the Pulumi CLI. Either way the answer is checked against the types by which the program exports it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from infra.outputs import (
    COLOURS,
    HOST_KEY_TAG,
    Colour,
    ColourOutputs,
    Colours,
    SecretArns,
    StackOutputs,
)
from ops.console.errors import CommandFailedError, ConfigurationError
from ops.console.hints import perhaps, start
from ops.console.options import LOCAL, stack_options
from ops.console.paths import project_root, state_folder

__all__ = [
    "COLOURS",
    "HOST_KEY_TAG",
    "Colour",
    "ColourOutputs",
    "Colours",
    "SecretArns",
    "StackOutputs",
    "command",
    "flat",
    "parse",
    "read",
]

PULUMI_SECONDS = 120.0
"""Deadline for one call of the Pulumi CLI, which may have to log in to its backend first."""


def parse(text: str, *, stack: str, source: str) -> StackOutputs:
    """Read outputs from JSON.

    Args:
        text: JSON object of the outputs by name.
        stack: Name of the stack, for the message.
        source: Where the text came from, for the message.

    Raises:
        CommandFailedError: The text is no such object; names every output that is missing or wrong.
    """
    try:
        return StackOutputs.model_validate_json(text)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'outputs'}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise CommandFailedError(
            f"the outputs of stack {stack} from {source} do not fit this version of perch: {wrong}"
        ) from None


def read_file(path: Path, *, stack: str = LOCAL) -> StackOutputs:
    """Read outputs from the file that `perch up` writes.

    Raises:
        CommandFailedError: As `parse`.
    """
    return parse(path.read_text(encoding="utf-8"), stack=stack, source=str(path))


def read(stack: str, *, chosen: Path | None = None) -> StackOutputs:
    """Return a stack's outputs.

    Args:
        stack: Name of the stack, as in `stacks/Pulumi.<stack>.yaml`.
        chosen: State folder, when the stack lives on this machine in another than the usual place.

    Raises:
        CommandFailedError: The stack is not up, unknown, or cannot be read.
    """
    folder = state_folder(stack, chosen)
    file = folder / "outputs.json"
    try:
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if stack == LOCAL or chosen is not None:
            raise CommandFailedError(
                f"stack {stack} is not up (nothing in {folder}); "
                f"start it with {start(stack, folder)}"
            ) from None
        text = _from_pulumi(stack)
        return parse(text, stack=stack, source="`pulumi stack output`")
    except OSError as error:
        raise CommandFailedError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CommandFailedError(
            f"{file} is no text in UTF-8; {start(stack, folder)} writes it anew"
        ) from None
    return parse(text, stack=stack, source=str(file))


def _stacks() -> tuple[str, ...]:
    """Return the stacks that have a file in the checkout."""
    files = (project_root() / "stacks").glob("Pulumi.*.yaml")
    return tuple(sorted(file.name.split(".", 1)[1].removesuffix(".yaml") for file in files))


def _from_pulumi(stack: str) -> str:
    known = _stacks()
    program = shutil.which("pulumi")
    if program is None and known and stack not in known:
        raise ConfigurationError(
            f"there is no stack {stack} here{perhaps(stack, known)}; stacks: {', '.join(known)}"
        )
    if program is None:
        raise CommandFailedError(
            f"stack {stack} is read with the Pulumi CLI, and there is no `pulumi` on the PATH; "
            "install it (https://www.pulumi.com/docs/iac/download-install/) or use --stack local"
        )
    arguments = [program, "stack", "output", "--json", "--non-interactive", "--stack", stack]
    try:
        done = subprocess.run(
            arguments,
            cwd=project_root(),
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=PULUMI_SECONDS,
            check=False,
        )
    except OSError as error:
        raise CommandFailedError(f"{program} cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise CommandFailedError(
            f"`pulumi stack output` for stack {stack} gave no answer in {PULUMI_SECONDS:.0f} s"
        ) from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise CommandFailedError(
            f"the Pulumi CLI cannot read stack {stack}: {said[-1]}{perhaps(stack, known)}"
        )
    return done.stdout


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:  # noqa: ANN401 - any JSON value
    """Return JSON as (dotted name, text) rows; null is shown as a dash."""
    if isinstance(value, Mapping):
        return [
            row for key, inner in value.items() for row in flat(inner, f"{prefix}.{key}".strip("."))
        ]
    return [(prefix, "-" if value is None else str(value))]


@click.command("outputs")
@stack_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.argument("name", required=False)
def command(stack: str, state_dir: Path | None, as_json: bool, name: str | None) -> None:
    """Print the outputs of a stack, or the one called NAME (as in colours.blue.image)."""
    outputs = read(stack, chosen=state_dir).model_dump(mode="json")
    selected: Any = outputs
    for part in name.split(".") if name else ():
        if not isinstance(selected, dict) or part not in selected:
            raise ConfigurationError(
                f"stack {stack} has no output {name}; it has: "
                + ", ".join(row for row, _ in flat(outputs))
            )
        selected = selected[part]
    if as_json:
        click.echo(json.dumps(selected, indent=2))
    elif isinstance(selected, dict):
        rows = flat(selected)
        width = max(len(row) for row, _ in rows)
        for row, text in rows:
            click.echo(f"{row:<{width}}  {text}")
    else:
        click.echo("-" if selected is None else str(selected))
