"""A stream whose first bytes say what it is: a sound file's header decides, as in Riva.

NVIDIA's `transcribe_file.py` names neither rate nor encoding and sends a file as it lies on the
disk. What begins like a sound file is decoded here while it comes; anything else is samples, in the
format that the first message named.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import Final

from app.emulator.recognition import AudioFormat, Hypothesis, Session
from app.emulator.refusals import bad_argument, no_format
from app.recordings import OpenRecording, RecordingError, StreamedRecording

MARKS: Final = (b"RIFF", b"fLaC", b"OggS")
"""How WAV, FLAC and OGG begin."""

UNSAID: Final = AudioFormat(encoding="LINEAR_PCM", sample_rate=16_000)
"""Stands for a format until a header says it, and of a stream that ends before its first byte."""

_BLOCK_SECONDS: Final = 0.1


def begins_a_file(head: bytes) -> bool:
    """Return whether audio is a sound file by its first bytes."""
    return head.startswith(MARKS)


def check_channels(count: int) -> None:
    """Refuse more than one channel, as a NIM does.

    Raises:
        RefusalError: There are more.
    """
    if count > 1:
        raise bad_argument(f"the audio has {count} channels; send one channel")


def _sound(recording: OpenRecording) -> Iterator[AudioFormat | bytes]:
    """Yield the format, then the samples; runs in the decoder's thread."""
    check_channels(recording.channels)
    yield AudioFormat(encoding="LINEAR_PCM", sample_rate=recording.sample_rate)
    yield from recording.blocks(_BLOCK_SECONDS)


class HeaderedSession:
    """A recogniser's session that begins once the format of its audio is known.

    Use it as a `Session`, and close it in the end.

    Args:
        declared: What the first message named; None where a header has to say it.
        begin: Opens the recogniser's session for a format.
        heard: Told the seconds of each piece of audio, when it is handed to the recogniser.
    """

    def __init__(
        self,
        declared: AudioFormat | None,
        begin: Callable[[AudioFormat], Session],
        heard: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._declared = declared
        self._begin = begin
        self._heard = heard
        self._head: bytes | None = b""
        self._bytes_per_second = 0
        self._inner: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._file: StreamedRecording[AudioFormat | bytes] | None = None
        self._decoding: asyncio.Task[None] | None = None

    async def write(self, chunk: bytes) -> None:
        """Write audio, waiting while the decoder or the recogniser is behind.

        Raises:
            RefusalError: It has no header, and no format was declared.
        """
        if self._inner.cancelled():
            return
        if self._head is None:
            await self._take(chunk)
            return
        self._head += chunk
        if len(self._head) >= len(MARKS[0]):
            await self._begin_with(self._head)

    async def _begin_with(self, head: bytes) -> None:
        self._head = None
        if begins_a_file(head):
            self._file = StreamedRecording(_sound)
            self._decoding = asyncio.create_task(self._decode(self._file), name="decode a stream")
        elif self._declared is None and head:
            raise no_format()
        else:
            self._open(self._declared or UNSAID)
        await self._take(head)

    def _open(self, audio: AudioFormat) -> None:
        self._bytes_per_second = audio.bytes_per_second
        self._inner.set_result(self._begin(audio))

    async def _take(self, chunk: bytes) -> None:
        if self._file is not None:
            await self._file.write(chunk)
        else:
            await self._hear(self._inner.result(), chunk)

    async def _hear(self, session: Session, samples: bytes) -> None:
        self._heard(len(samples) / self._bytes_per_second)
        await session.write(samples)

    async def _decode(self, file: StreamedRecording[AudioFormat | bytes]) -> None:
        try:
            async with aclosing(file.made()) as made:
                async for one in made:
                    if self._inner.cancelled():
                        return
                    if isinstance(one, AudioFormat):
                        self._open(one)
                    else:
                        await self._hear(self._inner.result(), one)
            if not self._inner.cancelled():
                await self._inner.result().end()
        except RecordingError as error:
            # The results end, and whoever waits for them is told why.
            self.release()
            raise bad_argument(str(error)) from None
        except BaseException:
            self.release()
            raise

    async def end(self) -> None:
        """End the audio; a file is decoded to its end first.

        Raises:
            RefusalError: A file cannot be decoded.
        """
        if self._inner.cancelled():
            return
        if self._head is not None:
            await self._begin_with(self._head)
        if self._file is not None and self._decoding is not None:
            self._file.end()
            await self._decoding
        else:
            await self._inner.result().end()

    async def results(self) -> AsyncGenerator[Hypothesis]:
        """Yield the recogniser's results; ends after `end` or `release`.

        Raises:
            RefusalError: A file cannot be decoded.
        """
        await asyncio.wait((self._inner,))
        if not self._inner.cancelled():
            async for heard in self._inner.result().results():
                yield heard
        if self._decoding is not None and self._decoding.done() and not self._decoding.cancelled():
            # At once, for the client may send nothing more before it hears of it.
            self._decoding.result()

    def release(self) -> None:
        """Abandon the stream: its results end now."""
        if not self._inner.cancel() and not self._inner.cancelled():
            self._inner.result().release()

    async def aclose(self) -> None:
        """End the decoder."""
        if self._decoding is not None:
            self._decoding.cancel()
            await asyncio.gather(self._decoding, return_exceptions=True)
