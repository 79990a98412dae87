"""`python -m app.gateway`: run the gateway with settings from the environment and `.env`."""

import sys

from app.gateway.configuration import ConfigurationError, load_configuration, secret_values
from app.gateway.logs import configure_logging, get_logger
from app.gateway.server import run_gateway


def main() -> int:
    """Run until a signal asks for the end.

    Returns:
        0 after a drain, 1 when the address cannot be had, 2 for settings that cannot be used.
    """
    try:
        configuration = load_configuration()
    except ConfigurationError as error:
        count = len(error.problems)
        sys.stderr.write(f"perch gateway: {count} setting{'s' * (count != 1)} cannot be used:\n")
        sys.stderr.writelines(f"  {problem}\n" for problem in error.problems)
        return 2
    settings = configuration.gateway
    configure_logging(settings.log_level, settings.log_format, secret_values(configuration))
    log = get_logger("app.gateway")
    for key in configuration.unknown:
        log.warning("a key in .env means nothing", key=key)
    try:
        run_gateway(configuration)
    except OSError as error:
        sys.stderr.write(
            f"perch gateway: cannot listen on {settings.app_host}:{settings.app_port} "
            f"({error.strerror}); set APP_HOST or APP_PORT to another\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
