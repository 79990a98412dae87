"""Writes a recommended maximum into a stack's file, as a person would, and shows the difference."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from ops.console.errors import ConfigurationError
from ops.console.paths import project_root
from ops.offline.engine.project import load_project
from ops.offline.errors import OfflineError
from ops.offline.recorder import record
from ops.stack_file import with_value, write

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADROOM: Final = 0.8
"""Part of the maximum that a machine is meant to carry: new machines take minutes to start, and
sessions must find room until then (ADR 1221)."""


def values(recommended: int, *, machines: int, instances: int) -> Mapping[tuple[str, str], int]:
    """Return what a run says of a stack's configuration, by section and key.

    Args:
        recommended: Sessions at a time over all machines that carried them.
        machines: How many those were.
        instances: Recognisers of each.
    """
    gateway = recommended // machines
    return {
        ("gateway", "riva_streams"): gateway // instances,
        ("gateway", "max_sessions"): gateway,
        ("scaling", "streams_per_machine"): max(1, int(HEADROOM * gateway)),
    }


def written(stack: str, wanted: Mapping[tuple[str, str], int]) -> list[str]:
    """Write values into the stack's file once its program takes them; return the difference.

    Args:
        stack: Its name.
        wanted: By section and key.

    Raises:
        ConfigurationError: The program refuses them, or the file cannot be changed; it is then as
            before.
    """
    over: dict[str, dict[str, int]] = {}
    for (section, key), value in wanted.items():
        over.setdefault(section, {})[key] = value
    try:
        project = load_project(stack, root=project_root())
        record(stack, root=project.root, overrides=over)
    except OfflineError as error:
        raise ConfigurationError(" ".join(str(error).split())) from None
    where = project.stack_file.relative_to(project.root)
    try:
        with project.stack_file.open(encoding="utf-8", newline="") as file:
            text = file.read()
        changed = text
        for (section, key), value in wanted.items():
            changed = with_value(changed, ("config", f"{project.name}:{section}", key), str(value))
        write(project.stack_file, changed)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{where}: {error}") from None
    return list(
        difflib.unified_diff(
            text.splitlines(), changed.splitlines(), f"a/{where}", f"b/{where}", lineterm="", n=1
        )
    )
