"""Logs, redacted by the logger itself so that no call site can forget it.

JSON where a machine reads them, text for people on a terminal.
"""

import logging
import os
from collections.abc import Iterable
from typing import Final, TextIO, cast

import structlog

from app.gateway.settings.gateway import LogFormat, LogLevel
from app.gateway.telemetry.log_writer import LogWriter
from app.redaction import Redactor

_CHATTY_LIBRARIES: Final = (
    "asyncio",
    "grpc",
    "httpcore",
    "httpx",
    "urllib3",
    "uvicorn",
    "websockets",
)
_STANDARD_OUTPUT: Final = 1

_redactors: Final[list[Redactor]] = []
"""The one of the chain that is configured."""


def configure_logging(
    level: LogLevel,
    form: LogFormat | None,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Send the logs of this program and of every library through one chain, to standard output.

    Args:
        level: Least severe level that is written.
        form: JSON lines for machines, or text for people; None for what standard output is: a
            terminal or not.
        secrets: Configured secret values to mask.
        stream: Where the lines go at once; None for standard output, by a thread of its own.
    """
    redactor = Redactor(secrets)
    _redactors[:] = [redactor]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_terminal = stream is None and _is_terminal()
    if form is None:
        form = LogFormat.CONSOLE if is_terminal else LogFormat.JSON
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=is_terminal and _takes_colours())
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            # After the traceback became text and before anything is written.
            cast("structlog.typing.Processor", redactor),
            render,
        ],
    )
    handler = LogWriter(_STANDARD_OUTPUT) if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.value)
    # uvicorn logs each handshake with its query, httpx each readiness probe, and all of them every
    # frame at DEBUG; the session's own lines say more.
    for library in _CHATTY_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def mask(secrets: Iterable[str]) -> None:
    """Mask further secrets from now on, such as those that were rotated in."""
    for redactor in _redactors:
        redactor.learn(secrets)


def _is_terminal() -> bool:
    try:
        return os.isatty(_STANDARD_OUTPUT)
    except OSError:  # closed
        return False


def _takes_colours() -> bool:
    """Return whether nobody has said otherwise (https://no-color.org)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; loggers made before the configuration follow it all the same."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
