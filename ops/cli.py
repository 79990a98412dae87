"""The command perch: one name for everything people and CI run against a stack.

Subcommands are imported when they are called. The gateway's image installs neither boto3 nor Pulumi
nor the emulator, and ``perch gateway`` and ``perch --help`` work there all the same.

Exit codes: 0 done, 1 what was tried failed, 2 wrong usage or configuration, 130 interrupted.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from app import standard_streams
from ops.console.errors import INTERRUPTED, ConfigurationError, plain_errors
from ops.loopback import no_proxy_variables

OWN_PACKAGES = ("app", "infra", "ops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcommand:
    """Where a subcommand lives and what it needs, known without importing it.

    Args:
        help: One line for ``perch --help``.
        target: ``module:attribute`` of a click command; None when ``program`` is given.
        program: Module to run in place of this process, as ``python -m`` does.
        extra: The extra of the distribution that carries what the command imports.
        needs: Modules out of that extra whose absence means that it was not installed.
    """

    help: str
    target: str | None = None
    program: str | None = None
    extra: str | None = None
    needs: tuple[str, ...] = ()


SUBCOMMANDS: Mapping[str, Subcommand] = {
    "up": Subcommand(
        help="Start the whole product on this machine; Ctrl-C stops it.",
        target="ops.local.up:command",
        extra="local",
        needs=("boto3", "faster_whisper", "moto", "psutil", "pulumi_aws", "rich", "trustme"),
    ),
    "down": Subcommand(
        help="Stop what `perch up` started, also after a crash.",
        target="ops.local.down:command",
        extra="local",
        needs=("psutil",),
    ),
    "outputs": Subcommand(
        help="Print the outputs of a stack.",
        target="ops.stack:command",
    ),
    "status": Subcommand(
        help="Show how a stack is: colours, machines, alarms, sessions, cost so far.",
        target="ops.status.command:command",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "smoke": Subcommand(
        help="Check that a stack works, from its name to a recognised recording.",
        target="ops.smoke.command:command",
        extra="ops",
        needs=("jiwer", "rich", "whisper_normalizer"),
    ),
    "transcribe": Subcommand(
        help="Send a recording to a stack and print what it heard.",
        target="ops.transcribe.command:command",
    ),
    "batch": Subcommand(
        help="Transcribe recordings in bulk: a folder or s3://BUCKET/PREFIX into another.",
        target="ops.batch.command:command",
        extra="ops",
        needs=("boto3", "rich"),
    ),
    "doctor": Subcommand(
        help="Say what is wrong with this machine or a stack, and what to do.",
        target="ops.doctor.command:command",
        extra="infra,ops",
        needs=("boto3", "psutil", "pulumi", "yaml"),
    ),
    "logs": Subcommand(
        help="Print what gateways, recognisers and machines have written; --follow goes on.",
        target="ops.logs.command:command",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "start": Subcommand(
        help="Start a colour's machines.",
        target="ops.scale:start",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "stop": Subcommand(
        help="Stop a colour's machines, unless it is the one in service.",
        target="ops.scale:stop",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "scale": Subcommand(
        help="Set how many machines a colour has.",
        target="ops.scale:scale",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "recognition": Subcommand(
        help="Show or turn the switch of recognition: on, off, fallback.",
        target="ops.recognition:command",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "canary": Subcommand(
        help="Move sessions to the idle colour step by step, and back if it is not as good.",
        target="ops.rollout.canary:command",
        extra="ops",
        needs=("boto3", "jiwer", "psutil", "rich", "whisper_normalizer"),
    ),
    "rollback": Subcommand(
        help="Send every new session back to the colour in service before the latest release.",
        target="ops.rollout.rollback_command:command",
        extra="ops",
        needs=("boto3", "psutil", "yaml"),
    ),
    "ami": Subcommand(
        help="Show each colour's machine image and whether there is a newer one, or pin it.",
        target="ops.ami:command",
        extra="infra,ops",
        needs=("boto3", "psutil", "pulumi", "yaml"),
    ),
    "cache": Subcommand(
        help="Show or remove the models that machines have built and kept.",
        target="ops.cache:command",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "allow": Subcommand(
        help="Show or change which address ranges may reach a stack, in its file.",
        target="ops.allow:command",
        extra="infra,ops",
        needs=("pulumi", "pulumi_aws", "yaml"),
    ),
    "rotate": Subcommand(
        help="Replace the machines of a stack one by one, so that they read their secrets anew.",
        target="ops.rotate:command",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "certs": Subcommand(
        help="Make, replace and show a stack's own authority and its gateways' certificate.",
        target="ops.secrets.certs:command",
        extra="ops",
        needs=("boto3", "cryptography", "psutil"),
    ),
    "secrets": Subcommand(
        help="Give a secret another value, or rotate keys, while gateways serve.",
        target="ops.secrets.command:command",
        extra="ops",
        needs=("boto3", "cryptography", "psutil"),
    ),
    "token": Subcommand(
        help="Make, list, revoke and rotate API keys; revoke tokens of the issuer.",
        target="ops.token.command:command",
        extra="ops",
        needs=("boto3", "psutil"),
    ),
    "host": Subcommand(
        help="Look at a machine: run, logs, gpu, shell, bundle.",
        target="ops.host.command:command",
        extra="ops",
        needs=("boto3", "cryptography", "paramiko", "psutil"),
    ),
    "images": Subcommand(
        help="Show which gateway images a stack asks for, and accept scanned ones.",
        target="ops.images:command",
        extra="infra,ops",
        needs=("boto3", "pulumi", "pulumi_aws", "yaml"),
    ),
    "preview": Subcommand(
        help="Show what a change would create, update, replace or delete, without credentials.",
        target="ops.preview:command",
        extra="infra,ops",
        needs=("pulumi", "pulumi_aws", "yaml"),
    ),
    "qa": Subcommand(
        help="Measure word error rates and latencies over a set of recordings.",
        target="ops.qa:command",
        extra="ops",
        needs=("jiwer", "psutil", "rich", "whisper_normalizer"),
    ),
    "load": Subcommand(
        help="Find out how many real-time sessions a stack carries, and what an hour of one costs.",
        target="ops.load.command:command",
        extra="infra,ops",
        needs=("boto3", "jiwer", "psutil", "pulumi", "whisper_normalizer", "yaml"),
    ),
    "dashboards": Subcommand(
        help="Draw the dashboards from a Prometheus, where there is no Grafana.",
        target="ops.dashboards.command:command",
        extra="ops",
        needs=("psutil",),
    ),
    "report": Subcommand(
        help="Show a run of `perch load` or `perch qa` beside an earlier one.",
        target="ops.report:command",
        extra="ops",
        needs=("jiwer", "psutil", "rich", "whisper_normalizer"),
    ),
    "gateway": Subcommand(
        help="Run the gateway alone, configured by environment and .env.",
        program="app.gateway",
    ),
    "emulator": Subcommand(
        help="Run the Riva-compatible server that recognises speech on a CPU.",
        program="app.emulator",
        extra="emulator",
        needs=("ctranslate2", "faster_whisper", "onnxruntime"),
    ),
}


def _missing(modules: tuple[str, ...]) -> list[str]:
    """Return those top-level modules that cannot be imported here, without importing them."""
    return [name for name in modules if importlib.util.find_spec(name) is None]


def _extra_wanted(name: str, extra: str, missing: str) -> ConfigurationError:
    return ConfigurationError(
        f"`perch {name}` needs {missing}, which this installation lacks; "
        f"install the extra: pip install 'perch[{extra}]'"
    )


def _hand_over(name: str, program: str) -> click.Command:
    """Return a command that becomes ``python -m program`` with every argument passed on unread."""

    def run(arguments: tuple[str, ...]) -> None:
        # -P: a folder called `app` where the person stands must not be taken for ours.
        os.execv(sys.executable, [sys.executable, "-P", "-m", program, *arguments])  # noqa: S606 - no shell wanted

    return click.Command(
        name,
        callback=run,
        params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED)],
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
    )


def load(name: str, subcommand: Subcommand) -> click.Command:
    """Import one subcommand.

    Args:
        name: The name it was called by.
        subcommand: Where it lives.

    Raises:
        ConfigurationError: A package of its extra is not installed; names the extra.
        TypeError: The table above names something that is not a click command.
    """
    if missing := _missing(subcommand.needs):
        raise _extra_wanted(name, str(subcommand.extra), ", ".join(missing))
    if subcommand.program is not None:
        return _hand_over(name, subcommand.program)
    module, _, attribute = str(subcommand.target).partition(":")
    try:
        command = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        absent = str(error.name)
        if subcommand.extra is None or absent.partition(".")[0] in OWN_PACKAGES:
            raise
        raise _extra_wanted(name, subcommand.extra, absent) from error
    if not isinstance(command, click.Command):
        raise TypeError(f"{subcommand.target} is {type(command).__name__}, not a click command")
    return command


class LazyGroup(click.Group):
    """A click group that knows its subcommands by name and line, and imports the called one."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - click's
        """Run, and tell whatever happens in a sentence."""
        standard_streams.prepare()
        with plain_errors():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's
        """Run the subcommand; Ctrl-C ends it with the code that shells have for it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("perch: interrupted", err=True)
            sys.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer meets them."""
        del ctx
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command called ``cmd_name``; None when there is none."""
        del ctx
        subcommand = SUBCOMMANDS.get(cmd_name)
        return None if subcommand is None else load(cmd_name, subcommand)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in SUBCOMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.",
)
@click.version_option(package_name="perch")
def main() -> None:
    """NVIDIA Parakeet streaming speech recognition on AWS, and everything that keeps it running."""
    os.environ.update(no_proxy_variables(os.environ))


if __name__ == "__main__":
    main(prog_name="perch")
