"""What a person is told to type next: commands that reach the stack in question and no other."""

import difflib
import os
import shlex
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ops.console.errors import ConfigurationError
from ops.console.options import LOCAL
from ops.console.paths import usual_state_folder


def own_name() -> str:
    """Return how a person types this command here: its bare name where their shell finds it.

    Else its path: from the working folder where that is above it, from the root where it is not.
    """
    found = shutil.which("perch")
    called = Path(sys.argv[0])
    if called.name != "perch":
        return "perch"
    try:
        if found is not None and Path(found).samefile(called):
            return "perch"
        near = os.path.relpath(called)
        return shlex.quote(str(called.absolute()) if near.startswith("..") else near)
    except OSError:
        # The working folder was deleted, or the installation moved.
        return shlex.quote(str(called))


def stack_options(stack: str, folder: Path) -> str:
    """Return the options by which a command finds a stack, with a space before; maybe empty.

    Args:
        stack: Its name.
        folder: Where its state is kept.
    """
    named = "" if stack == LOCAL else f" --stack {shlex.quote(stack)}"
    with suppress(ConfigurationError):
        if folder == usual_state_folder(stack):
            return named
    return f"{named} --state-dir {shlex.quote(str(folder))}"


def command(words: str, stack: str, folder: Path) -> str:
    """Return a command in backticks, as `perch down --state-dir X`.

    Args:
        words: Subcommand and arguments.
        stack: Which stack it is for.
        folder: Where its state is kept.
    """
    return f"`{own_name()} {words}{stack_options(stack, folder)}`"


def start(stack: str, folder: Path) -> str:
    """Return the command that starts a stack on this machine, in backticks."""
    return command("up", stack, folder) if stack_options(stack, folder) else "`make up`"


def certificate(*, unknown_authority: bool) -> str:
    """Return what to do about a certificate that is not believed.

    Args:
        unknown_authority: Whether nobody who is believed signed it.
    """
    if unknown_authority:
        return "name the PEM file of its authority with --ca"
    return "ask by a name that it carries, and see that it is valid today"


def perhaps(word: str, known: Iterable[str]) -> str:
    """Return `; perhaps X is meant` for a word that is nearly a known one, else nothing."""
    near = difflib.get_close_matches(word, tuple(known), n=1)
    return f"; perhaps {near[0]} is meant" if near and near[0] != word else ""
