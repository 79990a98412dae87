"""`perch up`: the whole product on this machine, from the Pulumi program to recognised speech."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ops.console.errors import INTERRUPTED, CommandFailedError, ConfigurationError
from ops.console.options import stack_options
from ops.console.paths import project_root, state_folder
from ops.local import certificates
from ops.local.down import stop_leftovers
from ops.local.local_stack import LocalStack, UpOptions, refuse_taken
from ops.local.plan import (
    PORTS_IN_A_ROW,
    Choices,
    Config,
    configured_ports,
    has_fallback,
)
from ops.local.report import Reporter
from ops.local.state import StateFolder
from ops.local.supervisor.supervisor import Supervisor
from ops.observe import prometheus
from ops.offline.engine.project import StackProject, load_project
from ops.offline.errors import OfflineError
from ops.smoke import recording


def read_project(stack: str, *, root: Path, overrides: Config) -> StackProject:
    """Read a stack's configuration.

    Raises:
        ConfigurationError: There is no such stack, or its file cannot be read.
    """
    try:
        return load_project(stack, root=root, overrides=overrides)
    except OfflineError as error:
        raise ConfigurationError(str(error)) from None


def refuse_without_cli(root: Path) -> None:
    """Refuse to go through Pulumi's engine where its CLI is not to be had.

    Raises:
        ConfigurationError: There is none, or it cannot be used.
    """
    # Pulumi's SDK takes a second to load, which only this choice is worth.
    from ops.offline.pulumi_cli import binary  # noqa: PLC0415 - see above

    try:
        found = binary.find(root / ".tools")
    except OfflineError as error:
        raise ConfigurationError(f"--engine: {error}") from None
    if found is None:
        raise ConfigurationError(
            "--engine: no `pulumi` on PATH or built in .tools; `make engine` builds one, or install"
            " it (https://www.pulumi.com/docs/install/)"
        )


@contextmanager
def _signals(task: asyncio.Task[None], supervisor: Supervisor) -> Iterator[None]:
    """Let the first signal cancel ``task``, and any further one kill what still runs."""
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if task.cancelling() or task.done():
            supervisor.kill_all()
        else:
            task.cancel()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def bring_up(options: UpOptions, reporter: Reporter) -> bool:
    """Keep a stack up until a signal; everything is stopped when this returns or raises.

    Returns whether it had come up before the signal.
    """
    environment = LocalStack(options, reporter)
    task = asyncio.create_task(environment.run(), name="environment")
    with _signals(task, environment.supervisor):
        await asyncio.wait((task,))
        try:
            reporter.say("")
            with reporter.step("stopping everything"):
                await environment.close()
        except CommandFailedError:
            # Nobody reads any more; what runs is stopped all the same.
            await environment.close()
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
    return environment.is_up


@click.command("up")
@stack_options
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    envvar="PERCH_PORT",
    help="Port of the endpoint  [default: the stack's].",
)
@click.option(
    "--ports-from",
    type=click.IntRange(1024, 65535 - PORTS_IN_A_ROW),
    envvar="PERCH_PORTS_FROM",
    help=f"Use the {PORTS_IN_A_ROW} ports from here on, and none of the stack's.",
)
@click.option(
    "--certificate",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="PERCH_CERTIFICATE",
    help="Certificate chain for localhost (PEM)  [default: one of an authority made here].",
)
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="PERCH_KEY",
    help="Its private key (PEM).",
)
@click.option(
    "--recording",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="PERCH_RECORDING",
    help="Recording for the smoke test  [default: one that comes with the repository].",
)
@click.option(
    "--engine",
    is_flag=True,
    envvar="PERCH_ENGINE",
    help="Apply the stack through Pulumi's own engine; `make engine` builds its CLI.",
)
@click.option(
    "--observe",
    is_flag=True,
    envvar="PERCH_OBSERVE",
    help="Start Debian's Prometheus beside it, with the objectives' rules and alerts.",
)
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False, path_type=Path, resolve_path=True),
    envvar="PERCH_SCRIPT",
    help="Let recognisers say what this file says, whatever they hear, as in bench/words.json.",
)
@click.option(
    "--faults",
    is_flag=True,
    envvar="PERCH_FAULTS",
    help="Let the recognisers take scripts of faults at /admin/script of their HTTP ports.",
)
def command(  # noqa: PLR0913 - one parameter an option
    *,
    stack: str,
    state_dir: Path | None,
    port: int | None,
    ports_from: int | None,
    certificate: Path | None,
    key: Path | None,
    path: Path | None,
    engine: bool,
    observe: bool,
    script: Path | None,
    faults: bool,
) -> None:
    """Start the whole product on this machine, and keep it up until Ctrl-C.

    The stack's Pulumi program is run against an AWS API in this machine's memory. From its outputs
    an emulator and a gateway are started for each colour, and before them a TLS listener that obeys
    that API's load balancer. Nothing leaves this machine.

    Exit code 0 after Ctrl-C, 130 when that came before everything was up, 1 when something failed,
    2 when nothing was started.
    """
    if (certificate is None) != (key is None):
        raise ConfigurationError("--certificate and --key are given together or not at all")
    root = project_root()
    if engine:
        refuse_without_cli(root)
    observer = prometheus.find() if observe else None
    project = read_project(stack, root=root, overrides={})
    recorded = recording.find(path)
    folder = StateFolder(state_folder(stack, state_dir))
    folder.prepare()
    with folder.owned():
        if certificate is not None and key is not None:
            identity = certificates.given(certificate, key)
        else:
            identity = certificates.own(folder.path)
        choices = Choices(
            listener_port=port, ports_from=ports_from, has_fallback=has_fallback(project)
        )
        overrides = choices.overrides(identity.authority)
        options = UpOptions(
            project=read_project(stack, root=root, overrides=overrides),
            overrides=overrides,
            aws_port=choices.aws_port,
            folder=folder,
            identity=identity,
            recorded=recorded,
            engine=engine,
            observer=observer,
            observer_port=choices.prometheus_port,
            script=script,
            faults=faults,
        )
        reporter = Reporter()
        if stopped := stop_leftovers(folder):
            reporter.say(f"perch: stopped what a crash had left behind: {', '.join(stopped)}")
        wanted = {"the AWS API": options.aws_port, **configured_ports(options.project)}
        refuse_taken(wanted | ({"Prometheus": options.observer_port} if observer else {}))
        if not asyncio.run(bring_up(options, reporter)):
            sys.exit(INTERRUPTED)
