"""The state of a session that outlives its connections."""

import asyncio
from collections import deque
from time import monotonic
from typing import Final

from ...contract import ErrorCode, ServerMessageA, WarningCode
from ...contract.dialect_a import (
    Partial,
    SessionStarted,
    SessionStopped,
    StartTranscription,
    Transcription,
    WarningA,
)
from ...contract.fields import AudioSpan, Finalized, Heartbeat, ResumeOffer, ResumePoint
from ...contract.limits import BYTES_PER_SAMPLE
from ..connection import Progress
from ..errors import GatewayError, ProtocolError
from ..events import Event
from ..signals import Signal
from .replay_buffer import ReplayBuffer

PIECE_BYTES: Final = 32_768
"""Longest piece of audio handed to a connection: a second of 16 kHz PCM16."""

FINALIZE_AT: Final = 0.75
"""Share of the buffer beyond which the client sends a finalize of its own, lest `send` block: in
one long sentence no final allows audio to be discarded."""

_IS_ENDING: Final = ErrorCode.NO_ACTIVE_SESSION
"""Answer to a finalize or a stop while the gateway ends the session by itself."""

_ROUNDING_S: Final = 0.1
"""Tolerance between the gateway's count of a session's audio and this client's."""


class ResumableSession:
    """One session: its options, its audio that is in no final, and where it can be resumed.

    Args:
        options: As the caller gave them.
        offer: What the hello offered; None where sessions cannot be resumed.
        keep_s: Seconds of audio to keep at most.

    Attributes:
        buffer: Audio from the resume point on; without an offer, what is not sent yet.
        sent: Place in it up to which it was handed to the present connection.
        written: Place up to which that connection's socket took it.
        point: Newest resume point.
        bearer: Its token, where it stands for the bearer token of the next connection.
        sending: Whether `send` waits for the socket; not while reconnecting.
        leaving: Whether the gateway announced that it goes away.
        stopping: Whether the caller requested the end.
        stop_sent: Whether that was sent to the present gateway.
        done: How the session ended.
        changed: Fires with each of these.
        progress_at: Time of the session's latest progress, in monotonic seconds.
    """

    def __init__(
        self, options: StartTranscription, offer: ResumeOffer | None, *, keep_s: float
    ) -> None:
        self.keep_s = keep_s
        self.options = options
        if offer is not None:
            self.options = options.model_copy(update={"resumable": True})
        self.point = None if offer is None else ResumePoint(position=0.0, token=offer.token)
        self.bearer: str | None = None
        self._is_bearer = offer is not None and offer.as_bearer
        self.buffer: ReplayBuffer
        self.sent = 0
        self.written = 0
        self.heartbeat: Heartbeat | None = None
        self.sending = True
        self.leaving = False
        self.stopping = False
        self.stop_sent = False
        self.done: asyncio.Future[SessionStopped] = asyncio.get_running_loop().create_future()
        self.changed = Signal()
        self.progress_at = monotonic()
        # Only whether there was any counts here.
        self._progress = Progress(0.0)
        self._next_segment = 0
        self._final_until = 0.0
        self._unknown_until = False
        self._finalizing: asyncio.Future[Finalized] | None = None
        self._finalize_place: int | None = None
        # Finalizes without an answer from this gateway: True for the caller's, False for our own.
        self._unanswered: deque[bool] = deque()
        self._stuck = False

    @property
    def resumable(self) -> bool:
        """Whether another connection can resume it."""
        return self.point is not None

    @property
    def position(self) -> float:
        """Seconds of the session's audio that need not be sent again."""
        return 0.0 if self.point is None else self.point.position

    @property
    def lost(self) -> AudioSpan | None:
        """The audio that would be in no final if it ended now; None where none is known."""
        if self._unknown_until and self.position == 0.0:
            return None
        start = max(self.position, self._final_until)
        end = self.buffer.end_s
        return AudioSpan(start=start, end=end) if end > start else None

    @property
    def backlog_s(self) -> float | None:
        """Seconds of audio given to `send` that had not arrived at the last heartbeat."""
        if self.heartbeat is None:
            return None
        return max(0.0, self.buffer.end_s - self.heartbeat.audio_received)

    def to_resume(self) -> StartTranscription:
        """Return the start message for another connection."""
        return self.options.model_copy(
            update={"resume": None if self.point is None else self.point.token}
        )

    def disconnected(self) -> None:
        """Note that the connection broke, or is being left."""
        self.sending = False
        self.stop_sent = False
        self._unanswered.clear()
        self.changed.fire()

    def received(self, message: ServerMessageA) -> None:
        """Update the state by a message of the gateway, in the order received."""
        match message:
            case SessionStarted():
                self._started(message)
            case Transcription():
                self._note_final(message)
                self._advance(message.resume)
            case Heartbeat():
                self.heartbeat = message
                self._advance(message.resume)
                self._finalize_where_stuck(message)
            case Finalized():
                self._finalized(message)
            case WarningA():
                self.leaving = self.leaving or message.code == WarningCode.GOING_AWAY
            case _:
                pass
        if self._progress(message) is not None:
            self.progress_at = monotonic()
        self.changed.fire()

    def _started(self, message: SessionStarted) -> None:
        self.leaving = False
        if not hasattr(self, "buffer"):
            rate = message.config.sample_rate
            frame = BYTES_PER_SAMPLE[self.options.encoding] * self.options.channels
            self.buffer = ReplayBuffer(sample_rate=rate, frame_bytes=frame, limit_s=self.keep_s)
            # Another gateway of the environment may have another default.
            self.options = self.options.model_copy(update={"sample_rate": rate})
        elif message.resumed is not None:
            self.sent = self.written = self.buffer.place(message.resumed.position)

    def _note_final(self, final: Transcription) -> None:
        until = final.words[-1].end if final.words else final.audio_processed
        # A final that does not say where it ends makes the end of all finals unknown.
        self._unknown_until = bool(final.text) and until is None
        if until is not None:
            self._final_until = max(self._final_until, until)

    def check_resumed(self, started: SessionStarted) -> None:
        """Check that the audio can be sent from where a gateway wants it.

        Raises:
            ProtocolError: It cannot.
        """
        if started.resumed is None:
            raise ProtocolError("the gateway was to go on with a session and began a new one")
        if not self.buffer.start <= self.sent <= self.buffer.end:
            raise ProtocolError(
                f"the gateway goes on from {started.resumed.position:.2f} s; audio is kept from "
                f"{self.buffer.start_s:.2f} to {self.buffer.end_s:.2f} s"
            )

    def _advance(self, point: ResumePoint | None) -> None:
        if point is None or not self.resumable:
            return
        place = self.buffer.place(point.position)
        # Discarded audio cannot be sent again, and unsent audio cannot be final.
        if self.buffer.start <= place <= self.sent:
            self.point = point
            self.bearer = point.token if self._is_bearer else None
            self.buffer.forget(place)

    def accepts(self, event: Event) -> bool:
        """Return whether an event is new to the caller; a final counts as delivered from now on."""
        if not isinstance(event, Partial | Transcription):
            return True
        if event.segment_id < self._next_segment:
            return False
        if isinstance(event, Transcription):
            self._next_segment = event.segment_id + 1
        return True

    def is_complete(self, stopped: SessionStopped) -> bool:
        """Return whether this is the end that was requested, with all of the audio."""
        if not self.stop_sent:
            return False
        return not self.resumable or stopped.audio_seconds >= self.buffer.end_s - _ROUNDING_S

    def append(self, audio: bytes) -> None:
        """Append audio of the caller."""
        self.buffer.append(audio)
        self.changed.fire()

    def next_piece(self, most: int) -> bytes:
        """Return the audio to send next; nothing where there is none, or a finalize comes first."""
        if self.finalize_due:
            return b""
        most = min(most, PIECE_BYTES)
        if self._finalize_place is not None and self.sent < self._finalize_place:
            most = min(most, self._finalize_place - self.sent)
        piece = self.buffer.read(self.sent, most)
        # Counted before it is sent: results of it may arrive while the socket still takes it.
        self.sent += len(piece)
        return piece

    def mark_written(self, size: int) -> None:
        """Note that the socket took so many bytes of audio."""
        self.written += size
        if not self.resumable:
            self.buffer.forget(self.written)
        self.sending = self.sending or self.written >= self.buffer.end
        self.changed.fire()

    def finalize(self) -> "asyncio.Future[Finalized]":
        """Request that everything appended so far becomes final.

        Raises:
            RuntimeError: Such a request is under way.
        """
        if self._finalizing is not None:
            raise RuntimeError("already waiting for Finalized")
        self._finalizing = asyncio.get_running_loop().create_future()
        self._finalize_place = self.buffer.end
        self.progress_at = monotonic()
        self.changed.fire()
        return self._finalizing

    def forget_finalize(self) -> None:
        """Stop waiting for the answer to a finalize."""
        self._finalizing = None
        self._finalize_place = None
        # A late answer to this one must not count for the next.
        self._unanswered = deque(False for _ in self._unanswered)

    @property
    def finalize_due(self) -> bool:
        """Whether a finalize is to be sent before more audio."""
        return self._wanted_due or (self._stuck and not self._unanswered)

    @property
    def _wanted_due(self) -> bool:
        place = self._finalize_place
        return place is not None and self.sent >= place and True not in self._unanswered

    def finalize_sent(self) -> None:
        """Note that a finalize was sent."""
        self._unanswered.append(self._wanted_due)
        self._stuck = False

    def _finalized(self, message: Finalized) -> None:
        wanted = self._unanswered.popleft() if self._unanswered else False
        # A heartbeat from before this answer is out of date.
        self._stuck = False
        if wanted and self._finalizing is not None and not self._finalizing.done():
            self._finalizing.set_result(message)

    def fail_finalize(self, error: Exception) -> bool:
        """Fail the finalize that a non-fatal error answers; return False where it answers none."""
        if self._unanswered and isinstance(error, GatewayError) and error.code == _IS_ENDING:
            # The end follows, and the finalize is sent again on the next connection.
            return True
        if True not in self._unanswered or self._finalizing is None or self._finalizing.done():
            return False
        self._unanswered.clear()
        self._finalizing.set_exception(error)
        self._finalizing.exception()
        self._finalize_place = None
        return True

    def _finalize_where_stuck(self, heartbeat: Heartbeat) -> None:
        unsaid = heartbeat.audio_recognised - self.position
        self._stuck = self.resumable and unsaid > FINALIZE_AT * self.keep_s

    def succeed(self, stopped: SessionStopped) -> None:
        """End the session as requested."""
        if not self.done.done():
            self.done.set_result(stopped)
        self.fail(GatewayError("the session has ended", code=ErrorCode.NO_ACTIVE_SESSION))

    def fail(self, error: Exception) -> None:
        """End the session by an error."""
        for future in (self.done, self._finalizing):
            if future is not None and not future.done():
                future.set_exception(error)
                # Retrieved here, lest asyncio report it where nobody awaits it.
                future.exception()
        self.changed.fire()
