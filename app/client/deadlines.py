"""The client's deadlines."""

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Longest waits in seconds.

    Attributes:
        open: Name look-up, TCP, TLS, upgrade and the gateway's hello, together.
        start: From a start message to `session_started`; the gateway opens its recogniser stream in
            it. In a waiting room it begins when the wait is over.
        send: For room in the socket. Beyond it the gateway takes no more audio.
        finish: Without any progress after a stop or a finalize: each result begins it anew, and
            each heartbeat by which the recogniser came further. How long the whole takes depends on
            how much audio is still to be recognised.
        reconnect: Without a gateway, until a session that was interrupted is given up.
        answer: For a `pong` or `metrics`.
        close: For the closing handshake.
        event: Between two results, None for as long as it takes: in silence none comes for a good
            reason, and a dead gateway is noticed by `silent` anyway.
        silent: From a gateway that answers no keep-alive ping, until its connection counts as lost.
    """

    open: float = 10.0
    start: float = 15.0
    send: float = 30.0
    finish: float = 30.0
    reconnect: float = 60.0
    answer: float = 10.0
    close: float = 5.0
    event: float | None = None
    silent: float = 20.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name == "event":
                continue
            if not (math.isfinite(value) and value > 0):
                raise ValueError(
                    f"{field.name} is {value}; accepted: a number of seconds greater than 0"
                )
