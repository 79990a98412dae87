"""The settings of what comes in below the messages: frames, their time and their room."""

from collections.abc import Iterator
from typing import Annotated

from annotated_types import Ge, Gt, Le
from pydantic import Field

from app.settings import Problem, Settings, rule
from app.settings.types import Seconds


class FrameSettings(Settings):
    """What an operator may change about frames and the messages they make."""

    ws_max_message_size_mb: Annotated[float, Gt(0), Le(64)] = Field(
        10.0, description="a number above 0, to 64: largest message in MiB"
    )
    ws_frame_rate: Annotated[float, Gt(0), Le(100_000)] = Field(
        100.0,
        description="frames a second above 0, to 100000, that are no whole message: pings, pongs, "
        "parts of messages below 512 bytes; more than that wait",
    )
    ws_frame_burst: Annotated[int, Ge(1), Le(1_000_000)] = Field(
        500, description="a whole number from 1 to 1000000: such frames in a burst"
    )
    ws_message_timeout_s: Seconds = Field(
        60.0, description="seconds above 0, to 86400, from a message's first byte to its last"
    )
    ws_buffer_mb: Annotated[float, Gt(0), Le(65_536)] = Field(
        64.0,
        description="a number above 0, to 65536, at least twice WS_MAX_MESSAGE_SIZE_MB: MiB of "
        "messages, complete or not, that all connections may hold beyond 64 KiB each; one client "
        "half of it",
    )

    @property
    def max_buffered_bytes(self) -> int:
        """Most that all WebSockets may hold beyond what each may."""
        return int(self.ws_buffer_mb * 1024 * 1024)

    @property
    def max_message_bytes(self) -> int:
        """Largest WebSocket message."""
        return int(self.ws_max_message_size_mb * 1024 * 1024)

    @rule
    def _one_client_can_send_a_message(self) -> Iterator[Problem]:
        least = 2 * self.ws_max_message_size_mb
        if self.ws_buffer_mb < least:
            accepted = (
                f"at least {least:g}, twice WS_MAX_MESSAGE_SIZE_MB: one client may have half of it"
            )
            yield self.problem("ws_buffer_mb", str(self.ws_buffer_mb), accepted)
