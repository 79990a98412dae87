"""One WebSocket connection, from its hello to its close.

Everything a connection starts lives in one task group and ends with it: the reader, the clock that
watches the limits, and the recognition while a session runs. Backpressure is the reader waiting:
while the audio queue is full no message is taken, uvicorn stops reading the socket, and TCP tells
the client.
"""

import asyncio
from contextlib import ExitStack, aclosing
from time import monotonic
from typing import TYPE_CHECKING, Final

from app.asr import AsrError, Transcript
from app.contract import (
    WARNINGS,
    CloseCode,
    ContractError,
    ErrorCode,
    ServerMessage,
    WarningCode,
)
from app.contract.limits import MAX_CONTROL_BYTES
from app.gateway.clients import Visitor
from app.gateway.core import Gateway
from app.gateway.counters import Counters
from app.gateway.dialects import Voice
from app.gateway.endings import Ending, OverError, ending_of, first_ending, over
from app.gateway.failures import is_refusal, stream_failure
from app.gateway.logs import get_logger
from app.gateway.pace import TokenBucket
from app.gateway.recognition import Recognition
from app.gateway.requests import Reply, SessionRequest, Start, Stop
from app.gateway.states import Action, Event, State, step
from app.gateway.watch import Alarm, Clock
from app.gateway.wire import ClientGoneError, Left, SlowReaderError, Wire

if TYPE_CHECKING:
    from app.gateway.waiting import Ticket

_log = get_logger(__name__)

_MIN_CHARGE_S: Final = 0.005
"""What a message costs the pace beside its audio: tiny ones are dear to handle."""


