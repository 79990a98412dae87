"""Writes log lines from a thread of its own, so that no session waits for the log's reader.

Standard output is a pipe to a collector or a file on a disk. When the one stops reading or the
other is full, a write blocks or fails: on the event loop, every session would stop with it.
"""

import logging
import os
import queue
import threading
from contextlib import suppress
from typing import Final

MAX_LINES: Final = 10_000
"""Lines that may wait: some 5 MB. What comes beyond is dropped, and the log says how much."""

_LONGEST_GOODBYE_S: Final = 2.0


class LogWriter(logging.Handler):
    """A handler whose lines are written by a thread.

    Args:
        descriptor: Of the open file they go to. Not a file object: the lock that a blocked write
            holds would keep the process from ending.
        max_lines: How many may wait.
    """

    def __init__(self, descriptor: int, max_lines: int = MAX_LINES) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: queue.Queue[str | None] = queue.Queue(max_lines)
        # The one side only adds to this and the other to the next two: neither needs a lock.
        self._dropped = 0
        self._failed = 0
        self._told = 0
        self._closing = threading.Event()
        # A daemon: a collector that never reads again must not keep the process alive.
        self._thread = threading.Thread(target=self._write_on, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line; drop it where too many wait."""
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write the queued lines, as long as somebody reads them."""
        if not self._closing.is_set():
            self._closing.set()
            with suppress(queue.Full):
                self._lines.put_nowait(None)
            self._thread.join(_LONGEST_GOODBYE_S)
        super().close()

    def _write_on(self) -> None:
        while (line := self._lines.get()) is not None:
            if not self._write(line):
                # Nor could it be written that lines were dropped.
                self._failed += 1
            elif self._lines.empty():
                self._tell_dropped()
            if self._closing.is_set() and self._lines.empty():
                return
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        dropped = self._dropped + self._failed - self._told
        if not dropped:
            return
        # Not logged but written: who closes the log holds its lock, and waits for this thread.
        record = logging.makeLogRecord(
            {
                "name": __name__,
                "levelno": logging.WARNING,
                "levelname": "WARNING",
                "msg": "log lines dropped: %d",
                "args": (dropped,),
            }
        )
        if self._write(self.format(record)):
            self._told += dropped

    def _write(self, line: str) -> bool:
        """Return whether the line was written."""
        left = f"{line}\n".encode("utf-8", "backslashreplace")
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            # A full disk, a reader that went away: there is no other place to say so.
            return False
        return True
