"""A run that creates nothing."""

from collections.abc import Mapping
from pathlib import Path

from ops.offline.engine.program import run_program
from ops.offline.engine.project import load_project
from ops.offline.engine.recording import Recording
from ops.offline.placeholders import PlaceholderProvider

_REGION = "us-east-1"
"""The provider's own default when a stack names no region."""


def record(
    stack: str,
    *,
    preview: bool = False,
    overrides: Mapping[str, object] | None = None,
    root: Path | None = None,
) -> Recording:
    """Run a stack's program and record what it registers.

    Args:
        stack: the stack's name.
        preview: leave what a cloud would answer unknown, as `pulumi preview` does, instead of
            placeholders.
        overrides: configuration laid over the stack's file; see
            `ops.offline.engine.project.load_project`.
        root: folder of Pulumi.yaml; this checkout unless given.

    Raises:
        OfflineError: the project cannot be read, or the program failed.
    """
    project = load_project(stack, root=root, overrides=overrides)
    region = project.config.get("aws:region", _REGION)
    return run_program(
        project, PlaceholderProvider(region=region, preview=preview), preview=preview
    )
