"""One session's audio and results, between the socket and the recogniser."""

import asyncio
from collections.abc import AsyncGenerator
from time import monotonic
from typing import Final
from uuid import uuid4

from app.asr import RivaASRClient, Transcript
from app.gateway.audio import AudioDecoder
from app.gateway.audio_queue import ArrivalClock, AudioQueue
from app.gateway.requests import SessionRequest

_BYTES_PER_SAMPLE: Final = 2
_HANDED_AT_ONCE_S: Final = 0.1
"""Longest piece handed to the recogniser; what waits is joined up to this length."""


class Recognition:
    """What runs between a start and a stop.

    Args:
        request: What the client asked for.
        riva_rate: Rate to resample to, None to hand the audio on as it comes.
        queue_seconds: How much audio may wait.
    """

    def __init__(
        self, request: SessionRequest, riva_rate: int | None, queue_seconds: float
    ) -> None:
        rate = riva_rate or request.sample_rate
        per_second = rate * _BYTES_PER_SAMPLE
        self.session_id = str(uuid4())
        self.request = request
        self.started_at = monotonic()
        self.stopped_at: float | None = None
        self.arrivals = ArrivalClock()
        self.queue = AudioQueue(queue_seconds, per_second, int(per_second * _HANDED_AT_ONCE_S))
        self.decoder = AudioDecoder(request.encoding, request.channels, request.sample_rate, rate)
        self.finals: list[str] = []
        self.results = 0
        self.segment_id = 0
        self.segment_start = 0.0
        self._deadline: asyncio.Timeout | None = None
        self._final_timeout_s: float | None = None
        self._rate = rate

    @property
    def audio_seconds(self) -> float:
        """Audio taken from the client."""
        return self.arrivals.seconds

    def transcripts(self, asr: RivaASRClient) -> AsyncGenerator[Transcript]:
        """Open the recogniser's stream."""
        request = self.request
        return asr.stream_transcribe(
            self.queue,
            self._rate,
            request.enable_partials,
            hotwords=request.hotwords,
            hotword_boost=request.hotword_boost,
            language=request.language,
            model=request.model,
            endpointing=request.endpointing,
            request_id=self.session_id,
        )

    def end_audio(self, final_timeout_s: float) -> int:
        """Say that no audio follows, and set a deadline for the last results.

        Returns:
            Bytes of an incomplete sample that were left over.
        """
        tail, left = self.decoder.finish()
        self.queue.put_now(tail)
        self.queue.end()
        self.stopped_at = monotonic()
        self._final_timeout_s = final_timeout_s
        self.extend_deadline()
        return left

    def guard(self, deadline: asyncio.Timeout) -> None:
        """Take the timeout that `extend_deadline` moves; the audio may have ended before."""
        self._deadline = deadline
        self.extend_deadline()

    def extend_deadline(self) -> None:
        """Once the audio ended, allow the full time again from now: results still come."""
        if self._deadline is not None and self._final_timeout_s is not None:
            now = asyncio.get_running_loop().time()
            self._deadline.reschedule(now + self._final_timeout_s)

    def result_age(self, transcript: Transcript) -> float:
        """Return the seconds since the newest audio in a result arrived."""
        position = transcript.audio_processed
        return self.arrivals.age(self.queue.handed_seconds if position is None else position)

    def segment_end(self, transcript: Transcript) -> float:
        """Return where the segment ends, as far as is known, in seconds of the session's audio."""
        if transcript.words:
            return max(self.segment_start, transcript.words[-1].end)
        known = transcript.audio_processed
        return max(self.segment_start, self.queue.handed_seconds if known is None else known)

    def note(self, transcript: Transcript) -> None:
        """Count a result that was sent."""
        self.results += 1
        if transcript.is_final:
            self.finals.append(transcript.text)
            self.segment_start = self.segment_end(transcript)
            self.segment_id += 1
