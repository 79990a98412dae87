"""Takes a session's audio from its messages to the recogniser.

A session takes samples. Clients also send a browser recorder's stream, a file from a disk, or text:
what the first bytes identify beyond doubt is decoded where possible, else ignored, and the client
is warned once. Anything else is taken for the samples that the start announced.
"""

import asyncio
import re
from contextlib import aclosing
from time import monotonic
from typing import Final

from app.contract import ContractError, ErrorCode, WarningCode
from app.contract.disguised import text_in_audio
from app.contract.limits import SUPPORTED_ENCODINGS
from app.gateway.admission.rate import TokenBucket
from app.gateway.audio.container import Block, container_audio
from app.gateway.core import Gateway
from app.gateway.session.client_writer import ClientWriter
from app.gateway.session.deadlines import Deadlines
from app.gateway.session.endings import over
from app.gateway.session.recognition import Recognition
from app.gateway.settings.gateway import GatewaySettings
from app.pcm import BYTES_PER_SAMPLE
from app.recordings import RecordingError, StreamedRecording, can_be_decoded, certain_name_of

_BEGINS_AS_TEXT: Final = re.compile(rb"[\x20-\x7e][\t-\r\x20-\x7e]").match
"""Samples rarely do, and all other text has to be looked at to its end."""


def pace_of(settings: GatewaySettings) -> TokenBucket | None:
    """Return how fast audio may come, in seconds of it; None for any speed."""
    if not settings.audio_max_realtime_factor:
        return None
    return TokenBucket(settings.audio_max_realtime_factor, settings.audio_realtime_burst_s)


class AudioInput:
    """Takes the audio messages of one session.

    Args:
        gateway: Its settings and metrics.
        recognition: Whose audio it is.
        writer: Warns the client.
        deadlines: Count audio as a message when it is taken, however long it waited.
        pace: How fast audio may come; None for any speed.
    """

    def __init__(
        self,
        gateway: Gateway,
        recognition: Recognition,
        writer: ClientWriter,
        deadlines: Deadlines,
        pace: TokenBucket | None,
    ) -> None:
        self._settings = gateway.settings
        self._metrics = gateway.metrics
        self._recognition = recognition
        self._send = recognition.session.send
        self._decoder = recognition.decoder
        self._bytes_per_s = recognition.rate * BYTES_PER_SAMPLE
        self._writer = writer
        self._deadlines = deadlines
        self._pace = pace
        # The middle of a session has no first bytes.
        self._begins = recognition.claim is None
        # A-law's silence is the letter U.
        self._may_be_text = recognition.request.encoding in SUPPORTED_ENCODINGS
        self._warned = False
        self._ignoring = False
        self._container: StreamedRecording[Block] | None = None
        self._decoding: asyncio.Task[None] | None = None

    async def take(self, message: bytes, tasks: asyncio.TaskGroup) -> None:
        """Take a message, waiting for the recogniser and the pace.

        Args:
            message: As received.
            tasks: Where the decoding of a container runs.

        Raises:
            ConnectionEndError: The recogniser took nothing for too long.
        """
        may_be_text = self._may_be_text and self._container is None and _BEGINS_AS_TEXT(message)
        if may_be_text and (what := text_in_audio(message)):
            self._metrics.audio_ignored.inc(len(message))
            await self._warn(what, "not heard")
            return
        if self._begins:
            self._begins = False
            await self._look_at(message, tasks)
        if self._container is not None:
            await self._container.write(message)
        elif self._ignoring:
            self._metrics.audio_ignored.inc(len(message))
        elif len(message) <= self._decoder.passes and len(message) % BYTES_PER_SAMPLE == 0:
            await self._feed(len(message) / self._bytes_per_s, message)
        else:
            for seconds, pcm in self._decoder.feed(message):
                await self._feed(seconds, pcm)
                if self._recognition.session.has_ended:
                    return

    async def end(self) -> None:
        """End the audio, once all of a container is decoded."""
        limit = self._settings.ws_final_timeout_s
        if self._container is not None and self._decoding is not None:
            self._container.end()
            try:
                async with asyncio.timeout(limit):
                    await asyncio.shield(self._decoding)
            except TimeoutError as error:
                raise over(ContractError(ErrorCode.ASR_STALLED, seconds=limit)) from error
        left = self._recognition.end_audio(limit)
        if left:
            await self._writer.warn(WarningCode.HALF_SAMPLE, count=left)

    async def _look_at(self, first: bytes, tasks: asyncio.TaskGroup) -> None:
        what = certain_name_of(first)
        if what is None:
            return
        programs = self._settings.audio_ffmpeg
        if not can_be_decoded(first, programs=programs):
            self._ignoring = True
            await self._warn(what, "not heard")
            return
        self._container = container_audio(self._recognition.rate, programs=programs)
        self._recognition.forgo_resume()
        self._decoding = tasks.create_task(self._decode(self._container, what))
        await self._warn(what, "decoded, but cannot be resumed")

    async def _decode(self, container: StreamedRecording[Block], what: str) -> None:
        try:
            async with aclosing(container.made()) as blocks:
                async for seconds, pcm in blocks:
                    await self._feed(seconds, pcm)
        except RecordingError as error:
            self._container, self._ignoring = None, True
            self._warned = False
            await self._warn(what, f"not heard any further ({error})")

    async def _feed(self, seconds: float, pcm: bytes) -> None:
        recognition, came_at = self._recognition, monotonic()
        try:
            is_taken = await self._send(pcm)
        except TimeoutError as error:
            limit = self._settings.ws_stall_timeout_s
            raise over(ContractError(ErrorCode.ASR_STALLED, seconds=limit)) from error
        if not is_taken:
            # The session was ended while this waited for room.
            return
        recognition.arrivals.arrived(seconds, came_at)
        self._metrics.audio_seconds.inc(seconds)
        self._deadlines.note_message()
        if self._pace is not None and (credit := self._pace.spend(seconds)) > 0:
            await asyncio.sleep(credit)
            self._deadlines.note_message()

    async def _warn(self, what: str, outcome: str) -> None:
        if self._warned:
            return
        self._warned = True
        request = self._recognition.request
        await self._writer.warn(
            WarningCode.NOT_SAMPLES,
            what=what,
            outcome=outcome,
            encoding=request.encoding,
            rate=request.sample_rate,
        )
