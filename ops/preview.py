"""The command `perch preview`: what a change would do, without credentials."""

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ops.console.errors import ConfigurationError
from ops.console.options import LOCAL
from ops.console.paths import project_root
from ops.cost.quota import QuotaUse, quota_uses
from ops.offline.diff.compare import compare
from ops.offline.diff.digest import digest
from ops.offline.diff.model import Comparison, Op
from ops.offline.diff.money import monthly_cost
from ops.offline.diff.rendering import markdown, text
from ops.offline.errors import OfflineError
from ops.offline.revisions.checkouts import checkouts, chosen, recordings
from ops.offline.revisions.policies import ChangeCheck

GATES = ("replace", "delete", "alarm", "change", "policy")
"""What `--fail-on` can be given."""


def preview(
    root: Path, stacks: Sequence[str], base: str | None, head: str | None
) -> list[Comparison]:
    """Compare stacks at two states of a repository, judge them and price them.

    Args:
        root: folder of Pulumi.yaml inside a git repository.
        stacks: names; none means all.
        base: revision to compare with; None for the working tree.
        head: revision to show; None for the working tree.

    Raises:
        OfflineError: a revision or stack is unknown, or a program or its policies failed.
    """
    with ExitStack() as opened:
        before, after = opened.enter_context(checkouts(((root, base), (root, head))))
        wanted = chosen((before, after), stacks)
        # The checks start, and read their modules, while the program runs.
        judges = {
            stack: opened.enter_context(ChangeCheck(stack, before, after)) for stack in wanted
        }
        found = recordings((before, after), wanted)
        with ThreadPoolExecutor(max(1, len(wanted))) as pool:
            reports = {stack: pool.submit(judges[stack].report, *found[stack]) for stack in wanted}
            comparisons = [
                compare(*found[stack], stack=stack, names=(before.name, after.name))
                for stack in wanted
            ]
            return [
                replace(
                    comparison,
                    policies=reports[comparison.stack].result(),
                    # The local stack runs on this machine, and nobody bills for it.
                    cost=None
                    if comparison.stack == LOCAL
                    else monthly_cost(*found[comparison.stack]),
                    quotas=None if comparison.stack == LOCAL else _quotas(*found[comparison.stack]),
                )
                for comparison in comparisons
            ]


def _quotas(
    base: Mapping[str, Any], head: Mapping[str, Any]
) -> tuple[tuple[QuotaUse, ...], tuple[QuotaUse, ...]]:
    return quota_uses(base["resources"]), quota_uses(head["resources"])


def stops(comparison: Comparison, gates: Sequence[str]) -> list[str]:
    """Return which of the gates a comparison does not pass."""
    report = comparison.policies
    closed = {
        "replace": comparison.count(Op.REPLACE) > 0,
        "delete": comparison.count(Op.DELETE) + comparison.count(Op.DISCARD) > 0,
        "alarm": bool(comparison.alarms),
        "change": bool(comparison.changes or comparison.outputs),
        # What could not be judged has not passed.
        "policy": report is not None and (bool(report.new) or not report.judged),
    }
    return [gate for gate in gates if closed[gate]]


@click.command(
    epilog="It runs the program with stand-ins for what only AWS knows; `pulumi preview` with"
    " credentials also sees what was changed by hand."
)
@click.option("--stack", "stacks", multiple=True, help="Stack to show; again for more  [all].")
@click.option(
    "--base",
    default="HEAD",
    show_default=True,
    help="Git revision to compare with.",
)
@click.option("--head", help="Git revision to show  [default: the working tree].")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="json has the shape of `pulumi preview --json`: one digest a stack, a list for several.",
)
@click.option(
    "--fail-on",
    "gates",
    type=click.Choice(GATES),
    multiple=True,
    help="Exit 1 when a resource would be replaced, or deleted, or an alarm is raised, or anything"
    " changes, or a policy has a finding that the base does not have.",
)
def command(
    stacks: tuple[str, ...], base: str, head: str | None, form: str, gates: tuple[str, ...]
) -> None:
    """Show what a change would create, update, replace or delete.

    Needs no credentials, no network and no Pulumi CLI. New findings of the policies, replacements,
    deletions and the loss of a protection come first; what it costs a month, and takes of EC2's
    quotas, comes last. Secrets are masked.
    """
    begun = time.monotonic()
    try:
        comparisons = preview(project_root(), stacks, base, head)
    except OfflineError as error:
        raise ConfigurationError(str(error)) from None
    seconds = time.monotonic() - begun
    if form == "json":
        digests = [digest(comparison, seconds=seconds) for comparison in comparisons]
        shown = digests[0] if len(digests) == 1 else digests
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        render = markdown if form == "markdown" else text
        click.echo("\n".join(render(comparison) for comparison in comparisons), nl=False)
    refused = [
        f"{comparison.stack}: {', '.join(closed)}"
        for comparison in comparisons
        if (closed := stops(comparison, gates))
    ]
    if refused:
        click.echo(f"perch: stopped by --fail-on ({'; '.join(refused)})", err=True)
        raise SystemExit(1)