class GatewaySession:
    """A connection and the sessions on it, one after another.

    Args:
        gateway: What all connections share.
        wire: The accepted socket.
        voice: The connection's dialect.
        connection_id: For log lines.
        visitor: Whose connection it is.
    """

    def __init__(
        self, gateway: Gateway, wire: Wire, voice: Voice, connection_id: str, visitor: Visitor
    ) -> None:
        settings = gateway.settings
        self._gateway = gateway
        self._settings = settings
        self._wire = wire
        self._voice = voice
        self._visitor = visitor
        self._ticket: Ticket | None = None
        self._state = State.IDLE
        self._recognition: Recognition | None = None
        self._ending: ContractError | None = None
        self._drain_wanted = asyncio.Event()
        self._clock = Clock(settings)
        self._control = TokenBucket(settings.ws_control_rate, settings.ws_control_burst)
        self._pace = (
            TokenBucket(settings.audio_max_realtime_factor, settings.audio_realtime_burst_s)
            if settings.audio_max_realtime_factor
            else None
        )
        self._stray_audio_told = False
        self._counters = Counters(gateway, connection_id, voice.dialect)
        self._log = _log.bind(connection_id=connection_id, dialect=voice.dialect.value)
        wire.control.describe = self._describe

    @property
    def queued_seconds(self) -> float:
        """Audio that waits for the recogniser."""
        return self._recognition.queue.seconds if self._recognition is not None else 0.0

    def drain(self) -> None:
        """Come to an end by the gateway's drain times."""
        self._drain_wanted.set()

    async def run(self) -> None:
        """Serve the connection until it ends."""
        self._gateway.sessions.add(self)
        try:
            ending = await self._serve()
        finally:
            # Also when the server cancels: nothing below may wait.
            self._gateway.sessions.discard(self)
            self._state = step(self._state, Event.END).state
            recognition, self._recognition = self._recognition, None
            if self._ticket is not None:
                self._ticket.give_back()
        if recognition is not None:
            self._counters.session_ended(recognition, ending.reason)
        self._counters.connection_closed(ending.code, ending.reason)
        await self._say_goodbye(ending)

    async def _serve(self) -> Ending:
        internal = ContractError(ErrorCode.INTERNAL_ERROR)
        ending = Ending(internal, internal.code.value, CloseCode.INTERNAL)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._watch())
                await self._send(self._voice.hello())
                await self._read()
        except* OverError as group:
            ending = first_ending(group)
        except* Exception:  # noqa: BLE001 - whatever it was, the client is told and the log has it
            self._log.exception("connection failed")
        return ending

    # Reading

    async def _read(self) -> None:
        while True:
            message = await self._wire.receive()
            if isinstance(message, Left):
                raise OverError(ending_of(message))
            self._clock.heard()
            if isinstance(message, bytes):
                await self._on_audio(message)
            else:
                await self._on_text(message)
            if self._wire.waiting:
                # The others' turn; where nothing waits, the next receive gives it.
                await asyncio.sleep(0)

    async def _on_text(self, text: str) -> None:
        if not self._control.take():
            rate, burst = self._settings.ws_control_rate, self._settings.ws_control_burst
            raise over(ContractError(ErrorCode.RATE_LIMITED, rate=rate, burst=burst))
        if len(text) > MAX_CONTROL_BYTES or len(text.encode()) > MAX_CONTROL_BYTES:
            raise over(ContractError(ErrorCode.MESSAGE_TOO_BIG, limit=MAX_CONTROL_BYTES))
        try:
            match self._voice.understand(text):
                case Start(request):
                    await self._start(request)
                case Stop(lenient):
                    if not (lenient and self._state is State.IDLE):
                        await self._stop()
                case Reply(message):
                    if message is not None:
                        await self._send(message)
                case _:
                    await self._send(self._counters.snapshot(self._recognition))
        except ContractError as error:
            await self._tell(error)

    async def _on_audio(self, data: bytes) -> None:
        taken = step(self._state, Event.AUDIO)
        recognition = self._recognition
        if taken.action is not Action.FEED or recognition is None:
            self._gateway.metrics.audio_ignored.inc(len(data))
            if taken.error is not None and not self._clock.just_stopped():
                await self._tell_stray_audio(taken.error)
            return
        self._counters.audio_message()
        for seconds, pcm in recognition.decoder.feed(data):
            await self._feed(recognition, seconds, pcm)
            if self._state is not State.STREAMING:
                return
        if self._pace is not None:
            credit = self._pace.spend(_MIN_CHARGE_S)
            if credit > 0:
                await asyncio.sleep(credit)

    async def _feed(self, recognition: Recognition, seconds: float, pcm: bytes) -> None:
        recognition.arrivals.arrived(seconds)
        self._gateway.metrics.audio_seconds.inc(seconds)
        if recognition.queue.full:
            limit = self._settings.ws_stall_timeout_s
            try:
                async with asyncio.timeout(limit):
                    await recognition.queue.put(pcm)
            except TimeoutError as error:
                raise over(ContractError(ErrorCode.ASR_STALLED, seconds=limit)) from error
            self._clock.heard()
        else:
            recognition.queue.put_now(pcm)
        if self._pace is not None:
            credit = self._pace.spend(seconds)
            if credit > 0:
                await asyncio.sleep(credit)
                self._clock.heard()

    async def _tell_stray_audio(self, code: ErrorCode) -> None:
        if not self._stray_audio_told:
            self._stray_audio_told = True
            await self._tell(ContractError(code))

    # Sessions

    async def _start(self, request: SessionRequest) -> None:
        begun = step(self._state, Event.START)
        if begun.error is not None:
            raise ContractError(begun.error)
        with ExitStack() as undo:
            ticket = undo.enter_context(self._gateway.admission.queue(self._visitor))
            await ticket.admitted()
            if not await self._gateway.readiness.confirm():
                raise ContractError(ErrorCode.ASR_UNAVAILABLE)
            # From here on the slot goes with the recognition.
            undo.pop_all()
            self._ticket = ticket
        self._state = begun.state
        self._stray_audio_told = False
        recognition = Recognition(
            request, self._settings.audio_riva_sample_rate, self._settings.audio_queue_s
        )
        self._recognition = recognition
        self._clock.session_started()
        self._counters.session_started(recognition)
        await self._send(self._voice.started(recognition))
        self._tasks.create_task(self._recognise(recognition))

    async def _stop(self) -> None:
        stopped = step(self._state, Event.STOP)
        recognition = self._recognition
        if stopped.error is not None or recognition is None:
            raise ContractError(stopped.error or ErrorCode.NO_ACTIVE_SESSION)
        self._state = stopped.state
        left = recognition.end_audio(self._settings.ws_final_timeout_s)
        if left:
            await self._warn(WarningCode.HALF_SAMPLE, count=left)

    async def _recognise(self, recognition: Recognition) -> None:
        try:
            async with (
                asyncio.timeout(None) as deadline,
                aclosing(recognition.transcripts(self._gateway.asr)) as results,
            ):
                recognition.guard(deadline)
                async for transcript in results:
                    await self._on_result(recognition, transcript)
                    recognition.extend_deadline()
        except TimeoutError as error:
            limit = self._settings.ws_final_timeout_s
            raise over(ContractError(ErrorCode.ASR_STALLED, seconds=limit)) from error
        except AsrError as error:
            await self._on_asr_error(recognition, error)
            return
        ended = step(self._state, Event.RESULTS_ENDED)
        if ended.error is not None:
            raise over(ContractError(ended.error, detail="the recogniser ended the stream early"))
        await self._finish(recognition, ended.state, "stopped", self._voice.stopped(recognition))

    async def _on_result(self, recognition: Recognition, transcript: Transcript) -> None:
        if not (transcript.is_final or recognition.request.enable_partials):
            return
        age = recognition.result_age(transcript)
        await self._send(self._voice.result(recognition, transcript, age))
        self._counters.result(recognition, transcript, age)
        recognition.note(transcript)

    async def _on_asr_error(self, recognition: Recognition, error: AsrError) -> None:
        self._counters.upstream_error(recognition, error)
        failure = stream_failure(error, recognition.results)
        if not is_refusal(error, recognition.results):
            raise over(failure) from error
        recognition.queue.end()
        refused = step(self._state, Event.REFUSED)
        message = self._voice.error(failure, recognition.segment_id)
        self._counters.error_sent(failure)
        await self._finish(recognition, refused.state, failure.code.value, message)

    async def _finish(
        self, recognition: Recognition, state: State, reason: str, message: ServerMessage
    ) -> None:
        """Leave a session and go on with the connection, unless it is to end anyway."""
        self._state = state
        self._recognition = None
        self._clock.session_ended()
        if self._ticket is not None:
            self._ticket.give_back()
        self._counters.session_ended(recognition, reason)
        await self._send(message)
        if self._ending is not None:
            raise over(self._ending)

    # Limits in time

    async def _watch(self) -> None:
        while True:
            at, alarm = self._clock.next_alarm()
            try:
                async with asyncio.timeout(max(0.0, at - monotonic())):
                    await self._drain_wanted.wait()
            except TimeoutError:
                await self._on_alarm(alarm)
            else:
                await self._come_to_an_end()

    async def _on_alarm(self, alarm: Alarm) -> None:
        if not self._clock.due(alarm):
            return
        settings = self._settings
        match alarm:
            case Alarm.IDLE_WARNING:
                await self._warn(WarningCode.IDLE, self._clock.seconds_to(Alarm.IDLE_END))
            case Alarm.IDLE_END:
                limit = settings.ws_idle_timeout_s
                await self._end_with(ContractError(ErrorCode.IDLE_TIMEOUT, seconds=limit))
            case Alarm.SESSION_WARNING:
                left = self._clock.seconds_to(Alarm.SESSION_END)
                maximum = settings.ws_max_session_s
                await self._warn(WarningCode.SESSION_ENDING, left, maximum=maximum)
            case Alarm.SESSION_END:
                limit = settings.ws_max_session_s
                await self._end_with(ContractError(ErrorCode.SESSION_TOO_LONG, seconds=limit))
        self._clock.rang(alarm)

    async def _come_to_an_end(self) -> None:
        times = self._gateway.drain_times
        error = ContractError(ErrorCode.GOING_AWAY)
        if self._state is State.IDLE or times is None:
            raise over(error)
        self._ending = error
        await self._warn(WarningCode.GOING_AWAY, max(0.0, times.finalise_at - monotonic()))
        await asyncio.sleep(max(0.0, times.finalise_at - monotonic()))
        await self._end_with(error)
        await asyncio.sleep(max(0.0, times.cut_at - monotonic()))
        raise over(ContractError(ErrorCode.DRAIN_DEADLINE))

    async def _end_with(self, error: ContractError) -> None:
        """End the connection once a running session is finalised; at once where none runs."""
        self._ending = error
        if self._state is State.IDLE:
            raise over(error)
        if self._state is State.STREAMING:
            await self._stop()

    # Talking

    async def _send(self, message: ServerMessage) -> None:
        try:
            await self._wire.send(message.model_dump_json())
        except SlowReaderError as error:
            limit = self._settings.ws_send_timeout_s
            raise over(ContractError(ErrorCode.SLOW_READER, seconds=limit)) from error
        except ClientGoneError as error:
            failure = self._wire.control.failure
            raise OverError(ending_of(Left(1006, failure))) from error

    async def _tell(self, error: ContractError) -> None:
        segment = self._recognition.segment_id if self._recognition is not None else None
        self._counters.error_sent(error)
        await self._send(self._voice.error(error, segment))

    async def _warn(
        self, code: WarningCode, seconds: float | None = None, **values: object
    ) -> None:
        sentence = WARNINGS[code].format(seconds=round(seconds or 0.0, 1), **values)
        await self._send(self._voice.warning(sentence, code.value, seconds))

    def _describe(self, error: ContractError) -> str:
        self._counters.error_sent(error)
        return self._voice.error(error).model_dump_json()

    async def _say_goodbye(self, ending: Ending) -> None:
        if ending.told or ending.error is None:
            return
        text = self._describe(ending.error)
        if ending.error.code is ErrorCode.SLOW_READER:
            self._wire.cut(text, CloseCode(ending.code))
            return
        try:
            await self._wire.send(text)
            await self._wire.close(CloseCode(ending.code))
        except (SlowReaderError, ClientGoneError):
            self._wire.cut(text, CloseCode(ending.code))
