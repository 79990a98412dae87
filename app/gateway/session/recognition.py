"""A session of the gateway around a session of the recogniser."""

import asyncio
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING
from uuid import uuid4

from app.asr import BEGINNING, AsrError, Cursor, SessionOptions
from app.contract import ContractError, ErrorCode
from app.contract.fields import AudioSpan, Resumed, ResumePoint
from app.gateway.admission.access import check_model
from app.gateway.admission.clients import Visitor
from app.gateway.admission.succession import ClientTokens
from app.gateway.audio.decoder import AudioDecoder
from app.gateway.core import Gateway
from app.gateway.dialects.events import Stopped
from app.gateway.dialects.intents import SessionRequest
from app.gateway.failures import stream_failure
from app.gateway.model_choice import ModelNames
from app.gateway.resume_token import ResumeClaim
from app.gateway.session.arrivals import ArrivalClock
from app.gateway.telemetry.trace_context import Metadata

if TYPE_CHECKING:
    from collections.abc import Mapping


class Recognition:
    """A session from its start to its end.

    All positions are seconds of the session's audio, also where it began on another connection.

    Args:
        gateway: Its recogniser and settings.
        request: What the client asked for.
        tokens: Issue where the session can be resumed.
        claim: Where it is resumed, None for a new one.
        metadata: Goes with each call to the recogniser.

    Attributes:
        group: Name of the group of recognisers it is with.

    Raises:
        AsrError: The recogniser cannot do what is requested.
        ContractError: A foreign name of a model stands for none.
    """

    def __init__(
        self,
        gateway: Gateway,
        request: SessionRequest,
        tokens: ClientTokens,
        claim: ResumeClaim | None = None,
        metadata: Metadata = (),
    ) -> None:
        settings = gateway.settings
        limits = tokens.visitor.limits
        request, group = ModelNames(gateway.asr, settings, limits).meant(request)
        self.rate = rate = settings.audio_riva_sample_rate or request.sample_rate
        self._begin = begin = BEGINNING if claim is None else claim.cursor
        self.session_id = (claim and claim.session_id) or str(uuid4())
        self.request = request
        self.claim = claim
        self.started_at = monotonic()
        self.stopped_at: float | None = None
        self.arrivals = ArrivalClock(begin.position)
        self.decoder = AudioDecoder(request.encoding, request.channels, request.sample_rate, rate)
        self._asr = gateway.asr
        self._options = SessionOptions(
            rate,
            request.enable_partials,
            hotwords=request.hotwords,
            hotword_boost=request.hotword_boost,
            language=request.language,
            model=request.model,
            endpointing=request.endpointing,
            request_id=self.session_id,
            metadata=metadata,
            spelling=request.spelling,
            custom_configuration=request.custom_configuration,
        )
        self.group = group or self._chosen_group()
        self._options = replace(self._options, group=self.group)
        self.session = gateway.asr.session(
            self._options,
            resume=begin,
            unsent_s=settings.audio_queue_s,
            send_timeout=settings.ws_stall_timeout_s,
        )
        self.results = 0
        self.segment_start = begin.covered
        self._tokens = tokens
        self._limits = limits
        longest = self._limits.session_s
        self._until = None if longest is None else time() + longest
        self._owner: Mapping[str, object] | None = None
        self._deadline: asyncio.Timeout | None = None
        self._final_timeout_s: float | None = None
        self._is_resumable = request.resumable

    def _chosen_group(self) -> str:
        """Return the group of the language that is asked for; the session's own where it goes on.

        So a client that names no language when it comes back is heard in the one it spoke, and a
        release that gives the language another group moves no session that runs.
        """
        begun = self.claim and self.claim.group
        return begun if begun in self._asr.groups else self._asr.group_of(self._options)

    async def check(self) -> None:
        """Refuse what the recogniser does not serve, and note the language that it is asked for.

        Raises:
            ContractError: The model or the language is none of those it lists, or the client may
                not ask for the model.
        """
        try:
            model = self._asr.model_of(self._options)
            check_model(self._limits, model)
            self._owner = self._tokens.owner_fields(model, self._until)
            language = await self._asr.check(self._options)
        except AsrError as error:
            raise stream_failure(error, 0) from error
        self.request = replace(self.request, language=language)

    @property
    def segment_id(self) -> int:
        """Id of the segment that is being spoken."""
        return self.session.segment_id

    @property
    def audio_seconds(self) -> float:
        """Audio of the session, with that before it was resumed."""
        return self.arrivals.seconds

    @property
    def new_audio_seconds(self) -> float:
        """Audio that arrived on this connection."""
        return self.arrivals.seconds - self._begin.position

    @property
    def resumed(self) -> Resumed | None:
        """Where a session is resumed, None for a new one."""
        if self.claim is None:
            return None
        return Resumed(position=self._begin.position, segment_id=self._begin.segment_id)

    @property
    def lost(self) -> AudioSpan | None:
        """Audio that is in no final that was sent, where the session ends now."""
        lost = self.session.lost
        return lost and AudioSpan(start=round(lost[0], 3), end=round(self.audio_seconds, 3))

    @property
    def stopped(self) -> Stopped:
        """What is said of it at its end, where that was asked for."""
        return Stopped(self.session_id, self.audio_seconds, self.segment_id)

    def resume_point(self, cursor: Cursor | None) -> ResumePoint | None:
        """Return a resume point for a client that can resume, None for another."""
        if cursor is None or not self._is_resumable:
            return None
        return self._tokens.point(cursor, self.session_id, self.group, self._owner)

    def forgo_resume(self) -> None:
        """Issue no more resume points: none is a position in a container's bytes."""
        self._is_resumable = False

    def end_audio(self, final_timeout_s: float) -> int:
        """End the audio, and set a deadline for the last results.

        Returns:
            Bytes of an incomplete sample that were left over.
        """
        tail, left = self.decoder.finish()
        self.session.end(tail)
        self.stopped_at = monotonic()
        self._final_timeout_s = final_timeout_s
        self.extend_deadline()
        return left

    def guard(self, deadline: asyncio.Timeout) -> None:
        """Set the timeout that `extend_deadline` moves; the audio may have ended before."""
        self._deadline = deadline
        self.extend_deadline()

    def extend_deadline(self) -> None:
        """Once the audio has ended, restart the time allowed for the next result."""
        if self._deadline is not None and self._final_timeout_s is not None:
            now = asyncio.get_running_loop().time()
            self._deadline.reschedule(now + self._final_timeout_s)

    def result_age(self, processed: float | None) -> float:
        """Return the seconds since the newest audio in a result arrived."""
        return self.arrivals.age(self.session.recognised if processed is None else processed)

    def segment_end(self, said_to: float | None) -> float:
        """Return where the segment ends, as far as is known, in seconds of the session's audio."""
        return max(self.segment_start, self.session.recognised if said_to is None else said_to)

    def note(self, said_to: float | None, *, is_final: bool) -> None:
        """Count a result that was sent."""
        self.results += 1
        if is_final:
            self.segment_start = self.segment_end(said_to)


async def check_start(gateway: Gateway, request: SessionRequest, visitor: Visitor) -> None:
    """Refuse a session that a handshake asks for, before the connection is open.

    Raises:
        ContractError: What is asked for is not served, or no recogniser is ready.
    """
    try:
        recognition = Recognition(gateway, request, ClientTokens(gateway.resume, visitor))
    except AsrError as error:
        raise stream_failure(error, 0) from error
    await recognition.check()
    if not await gateway.readiness.confirm(recognition.group):
        raise ContractError(ErrorCode.ASR_UNAVAILABLE)
