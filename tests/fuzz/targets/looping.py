"""One event loop for a process of a fuzzer: what is asynchronous is run to its end, input by input.

What a loop or a log says of an exception that nobody caught is a finding too.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from app.gateway.server.loop import GatewayLoop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine

Result = TypeVar("Result")
_said: list[str] = []


class _Tracebacks(logging.Handler):
    """Notes each record of the log that has an exception."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            _said.append(f"{record.name}: {record.getMessage()}: {record.exc_info[1]!r}")


@cache
def loop() -> asyncio.AbstractEventLoop:
    """Return the process's loop; made on the first call."""
    made = GatewayLoop()
    made.set_exception_handler(
        lambda _, context: _said.append(f"{context['message']}: {context.get('exception')!r}")
    )
    logging.getLogger().addHandler(_Tracebacks())
    return made


def ran(work: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; raise what was said of exceptions meanwhile.

    Raises:
        AssertionError: An exception that nobody caught was logged.
    """
    _said.clear()
    result = loop().run_until_complete(work)
    assert not _said, _said
    return result
