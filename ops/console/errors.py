"""How a command of perch fails: one sentence on standard error and a documented exit code."""

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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


def one_line(error: Exception) -> str:
    """Return what an error says as part of a sentence, whatever lines it was printed in."""
    return " ".join(str(error).split())


TRACEBACK_VARIABLE = "PERCH_TRACEBACK"
"""Set to anything: whoever looks for a fault is shown all of it."""


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the process with a sentence where the block ends with what nobody foresaw.

    What the operating system refuses is the environment's affair, and is told as such. Anything
    else is a fault of perch, and is told as that, with the place.
    """
    try:
        yield
    except SystemExit:
        _flush()
        raise
    except Exception as error:  # noqa: BLE001 - here is the end; a traceback tells a person nothing
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exc()
        if not _is_broken_pipe(error):
            click.echo(f"perch: {_in_words(error)}", err=True)
        _flush()
        sys.exit(FAILED)


def _is_broken_pipe(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(_CHECKOUT)]
    last = (own or frames)[-1]
    return (
        f"a fault of perch itself: {type(error).__name__}: {one_line(error)} "
        f"({Path(last.filename).name}, line {last.lineno}); "
        f"{TRACEBACK_VARIABLE}=1 shows all of it, for a report"
    )


_CHECKOUT = Path(__file__).resolve().parents[2]


def _flush() -> None:
    """Write what is left, so that the interpreter has nothing to complain about at its end."""
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except OSError as error:
            # Else the same is tried again at the end, and its failure printed.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
            if descriptor == 1 and not _is_broken_pipe(error):
                click.echo(f"perch: standard output: {error.strerror}", err=True)
                sys.exit(FAILED)
