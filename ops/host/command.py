"""`perch host`: what can be done on one machine of a stack."""

from __future__ import annotations

import functools
import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from ops import aws_clients
from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.console.options import colour_option, stack_options
from ops.console.paths import project_root, state_folder
from ops.host import bundle as bundles
from ops.host import here, machines, terminal, tunnel, words
from ops.host.connection import Connection, UnreachedError, connected
from ops.local.state import StateFolder
from ops.stack import StackOutputs, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ops.host.machines import Machine
    from ops.local.state import State

CONNECT_SECONDS: Final = 30.0
RUN_SECONDS: Final = 600.0
ASK_SECONDS: Final = 60.0
"""For each question of a diagnosis."""
MARGIN_SECONDS: Final = 15.0
"""Beyond the machine's own deadline for a command, for the word of it to come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which machine is meant, and the way there: options of every subcommand."""

    stack: str
    state_dir: Path | None
    colour: str | None
    machine: str | None
    via: str | None
    user: str

    def state(self) -> tuple[StateFolder, State | None]:
        """Return the state folder, and what runs of the stack on this machine; None for nothing."""
        folder = StateFolder(state_folder(self.stack, self.state_dir))
        return folder, folder.read()

    def is_local(self) -> bool:
        """Say whether the stack runs on this machine."""
        return self.state()[1] is not None

    def outputs(self) -> StackOutputs:
        """Return the stack's outputs."""
        return read(self.stack, chosen=self.state_dir)

    def found(self, outputs: StackOutputs) -> tuple[Machine, ...]:
        """Return the stack's machines."""
        api = aws_clients.in_aws("ec2", self.stack, outputs.region)
        return machines.find(api, outputs.environment)


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a subcommand the options of `Choice`, and the choice as its first argument."""

    @functools.wraps(command)
    def called(  # noqa: PLR0913 - click's keywords
        *,
        stack: str,
        state_dir: Path | None,
        colour: str | None,
        machine: str | None,
        via: str | None,
        user: str,
        **others: object,
    ) -> object:
        choice = Choice(
            stack=stack, state_dir=state_dir, colour=colour, machine=machine, via=via, user=user
        )
        return command(choice, **others)

    for option in reversed(
        [
            stack_options,
            colour_option,
            click.option("--machine", metavar="ID", help="EC2 id, where there are several."),
            click.option(
                "--via",
                type=click.Choice(tunnel.WAYS),
                help="Session Manager, or the Instance Connect endpoint  "
                "[default: the endpoint where the stack has one].",
            ),
            click.option(
                "--user",
                envvar="PERCH_HOST_USER",
                default="ubuntu",
                show_default=True,
                help="Login name there.",
            ),
        ]
    ):
        called = option(called)
    return called


@contextmanager
def reached(choice: Choice, outputs: StackOutputs, machine: Machine) -> Iterator[Connection]:
    """Connect to a machine while the block lasts, and say on standard error which one it is."""
    way = choice.via or ("ssm" if outputs.connect_endpoint_id is None else "connect")
    command = tunnel.proxy_command(
        way,
        region=outputs.region,
        machine=machine.identity,
        endpoint=outputs.connect_endpoint_id,
    )
    api = aws_clients.in_aws("ec2-instance-connect", choice.stack, outputs.region)

    def push(public_key: str) -> None:
        try:
            api.send_ssh_public_key(
                InstanceId=machine.identity, InstanceOSUser=choice.user, SSHPublicKey=public_key
            )
        except FAILURES as error:
            said = " ".join(str(error).split())
            raise UnreachedError(
                f"EC2 Instance Connect does not give machine {machine.identity} a key: {said}"
            ) from None

    click.echo(f"perch: {machine}", err=True)
    with (
        tunnel.opened(command) as way_there,
        connected(
            machine, way_there, user=choice.user, push=push, seconds=CONNECT_SECONDS
        ) as connection,
    ):
        yield connection


@contextmanager
def one_machine(choice: Choice) -> Iterator[tuple[Connection, Machine, StackOutputs]]:
    """Connect to the one machine that is meant."""
    outputs = choice.outputs()
    machine = machines.choose(
        choice.found(outputs), choice.stack, colour=choice.colour, identity=choice.machine
    )
    with reached(choice, outputs, machine) as connection:
        yield connection, machine, outputs


def run_line(connection: Connection, line: str, *, seconds: float) -> int:
    """Run a shell's line on a machine, hand its output on, and return its exit status.

    Args:
        connection: To the machine.
        line: What its shell reads.
        seconds: After which the machine itself ends it, with 124.

    Raises:
        UnreachedError: The connection broke.
    """
    return connection.run(
        words.limited(line, seconds),
        out=_to(sys.stdout),
        err=_to(sys.stderr),
        seconds=seconds + MARGIN_SECONDS,
    )


def _to(stream: Any) -> Callable[[bytes], None]:  # noqa: ANN401 - a standard stream
    """Return what writes bytes to a standard stream at once."""

    def write(chunk: bytes) -> None:
        stream.buffer.write(chunk)
        stream.buffer.flush()

    return write


@click.group("host")
def command() -> None:
    """Look at one GPU machine of a stack: by SSH, with a key that is made for each call.

    The machine is the only one of --colour, or --machine names it; `perch host list` has them all.
    Exit code 255: the machine was not reached, as of ssh.
    """


@command.command("list")
@choosing
def list_machines(choice: Choice) -> None:
    """List the machines of a stack, the oldest first."""
    if choice.is_local():
        click.echo(f"none: the processes of stack {choice.stack} run on this machine")
        return
    found = choice.found(choice.outputs())
    for machine in found:
        if choice.colour in {None, machine.colour} and choice.machine in {None, machine.identity}:
            key = "" if machine.host_key else ", no host key yet"
            click.echo(f"{machine}{key}")
    if not found:
        click.echo(f"none: stack {choice.stack} has no machine")


@command.command("run")
@choosing
@click.option(
    "--timeout",
    type=click.FloatRange(min=1, max=86_400),
    default=RUN_SECONDS,
    show_default=True,
    help="Seconds that the command may take; the machine itself ends it then.",
)
@click.argument("arguments", nargs=-1, required=True, metavar="-- COMMAND...")
def run(choice: Choice, timeout: float, arguments: tuple[str, ...]) -> None:
    """Run a command on a machine; its output comes as it is printed, and its exit code is ours.

    One argument is read by a shell there, quotes and all; several are a program and its arguments.
    It has no input. 124 says that it took longer than --timeout.
    """
    if choice.is_local():
        raise here.refuse(choice.stack, "run a command on")
    with one_machine(choice) as (connection, _, _):
        status = run_line(connection, words.of_arguments(arguments), seconds=timeout)
    sys.exit(status)


@command.command("logs")
@choosing
@click.option(
    "--source",
    type=click.Choice(list(words.LOG_FILES)),
    help="What the gateway, the recogniser or the host's own units print  "
    "[default: the journal of all units].",
)
@click.option(
    "--lines",
    type=click.IntRange(1, words.MAX_LINES),
    default=200,
    show_default=True,
    help="How many of the newest.",
)
@click.option("--follow", is_flag=True, help="Stay and print what is added, until Ctrl-C.")
def logs(choice: Choice, source: str | None, lines: int, follow: bool) -> None:
    """Print the log of a machine's units."""
    folder, state = choice.state()
    if state is not None:
        if follow:
            raise here.refuse(choice.stack, "follow the log of")
        for path in here.log_files(folder, choice.colour, source):
            click.echo(f"==> {path} <==")
            click.echo(here.tail(path, lines), nl=False)
        return
    with one_machine(choice) as (connection, _, _):
        status = connection.run(
            words.logs(source, lines, follow=follow),
            out=_to(sys.stdout),
            err=_to(sys.stderr),
            seconds=None if follow else ASK_SECONDS,
            # With a terminal it ends there when we hang up here.
            terminal=follow,
        )
    sys.exit(status)


