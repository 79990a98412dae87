"""A recording that comes piece by piece on an event loop, decoded while it comes.

Decoders block, so each has a thread of its own. Both ways to it are bounded: who writes waits while
the decoder is behind, and the decoder waits while nobody takes what it made.
"""

import asyncio
import io
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import BinaryIO, Final, Generic, TypeVar, cast

from .decoding import OpenRecording, open_recording
from .limits import RecordingLimits

Made = TypeVar("Made")

_MOST_WAITING_BYTES: Final = 256 * 1024
"""Of the recording, before its sender waits: some seconds even of uncompressed sound."""

_MOST_WAITING_BLOCKS: Final = 20
_NO_LIMITS: Final = RecordingLimits()

THREAD: Final = "decode a live recording"
"""Name of a decoder's thread."""


class _Inlet(io.RawIOBase):
    """Bytes not yet decoded: written on the event loop, read in a thread."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, data: bytes) -> None:
        """Wait for room, then append; bytes after the end are dropped."""
        await self._room.wait()
        with self._changed:
            if self._ended or not data:
                return
            self._pieces.append(data)
            self._bytes += len(data)
            if self._bytes >= _MOST_WAITING_BYTES:
                self._room.clear()
            self._changed.notify()

    def end(self) -> None:
        """Note that no bytes follow."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._room.set()

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Wait for bytes and return some; none at the end."""
        with self._changed:
            while not self._pieces:
                if self._ended:
                    return b""
                self._changed.wait()
            piece = self._pieces.popleft()
            if 0 <= size < len(piece):
                self._pieces.appendleft(piece[size:])
                piece = piece[:size]
            was_full = self._bytes >= _MOST_WAITING_BYTES
            self._bytes -= len(piece)
            if was_full and self._bytes < _MOST_WAITING_BYTES:
                self._loop.call_soon_threadsafe(self._room.set)
        return piece


class StreamedRecording(Generic[Made]):
    """Decodes one recording.

    Args:
        make: Turns the recording, its header read, into what is handed out, in order; it runs in
            the decoder's thread and may block.
        limits: What is taken.
    """

    def __init__(
        self,
        make: Callable[[OpenRecording], Iterator[Made]],
        limits: RecordingLimits = _NO_LIMITS,
    ) -> None:
        self._make = make
        self._limits = limits
        self._inlet = _Inlet()
        self._loop = asyncio.get_running_loop()
        # In a list of its own each: what is made may itself be None or an exception.
        self._made: asyncio.Queue[list[Made] | Exception | None] = asyncio.Queue(
            _MOST_WAITING_BLOCKS
        )

    async def write(self, data: bytes) -> None:
        """Write bytes of the recording, waiting while the decoder is behind."""
        await self._inlet.put(data)

    def end(self) -> None:
        """Note that no bytes follow."""
        self._inlet.end()

    async def made(self) -> AsyncGenerator[Made]:
        """Yield what is made of the recording as it is decoded, to the end.

        Leaving early, also by cancellation, ends the decoder before it returns.

        Raises:
            RecordingError: It cannot be decoded, or not any further.
        """
        ended = False
        # Started here, where its end is awaited: otherwise it might never be joined.
        thread = threading.Thread(target=self._decode, name=THREAD)
        thread.start()
        try:
            while not ended:
                came = await self._made.get()
                ended = not isinstance(came, list)
                if isinstance(came, list):
                    yield came[0]
                elif came is not None:
                    raise came
        finally:
            self.end()
            while not ended:
                # The decoder may wait for room in the queue.
                ended = not isinstance(await self._made.get(), list)
            # What it put last was taken, so it is past its last wait.
            thread.join()

    def _decode(self) -> None:
        ending: Exception | None = None
        try:
            with open_recording(cast("BinaryIO", self._inlet), self._limits) as recording:
                for made in self._make(recording):
                    put = self._made.put([made])
                    asyncio.run_coroutine_threadsafe(put, self._loop).result()
        except Exception as error:  # noqa: BLE001 - whatever it was, who waits is told
            ending = error
        # Not waited for: who takes it then waits for this thread, on the loop that would say so.
        asyncio.run_coroutine_threadsafe(self._made.put(ending), self._loop)
