"""JSON logs, redacted by the logger itself so that no call site can forget it."""

import logging
import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, TextIO, cast

import structlog

from app.gateway.settings.gateway import LogFormat, LogLevel
from app.gateway.telemetry.log_writer import LogWriter

MASK: Final = "********"
_SECRET_KEY: Final = re.compile(
    r"token|secret|passw|api_?key|authori[sz]ation|cookie|credential|private_?key", re.IGNORECASE
)
_SECRET_TEXT: Final = re.compile(r"(?i)(\btoken=|\bbearer[ .]+)[^\s&\"',;]+")
_CHATTY_LIBRARIES: Final = ("asyncio", "grpc", "httpcore", "httpx", "uvicorn", "websockets")
_STANDARD_OUTPUT: Final = 1
_MIN_SECRET_CHARS: Final = 6
"""Shorter configured values are not searched for: they would blank out ordinary words."""


class Redactor:
    """A log processor that masks secrets wherever they stand in an event.

    Args:
        secrets: Configured secret values; also masked inside longer texts.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long_enough = sorted(
            {secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARS},
            key=len,
            reverse=True,
        )
        self._secrets = re.compile("|".join(map(re.escape, long_enough))) if long_enough else None

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Return the event with its secrets masked."""
        return {key: self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Mask the secrets in a text."""
        masked = _SECRET_TEXT.sub(rf"\1{MASK}", text)
        return self._secrets.sub(MASK, masked) if self._secrets else masked

    def _value(self, key: str, value: object) -> object:
        if isinstance(value, bool | int | float | None):
            return value
        if _SECRET_KEY.search(key):
            return MASK
        if isinstance(value, Mapping):
            return {str(name): self._value(str(name), item) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", item) for item in value]
        return self.text(value if isinstance(value, str) else str(value))


def configure_logging(
    level: LogLevel, form: LogFormat, secrets: Iterable[str] = (), stream: TextIO | None = None
) -> None:
    """Send the logs of this program and of every library through one chain, to standard output.

    Args:
        level: Least severe level that is written.
        form: JSON lines for machines, or coloured text for people.
        secrets: Configured secret values to mask.
        stream: Where the lines go at once; None for standard output, by a thread of its own.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            # After the traceback became text and before anything is written.
            cast("structlog.typing.Processor", Redactor(secrets)),
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


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger; loggers made before the configuration follow it all the same."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