@command.command("gpu")
@choosing
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a GPU.")
def gpu(choice: Choice, as_json: bool) -> None:
    """Print what the GPUs of the running machines do: of all, or of those that are chosen."""
    if choice.is_local():
        click.echo(here.NO_GPU.format(stack=choice.stack))
        return
    outputs = choice.outputs()
    chosen = [
        machine
        for machine in choice.found(outputs)
        if choice.colour in {None, machine.colour} and choice.machine in {None, machine.identity}
    ]
    if not chosen:
        # Says what there is instead.
        machines.choose(
            choice.found(outputs), choice.stack, colour=choice.colour, identity=choice.machine
        )
    for machine in chosen:
        with reached(choice, outputs, machine) as connection:
            done = connection.capture(
                words.GPU_QUERY, seconds=ASK_SECONDS, limit=bundles.PART_BYTES
            )
        said = done.out.decode("utf-8", "replace")
        if done.status:
            told = " ".join((said + done.err.decode("utf-8", "replace")).split())
            raise CommandFailedError(f"nvidia-smi of machine {machine.identity} fails: {told}")
        for row in words.gpu_rows(said):
            _show_gpu(machine, row, as_json=as_json)


def _show_gpu(machine: Machine, row: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"machine": machine.identity, "colour": machine.colour, **row}))
        return
    click.echo(f"{machine.identity} ({machine.colour or 'no colour'})")
    for column, value in row.items():
        click.echo(f"  {column:<40}{value}")


