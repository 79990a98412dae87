"""`perch allow`: which address ranges may reach a stack, through its file and in no other way."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Final

import click

from ops.console.errors import ConfigurationError
from ops.console.options import stack_option
from ops.console.paths import project_root
from ops.offline.diff.compare import compare
from ops.offline.diff.rendering import text as shown
from ops.offline.engine.project import StackProject, load_project
from ops.offline.errors import OfflineError
from ops.offline.recorder import record
from ops.stack_file import with_item, without_item, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.offline.engine.recording import Recording

SECTION: Final = "access"
KEY: Final = "allowed_cidrs"


def ranges(project: StackProject) -> list[str]:
    """Return the ranges of a stack's file.

    Raises:
        ConfigurationError: They are not there.
    """
    try:
        keys = json.loads(project.config.get(f"{project.name}:{SECTION}", "{}"))
        found = keys[KEY]
    except (ValueError, KeyError, TypeError):
        found = None
    if not isinstance(found, list):
        raise ConfigurationError(f"stack {project.stack} has no list {SECTION}.{KEY} in its file")
    return [str(one) for one in found]


def _project(stack: str) -> StackProject:
    try:
        return load_project(stack, root=project_root())
    except OfflineError as error:
        raise ConfigurationError(str(error)) from None


def _recorded(project: StackProject, wanted: list[str] | None = None) -> Recording:
    """Run the stack's program, with other ranges where some are given: it knows every rule."""
    over = None if wanted is None else {SECTION: {KEY: wanted}}
    try:
        return record(project.stack, root=project.root, overrides=over)
    except OfflineError as error:
        raise ConfigurationError(" ".join(str(error).split())) from None


def _change(
    project: StackProject, wanted: list[str], edit: Callable[[str, tuple[str, ...]], str]
) -> None:
    """Write a changed list into the stack's file once the program takes it, and show what it does.

    Raises:
        ConfigurationError: The program refuses the ranges, or the file cannot be changed; it is
            then as before.
    """
    after = _recorded(project, wanted)
    before = _recorded(project)
    path = project.stack_file
    where = path.relative_to(project.root)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        changed = edit(text, ("config", f"{project.name}:{SECTION}", KEY))
        write(path, changed)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{where}: {error}") from None
    for line in difflib.unified_diff(
        text.splitlines(), changed.splitlines(), f"a/{where}", f"b/{where}", lineterm="", n=1
    ):
        click.echo(line)
    click.echo("")
    comparison = compare(
        before.as_document(),
        after.as_document(),
        stack=project.stack,
        names=("the file before", "the file now"),
    )
    click.echo(shown(comparison), nl=False)
    click.echo(f"\nnothing is applied: `pulumi up --stack {project.stack}` does")


@click.group("allow")
def command() -> None:
    """Show or change which address ranges may reach a stack, in its file."""


@command.command("list")
@stack_option
def list_ranges(stack: str) -> None:
    """Print the ranges, a line each."""
    for one in ranges(_project(stack)):
        click.echo(one)


@command.command("add")
@stack_option
@click.argument("cidr")
def add(stack: str, cidr: str) -> None:
    """Let the range CIDR in: write it into the stack's file, and show what `pulumi up` would do."""
    project = _project(stack)
    have = ranges(project)
    if cidr in have:
        click.echo(f"{cidr} may reach stack {stack} already")
        return
    _change(project, [*have, cidr], lambda text, path: with_item(text, path, cidr))


@command.command("remove")
@stack_option
@click.argument("cidr")
def remove(stack: str, cidr: str) -> None:
    """Keep the range CIDR out again, in the same way."""
    project = _project(stack)
    have = ranges(project)
    if cidr not in have:
        raise ConfigurationError(f"{cidr!a} is not allowed; allowed: {', '.join(have)}")
    rest = [one for one in have if one != cidr]
    _change(project, rest, lambda text, path: without_item(text, path, cidr))
