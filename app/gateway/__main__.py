"""`python -m app.gateway`: run the gateway with settings from the environment and `.env`."""

import sys
from pathlib import Path

import click

from app import standard_streams
from app.gateway.server.process import CannotListenError, run_gateway
from app.gateway.settings.configuration import (
    Configuration,
    ConfigurationError,
    load_configuration,
    meant_by,
    secret_values,
)
from app.gateway.telemetry.logs import configure_logging, get_logger


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--host", metavar="ADDRESS", help="Where to listen  [default: APP_HOST, or 127.0.0.1]."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    help="TCP port; 0 takes a free one and logs it  [default: APP_PORT, or 8080].",
)
@click.option(
    "--grpc-port",
    type=click.IntRange(0, 65_535),
    help="TCP port for clients of Riva's gRPC; 0 takes a free one and logs it  [default: "
    "APP_GRPC_PORT, or none].",
)
@click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    help="File of settings, lines KEY=value  [default: .env, where there is one].",
)
@click.pass_context
def main(
    context: click.Context,
    *,
    host: str | None,
    port: int | None,
    grpc_port: int | None,
    env_file: Path | None,
) -> None:
    """Run the gateway in front of a Riva server or Speech NIM until SIGTERM or Ctrl-C.

    Every setting is an environment variable, or the same key in the file; the environment wins over
    the file, and an option over both. `.env.example` of the repository says what each is for. By
    itself it expects the recogniser at localhost:50051 (RIVA_HOST, RIVA_PORT).

    Exit code 0 after a drain, 1 when an address cannot be had, 2 for options or settings that
    cannot be used; then nothing was started.
    """
    try:
        configuration = load_configuration(file=env_file, host=host, port=port, grpc_port=grpc_port)
    except ConfigurationError as error:
        count = len(error.problems)
        sys.stderr.write(f"perch gateway: {count} setting{'s' * (count != 1)} cannot be used:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        sys.stderr.writelines(f"  {_means_nothing(key)}\n" for key in error.unknown)
        context.exit(2)
    context.exit(run(configuration))


def run(configuration: Configuration) -> int:
    """Serve until a signal asks for the end.

    Returns:
        0 after a drain, 1 when an address cannot be had.
    """
    settings = configuration.gateway
    configure_logging(settings.log_level, settings.log_format, secret_values(configuration))
    log = get_logger("app.gateway")
    for key in configuration.unknown:
        log.warning("a setting means nothing", key=key, did_you_mean=meant_by(key))
    try:
        run_gateway(configuration)
    except CannotListenError as error:
        sys.stderr.write(f"perch gateway: {error}\n")
        return 1
    return 0


def _means_nothing(key: str) -> str:
    meant = meant_by(key)
    return f"{key} means nothing here" + (f"; did you mean {meant}?" if meant else "")


if __name__ == "__main__":
    standard_streams.prepare()
    main(prog_name="perch gateway")