@command.command("shell")
@choosing
def shell(choice: Choice) -> None:
    """Open a shell on a machine, in this terminal; `exit` leaves it."""
    if choice.is_local():
        raise here.refuse(choice.stack, "open a shell on")
    terminal.need_terminal()
    with one_machine(choice) as (connection, _, _):
        status = terminal.talk(connection)
    sys.exit(status)


@command.command("bundle")
@choosing
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write  [default: .perch/bundles/STACK-MACHINE-TIME.tar.gz].",
)
def bundle(choice: Choice, output: Path | None) -> None:
    """Gather a diagnosis into one tar.gz: driver, GPU, containers, units, disk, last errors.

    What looks like a secret is masked in it; read it all the same before you send it to anybody.
    """
    now = datetime.now(UTC)
    folder, state = choice.state()
    if state is not None:
        path = output or _usual(choice.stack, "here", now)
        about = {"stack": choice.stack, "machine": "this one"}
        size = bundles.write(path, here.parts(folder, state), about=about, now=now)
    else:
        with one_machine(choice) as (connection, machine, outputs):
            path = output or _usual(choice.stack, machine.identity, now)
            about = {
                "stack": outputs.environment,
                "machine": machine.identity,
                "colour": machine.colour,
                "launched": machine.launched.isoformat(),
            }
            size = bundles.write(path, _answers(connection), about=about, now=now)
    click.echo(f"{path}: {size} bytes")


def _usual(stack: str, machine: str, now: datetime) -> Path:
    """Return a file that git ignores, in a folder of its own: what it has is not for a commit."""
    folder = project_root() / ".perch" / "bundles"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandFailedError(f"{folder} cannot be made: {error.strerror}") from None
    return folder / f"{stack.replace('/', '-')}-{machine}-{now:%Y%m%dT%H%M%SZ}.tar.gz"


def _answers(connection: Connection) -> Iterator[bundles.Part]:
    """Yield the answer to each question of the diagnosis."""
    for question in words.DIAGNOSIS:
        click.echo(f"perch: {question.name}", err=True)
        done = connection.capture(
            words.limited(question.command, ASK_SECONDS),
            seconds=ASK_SECONDS + MARGIN_SECONDS,
            limit=bundles.PART_BYTES,
        )
        text = done.out.decode("utf-8", "replace")
        if done.err:
            text += "\n-- standard error --\n" + done.err.decode("utf-8", "replace")
        yield bundles.Part(
            name=f"{question.name}.txt",
            text=text,
            about={"command": question.command, "status": done.status, "cut": done.cut},
        )
