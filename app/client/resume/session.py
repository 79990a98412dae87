"""What a session is, apart from the connection it runs on: all that has to outlive a break."""

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
"""Audio is handed on in pieces of at most so much: a second of 16 kHz PCM16."""

FINALIZE_AT: Final = 0.75
"""Share of what may be kept beyond which the gateway is asked for a final, lest `send` stand still:
a recogniser that hears one long sentence says nothing by which audio could be forgotten."""

_IS_ENDING: Final = ErrorCode.NO_ACTIVE_SESSION
"""What a gateway says to a finalize or a stop while it ends the session by its own wish."""

_ROUNDING_S: Final = 0.1
"""How far the gateway's count of a whole session's audio may be from this client's."""


class ResumableSession:
    """One session: its options, its audio that is in no final, and where it can be gone on with.

    Args:
        options: As the caller gave them.
        offer: What the hello offered; None where sessions cannot be resumed.
        keep_s: Seconds of audio to keep at most.

    Attributes:
        kept: Audio from the resume point on; without an offer, what is not sent yet.
        sent: Place in it up to which the present connection was given it.
        taken: Place up to which its socket took it.
        point: Newest place to go on from.
        flowing: Whether `send` waits for the socket; not while a break is being made good.
        leaving: Whether the gateway said that it goes away.
        stopping: Whether the caller wants the end.
        stop_told: Whether the present gateway was told so.
        done: How the session ended.
        changed: Fires with each of these.
        progress_at: When the session last came further, in monotonic seconds.
    """

    def __init__(
        self, options: StartTranscription, offer: ResumeOffer | None, *, keep_s: float
    ) -> None:
        self.keep_s = keep_s
        self.options = options
        if offer is not None:
            self.options = options.model_copy(update={"resumable": True})
        self.point = None if offer is None else ResumePoint(position=0.0, token=offer.token)
        self.kept: ReplayBuffer
        self.sent = 0
        self.taken = 0
        self.heartbeat: Heartbeat | None = None
        self.flowing = True
        self.leaving = False
        self.stopping = False
        self.stop_told = False
        self.done: asyncio.Future[SessionStopped] = asyncio.get_running_loop().create_future()
        self.changed = Signal()
        self.progress_at = monotonic()
        # It is only asked whether there was any.
        self._progress = Progress(0.0)
        self._next_segment = 0
        self._heard_until = 0.0
        self._unknown_until = False
        self._finalizing: asyncio.Future[Finalized] | None = None
        self._finalize_place: int | None = None
        # The finalizes this gateway owes an answer to: True for the caller's, False for our own.
        self._owed: deque[bool] = deque()
        self._stuck = False

    @property
    def resumable(self) -> bool:
        """Whether another connection can go on with it."""
        return self.point is not None

    @property
    def position(self) -> float:
        """Seconds of the session's audio that need not be sent again."""
        return 0.0 if self.point is None else self.point.position

    @property
    def lost(self) -> AudioSpan | None:
        """The audio that is in no final, were it to end now; None where there is none known."""
        if self._unknown_until and self.position == 0.0:
            return None
        start = max(self.position, self._heard_until)
        end = self.kept.end_s
        return AudioSpan(start=start, end=end) if end > start else None

    @property
    def backlog_s(self) -> float | None:
        """Seconds of audio given to `send` that had not arrived at the last heartbeat."""
        if self.heartbeat is None:
            return None
        return max(0.0, self.kept.end_s - self.heartbeat.audio_received)

    def to_resume(self) -> StartTranscription:
        """Return the start message for another connection."""
        return self.options.model_copy(
            update={"resume": None if self.point is None else self.point.token}
        )

    def broke(self) -> None:
        """The connection is gone, or is being left."""
        self.flowing = False
        self.stop_told = False
        self._owed.clear()
        self.changed.fire()

    def heard(self, message: ServerMessageA) -> None:
        """Take note of a message of the gateway, in the order in which they come."""
        match message:
            case SessionStarted():
                self._started(message)
            case Transcription():
                self._covered(message)
                self._move(message.resume)
            case Heartbeat():
                self.heartbeat = message
                self._move(message.resume)
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
        if not hasattr(self, "kept"):
            rate = message.config.sample_rate
            frame = BYTES_PER_SAMPLE[self.options.encoding] * self.options.channels
            self.kept = ReplayBuffer(sample_rate=rate, frame_bytes=frame, limit_s=self.keep_s)
            # Another gateway of the environment may have another default.
            self.options = self.options.model_copy(update={"sample_rate": rate})
        elif message.resumed is not None:
            self.sent = self.taken = self.kept.place(message.resumed.position)

    def _covered(self, final: Transcription) -> None:
        until = final.words[-1].end if final.words else final.audio_processed
        # A final of which nothing says where it ends makes the end of all finals unknown.
        self._unknown_until = bool(final.text) and until is None
        if until is not None:
            self._heard_until = max(self._heard_until, until)

    def check_resumed(self, started: SessionStarted) -> None:
        """Make sure that the audio can be sent from where a gateway wants it.

        Raises:
            ProtocolError: It cannot.
        """
        if started.resumed is None:
            raise ProtocolError("the gateway was to go on with a session and began a new one")
        if not self.kept.start <= self.sent <= self.kept.end:
            raise ProtocolError(
                f"the gateway goes on from {started.resumed.position:.2f} s; audio is kept from "
                f"{self.kept.start_s:.2f} to {self.kept.end_s:.2f} s"
            )

    def _move(self, point: ResumePoint | None) -> None:
        if point is None or not self.resumable:
            return
        place = self.kept.place(point.position)
        # What was let go cannot be sent again, and what was not sent cannot be final.
        if self.kept.start <= place <= self.sent:
            self.point = point
            self.kept.forget(place)

    def accepts(self, event: Event) -> bool:
        """Whether a caller has not had this yet; a final counts as had from now on."""
        if not isinstance(event, Partial | Transcription):
            return True
        if event.segment_id < self._next_segment:
            return False
        if isinstance(event, Transcription):
            self._next_segment = event.segment_id + 1
        return True

    def ended_with(self, stopped: SessionStopped) -> bool:
        """Whether this is the end the caller asked for, with all of the audio."""
        if not self.stop_told:
            return False
        return not self.resumable or stopped.audio_seconds >= self.kept.end_s - _ROUNDING_S

    def take(self, audio: bytes) -> None:
        """The caller gave audio."""
        self.kept.append(audio)
        self.changed.fire()

    def next_piece(self, most: int) -> bytes:
        """Hand out what to send next; nothing where there is none, or something comes before it."""
        if self.finalize_due:
            return b""
        most = min(most, PIECE_BYTES)
        if self._finalize_place is not None and self.sent < self._finalize_place:
            most = min(most, self._finalize_place - self.sent)
        piece = self.kept.read(self.sent, most)
        # Counted before it is sent: what it leads to may come while the socket still takes it.
        self.sent += len(piece)
        return piece

    def went_out(self, size: int) -> None:
        """The socket took so many bytes of audio."""
        self.taken += size
        if not self.resumable:
            self.kept.forget(self.taken)
        self.flowing = self.flowing or self.taken >= self.kept.end
        self.changed.fire()

    def finalize(self) -> "asyncio.Future[Finalized]":
        """Ask for everything given so far to be made final.

        Raises:
            RuntimeError: That is under way already.
        """
        if self._finalizing is not None:
            raise RuntimeError("already waiting for Finalized")
        self._finalizing = asyncio.get_running_loop().create_future()
        self._finalize_place = self.kept.end
        self.progress_at = monotonic()
        self.changed.fire()
        return self._finalizing

    def forget_finalize(self) -> None:
        """Nobody waits for it any more."""
        self._finalizing = None
        self._finalize_place = None
        # The answer to this one, should it still come, is none to the next.
        self._owed = deque(False for _ in self._owed)

    @property
    def finalize_due(self) -> bool:
        """Whether the present gateway is to be told to finalize before it gets more audio."""
        return self._wanted_due or (self._stuck and not self._owed)

    @property
    def _wanted_due(self) -> bool:
        place = self._finalize_place
        return place is not None and self.sent >= place and True not in self._owed

    def finalize_told(self) -> None:
        """The present gateway is told."""
        self._owed.append(self._wanted_due)
        self._stuck = False

    def _finalized(self, message: Finalized) -> None:
        wanted = self._owed.popleft() if self._owed else False
        # What was found while this was on its way is out of date.
        self._stuck = False
        if wanted and self._finalizing is not None and not self._finalizing.done():
            self._finalizing.set_result(message)

    def refused(self, error: Exception) -> bool:
        """Whether an error that ends nothing was the answer to a finalize of this client."""
        if self._owed and isinstance(error, GatewayError) and error.code == _IS_ENDING:
            # Its end follows, and the next connection is asked anew.
            return True
        if True not in self._owed or self._finalizing is None or self._finalizing.done():
            return False
        self._owed.clear()
        self._finalizing.set_exception(error)
        self._finalizing.exception()
        self._finalize_place = None
        return True

    def _finalize_where_stuck(self, heartbeat: Heartbeat) -> None:
        unsaid = heartbeat.audio_recognised - self.position
        self._stuck = self.resumable and unsaid > FINALIZE_AT * self.keep_s

    def succeed(self, stopped: SessionStopped) -> None:
        """It ended as the caller asked."""
        if not self.done.done():
            self.done.set_result(stopped)
        self.fail(GatewayError("the session has ended", code=ErrorCode.NO_ACTIVE_SESSION))

    def fail(self, error: Exception) -> None:
        """It is over without its end."""
        for future in (self.done, self._finalizing):
            if future is not None and not future.done():
                future.set_exception(error)
                # Whoever asks gets it; that nobody asks is no fault of the program.
                future.exception()
        self.changed.fire()
