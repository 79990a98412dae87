"""Parses incoming WebSocket frames one at a time.

websockets parses all the frames of a read in one go: a read of 256 KiB can hold 43,000 empty pings,
half a second of work in which no other connection is served. Here the parser pauses before every
frame until it is stepped.
"""

from collections.abc import Generator
from dataclasses import dataclass
from logging import getLogger
from typing import Final

from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from app.gateway.server.protocol.buffers import Buffers

FRAMES_A_TURN: Final = 8
"""Frames of one connection that are handled in one turn of the event loop: 15 us each where they
are pings, measured. A hundred connections that send nothing else make a turn 12 ms long, for as
long as `IncomingRules.frame_burst` lasts."""

BYTES_A_TURN: Final = 65_536
"""After a read of so many bytes the next one is left to another turn: uvloop reads up to 32 times
256 KiB in one turn."""

SMALL_FRAME_BYTES: Final = 512
"""A part of a message below this carries less than it costs to handle. Audio of 16 ms at 16 kHz."""

FRAMES_AFTER_CLOSE: Final = 1024
"""Frames that are still looked at for the client's own close once ours was sent: what a client had
under way, 100 s of audio in messages of 100 ms. What follows is dropped unparsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRules:
    """Limits on the frames of one connection.

    Attributes:
        frame_rate: Frames a second that are no whole message: pings, pongs, and parts of messages
            below `SMALL_FRAME_BYTES`. More than that wait.
        frame_burst: So many of them may come at once.
        message_timeout_s: Seconds from the first byte of a message to its last.
        buffers: What all connections may hold together.
    """

    frame_rate: float
    frame_burst: int
    message_timeout_s: float
    buffers: Buffers


class FrameReader(StreamReader):
    """Pauses the parser before every frame, until it is stepped.

    Attributes:
        between_frames: Whether the parser waits to be stepped into the next frame.
        in_frame: Whether it has the beginning of a frame and not all of it.
        frames: How many have ended.
    """

    between_frames = False
    in_frame = False
    frames = 0

    def at_eof(self) -> Generator[None, None, bool]:
        """Pause until stepped, then do as the library: the parser calls it before every frame."""
        self.frames += self.in_frame
        self.in_frame = False
        self.between_frames = True
        yield
        self.between_frames = False
        has_ended = yield from super().at_eof()
        self.in_frame = not has_ended
        return has_ended


class SteppedProtocol(ServerProtocol):
    """websockets' parser, reading at most one frame in each call of `receive_data`.

    Args:
        max_size: Largest message in bytes.
    """

    reader: FrameReader

    def __init__(self, max_size: int) -> None:
        super().__init__(max_size=max_size, logger=getLogger("uvicorn.error"))
        self.reader = FrameReader()
        # The one that the library has started holds on to the reader it started with.
        self.parser = self.parse()
        next(self.parser)

    @property
    def has_more(self) -> bool:
        """Whether another frame, or the beginning of one, waits to be read."""
        return self.reader.between_frames and bool(self.reader.buffer)

    def drop(self) -> None:
        """Drop unparsed bytes and the incomplete message."""
        self.reader.discard()
        self.cur_size = None
