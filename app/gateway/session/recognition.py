"""One session's audio and results, between the socket and the recogniser."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from math import inf
from time import monotonic
from typing import Final
from uuid import uuid4

from app.asr import Cursor, RivaASRClient, StreamControl, StreamEvent, Transcript
from app.contract.fields import AudioSpan, Resumed, ResumePoint
from app.gateway.admission.succession import ClientTokens
from app.gateway.audio.decoder import AudioDecoder
from app.gateway.dialects.intents import SessionRequest
from app.gateway.resume_token import BEGINNING, ResumeClaim
from app.gateway.session.audio_queue import ArrivalClock, AudioQueue
from app.gateway.session.progress import Progress

_BYTES_PER_SAMPLE: Final = 2
_HANDED_AT_ONCE_S: Final = 0.1
"""Longest piece handed to the recogniser; what waits is joined up to this length."""

_SAME_PLACE_S: Final = 0.001
"""Positions are counted here in bytes and there in samples; this close they are one."""


class Recognition:
    """What runs between a start and a stop.

    All positions are seconds of the session's audio, also where it began on another connection.

    Args:
        request: What the client asked for.
        riva_rate: Rate to resample to, None to hand the audio on as it comes.
        queue_seconds: How much audio may wait.
        tokens: Sign where the session can be gone on with.
        claim: Where it goes on, None for a new one.
    """

    def __init__(
        self,
        request: SessionRequest,
        riva_rate: int | None,
        queue_seconds: float,
        tokens: ClientTokens,
        claim: ResumeClaim | None = None,
    ) -> None:
        rate = riva_rate or request.sample_rate
        per_second = rate * _BYTES_PER_SAMPLE
        begin = BEGINNING if claim is None else claim.cursor
        self.session_id = (claim and claim.session_id) or str(uuid4())
        self.request = request
        self.claim = claim
        self.started_at = monotonic()
        self.stopped_at: float | None = None
        self.arrivals = ArrivalClock(begin.position)
        self.queue = AudioQueue(queue_seconds, per_second, int(per_second * _HANDED_AT_ONCE_S))
        self.decoder = AudioDecoder(request.encoding, request.channels, request.sample_rate, rate)
        self.control = StreamControl()
        self.progress = Progress(begin, self.control)
        self.finals: list[str] = []
        self.results = 0
        self.segment_start = begin.covered
        self._interrupted_at: float | None = None
        self._tokens = tokens
        self._begin = begin
        self._to_finalise: deque[float] = deque()
        self._deadline: asyncio.Timeout | None = None
        self._final_timeout_s: float | None = None
        self.rate = rate
        self._is_resumable = request.resumable

    @property
    def segment_id(self) -> int:
        """Of the segment that is being spoken."""
        return self.progress.segment_id

    @property
    def audio_seconds(self) -> float:
        """Audio of the session, with what was taken before it was resumed."""
        return self.arrivals.seconds

    @property
    def new_audio_seconds(self) -> float:
        """Audio that came on this connection."""
        return self.arrivals.seconds - self._begin.position

    @property
    def recognised_seconds(self) -> float:
        """Audio of the session that was handed to the recogniser."""
        return self._begin.position + self.queue.handed_seconds

    @property
    def heard_seconds(self) -> float:
        """As `recognised_seconds`, but without what is only kept while the recogniser is lost."""
        return self.recognised_seconds if self._interrupted_at is None else self._interrupted_at

    @property
    def resumed(self) -> Resumed | None:
        """Where a session goes on, None for a new one."""
        if self.claim is None:
            return None
        return Resumed(position=self._begin.position, segment_id=self._begin.segment_id)

    @property
    def lost(self) -> AudioSpan | None:
        """Audio that is in no final, where the session ends now."""
        return self.progress.lost(self.audio_seconds)

    def resume_point(self, cursor: Cursor | None) -> ResumePoint | None:
        """Return what a client that can resume is told."""
        if cursor is None or not self._is_resumable:
            return None
        return self._tokens.point(cursor, self.session_id)

    def forgo_resume(self) -> None:
        """Give out no more points to resume at: none is a place in a container's bytes."""
        self._is_resumable = False

    def events(self, asr: RivaASRClient) -> AsyncGenerator[StreamEvent]:
        """Open the recogniser's stream."""
        request = self.request
        return asr.stream_events(
            self.queue,
            self.rate,
            request.enable_partials,
            hotwords=request.hotwords,
            hotword_boost=request.hotword_boost,
            language=request.language,
            model=request.model,
            endpointing=request.endpointing,
            request_id=self.session_id,
            resume_from=None if self.claim is None else self._begin,
            control=self.control,
        )

    def finalise(self) -> None:
        """Have everything made final that came so far, also what still waits in the queue."""
        self._to_finalise.append(self.recognised_seconds + self.queue.seconds)
        self.queue.mark(self.control.finalise)

    def finalised(self, position: float = inf) -> int:
        """Return how many requests are answered once everything before a position is final."""
        answered = 0
        while self._to_finalise and self._to_finalise[0] <= position + _SAME_PLACE_S:
            self._to_finalise.popleft()
            answered += 1
        return answered

    def interrupted(self, position: float | None) -> None:
        """Note that the recogniser was lost at a position, None that it is back."""
        self._interrupted_at = position

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
        return self.arrivals.age(self.recognised_seconds if position is None else position)

    def segment_end(self, transcript: Transcript) -> float:
        """Return where the segment ends, as far as is known, in seconds of the session's audio."""
        if transcript.words:
            return max(self.segment_start, transcript.words[-1].end)
        known = transcript.audio_processed
        return max(self.segment_start, self.recognised_seconds if known is None else known)

    def note(self, transcript: Transcript) -> None:
        """Count a result that was sent."""
        self.results += 1
        if transcript.is_final:
            self.finals.append(transcript.text)
            self.segment_start = self.segment_end(transcript)
            self.progress.final_sent(transcript)
