"""What `perch up` says: steps with their durations, and a table of what runs where.

On a terminal a step shows what it waits for; elsewhere it is a line when it begins and one when it
is done.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from ops.console.errors import CommandFailedError
from ops.local.supervisor.records import ProcessRecord

PLAIN_COLUMNS = 160
"""Width where there is no terminal: paths in a log must not be broken."""


class Step:
    """One step that is under way.

    Args:
        name: What is done.
        status: The line on the terminal; None where there is none.
    """

    def __init__(self, name: str, status: Status | None) -> None:
        self._name = name
        self._status = status
        self.detail = ""
        """Said with the step's end."""

    def waiting(self, lacks: Mapping[str, str]) -> None:
        """Show what is still lacking, by who lacks it."""
        if self._status is not None and lacks:
            who = "; ".join(f"{name} {lack}" for name, lack in lacks.items())
            self._status.update(f"{escape(self._name)} [dim]({escape(who)})[/dim]")


class Reporter:
    """Speaks to the person.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._is_gone = False
        if not self.console.is_terminal:
            self.console.width = PLAIN_COLUMNS

    def say(self, line: str) -> None:
        """Print a line as it is.

        Raises:
            CommandFailedError: Nobody reads what is printed; said once, then nothing is printed.
        """
        self._print(line, markup=False)

    def _print(self, *objects: RenderableType, markup: bool = True) -> None:
        if self._is_gone:
            return
        try:
            self.console.print(*objects, soft_wrap=True, markup=markup)
        except (OSError, SystemExit) as error:
            # rich ends the process at a broken pipe, here in the middle of what must be stopped.
            self._is_gone = True
            reason = getattr(error, "strerror", None) or "nobody reads it"
            raise CommandFailedError(f"standard output cannot be written to: {reason}") from None

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Announce a step for the length of the block, and how long it took when it succeeded."""
        begun = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(escape(name)) as status:
                step = Step(name, status)
                yield step
        else:
            self.say(f"...   {name}")
            step = Step(name, None)
            yield step
        taken = f"{time.monotonic() - begun:.1f} s"
        detail = f": {escape(step.detail)}" if step.detail else ""
        self._print(f"[green]done[/green]  {escape(name)} [dim]({taken})[/dim]{detail}")

    def table(self, children: Sequence[ProcessRecord], supervisor: ProcessRecord) -> None:
        """Print what runs where."""
        table = Table("what", "address", "process", "log", box=None, pad_edge=False)
        for child in (*children, supervisor):
            table.add_row(
                child.name,
                escape(child.address or "-"),
                str(child.pid),
                escape(str(child.log or "-")),
            )
        self._print()
        self._print(table)
        self._print()
