"""Lines of a stack's log groups in CloudWatch."""

from __future__ import annotations

import heapq
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from ops.aws_clients import FAILURES
from ops.console.errors import CommandFailedError
from ops.logs.lines import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ops.logs.lines import Wanted

LATE: Final = timedelta(minutes=2)
"""So late a line may come to CloudWatch and still be shown by a follow."""


class CloudWatchLogs:
    """Reads log groups, and can go on reading.

    Args:
        stack: Name of the stack, for messages.
        api: CloudWatch Logs of its account.
        groups: Log group by source.
        machines: Ids of the machines whose lines are wanted; None for all there ever were.
    """

    def __init__(
        self,
        stack: str,
        api: Any,  # noqa: ANN401 - boto3's own type is known by literals alone
        groups: Mapping[str, str],
        machines: Sequence[str] | None,
    ) -> None:
        self._stack = stack
        self._api = api
        self._groups = groups
        self._machines = machines

    def lines(self, wanted: Wanted) -> Iterator[Line]:
        """Yield lines in the order of their times, page by page.

        Raises:
            CommandFailedError: CloudWatch does not tell.
        """
        for line, _ in self._events(wanted, wanted.since):
            if wanted.takes(line):
                yield line

    def follow(self, wanted: Wanted, *, seconds: float, every: float) -> Iterator[Line]:
        """Yield the same, and what comes after it, for so many seconds.

        Args:
            wanted: Which lines.
            seconds: How long.
            every: Seconds between two looks.

        Raises:
            CommandFailedError: CloudWatch does not tell.
        """
        deadline = time.monotonic() + seconds
        start = wanted.since
        seen: dict[str, datetime] = {}
        while True:
            looked_at = datetime.now(UTC)
            for line, event in self._events(wanted, start):
                if event not in seen:
                    seen[event] = line.at or start
                    if wanted.takes(line):
                        yield line
            start = max(wanted.since, looked_at - LATE)
            seen = {event: at for event, at in seen.items() if at >= start}
            if time.monotonic() + every >= deadline:
                return
            time.sleep(every)

    def _events(self, wanted: Wanted, start: datetime) -> Iterator[tuple[Line, str]]:
        """Yield lines with their ids, from a time on."""
        prefixes = [""] if self._machines is None else [f"{one}/" for one in self._machines]
        streams = [
            self._pages(self._groups[source], prefix, start)
            for source in wanted.sources
            for prefix in prefixes
        ]
        return heapq.merge(*streams, key=lambda one: one[0].at or start)

    def _pages(self, group: str, prefix: str, start: datetime) -> Iterator[tuple[Line, str]]:
        asked: dict[str, Any] = {
            "logGroupName": group,
            "startTime": int(start.timestamp() * 1000),
            **({"logStreamNamePrefix": prefix} if prefix else {}),
        }
        try:
            for page in self._api.get_paginator("filter_log_events").paginate(**asked):
                # AWS sorts by time and looks at the prefix; moto does neither.
                for event in sorted(page["events"], key=lambda event: int(event["timestamp"])):
                    if not event["logStreamName"].startswith(prefix):
                        continue
                    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    text = event["message"].rstrip("\n")
                    line = Line(at=at, source=event["logStreamName"], text=text)
                    yield line, event["eventId"]
        except FAILURES as error:
            said = " ".join(str(error).split())
            raise CommandFailedError(
                f"log group {group} of stack {self._stack} cannot be read: {said}"
            ) from None
