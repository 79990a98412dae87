"""One WebSocket connection, from its hello to its close.

All it starts lives in one task group and ends with it: the reader, the lifetime watcher, the wait
for a slot, a session's results and heartbeats. Backpressure is the reader waiting: without room no
message is taken, uvicorn stops reading, and TCP tells the client.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from app.asr import AsrError
from app.contract import ContractError, ErrorCode, WarningCode
from app.contract.limits import MAX_CONTROL_BYTES
from app.gateway.admission.clients import Visitor
from app.gateway.admission.rate import TokenBucket
from app.gateway.admission.succession import ClientTokens
from app.gateway.core import Gateway
from app.gateway.dialects import events, intents
from app.gateway.dialects.codec import DialectCodec, Sent
from app.gateway.failures import is_refusal, stream_failure
from app.gateway.session.audio_input import AudioInput, pace_of
from app.gateway.session.client_writer import ClientWriter
from app.gateway.session.deadlines import Deadlines
from app.gateway.session.endings import (
    AS_ASKED,
    ConnectionEndError,
    Ending,
    ending_of,
    failed,
    first_ending,
    over,
)
from app.gateway.session.heartbeat import Heartbeats
from app.gateway.session.lifetime import Command, LifetimeWatcher
from app.gateway.session.recognition import Recognition
from app.gateway.session.results import ResultSender
from app.gateway.session.slot import SessionSlot
from app.gateway.session.socket import HALF_CLOSE, Disconnected, SocketControl
from app.gateway.session.states import FEEDING, Action, Event, State, Step, step
from app.gateway.session.telemetry import Origin, SessionTelemetry
from app.gateway.telemetry.logs import get_logger

_log = get_logger(__name__)

_MIN_CHARGE_S: Final = 0.005
"""What a binary message costs the pace beside its audio, also where it is ignored: tiny messages
are expensive to handle."""


class ClientConnection:
    """A connection and the sessions on it, one after another.

    Args:
        gateway: What all connections share.
        socket: The accepted WebSocket.
        codec: The connection's dialect.
        origin: Where the connection comes from, for logs and traces.
        visitor: Whose connection it is.

    Attributes:
        identity: Whose connection it is; None where no token was asked for.
        state: Where the connection stands.
        recognition: The session that runs.
        heartbeats: Its heartbeats, None where it wants none.
        ending: What the connection ends with once the session is finalised, if it is to end.
    """

    def __init__(
        self,
        gateway: Gateway,
        socket: SocketControl,
        codec: DialectCodec,
        origin: Origin,
        visitor: Visitor,
    ) -> None:
        settings = gateway.settings
        self._gateway = gateway
        self._settings = settings
        self._socket = socket
        self._codec = codec
        self.identity = visitor.identity
        self._tokens = ClientTokens(gateway.resume, visitor)
        self.state = State.IDLE
        self.recognition: Recognition | None = None
        self.heartbeats: Heartbeats | None = None
        self.ending: Ending | None = None
        self._input: AudioInput | None = None
        self._beating: asyncio.Task[None] | None = None
        self._waiting: tuple[asyncio.Task[None], Recognition] | None = None
        self._deadlines = Deadlines(settings, visitor.limits.session_s)
        self._control = TokenBucket(settings.ws_control_rate, settings.ws_control_burst)
        self._pace = pace_of(settings)
        self._has_reported_stray_audio = self._has_warned_of_text = False
        self._telemetry = SessionTelemetry(gateway, origin)
        self._writer = ClientWriter(socket, codec, self._telemetry, settings.ws_send_timeout_s)
        self._lifetime = LifetimeWatcher(gateway, self, self._writer, self._deadlines)
        superseded = partial(self._lifetime.command, Command.SUPERSEDED)
        self._slot = SessionSlot(gateway, visitor, self._writer, superseded)
        self._log = _log.bind(connection_id=origin.connection_id, dialect=codec.name)
        socket.render_end = self._render_end

    @property
    def queued_seconds(self) -> float:
        """Seconds of audio that wait for the recogniser."""
        return self.recognition.session.unsent if self.recognition is not None else 0.0

    def revoked(self) -> None:
        """Finalise a running session, and close: its client is not let in any more."""
        self._lifetime.command(Command.REVOKED)

    def drain(self) -> None:
        """Finalise and close by the times of the gateway's drain."""
        self._lifetime.command(Command.DRAIN)

    def recognition_off(self) -> None:
        """Finalise a running session, and close the connection with it."""
        self._lifetime.command(Command.RECOGNITION_OFF)

    def recognition_moved(self) -> None:
        """Warn that another recogniser takes a running session over."""
        self._lifetime.command(Command.RECOGNITION_MOVED)

    async def run(self) -> None:
        """Serve the connection until it ends."""
        self._gateway.enter(self)
        try:
            ending = await self._serve()
        finally:
            # Also when the server cancels: nothing below may wait.
            self._gateway.sessions.discard(self)
            self.state = step(self.state, Event.END).state
            recognition, self.recognition = self.recognition, None
            self._slot.release()
        close_code = self._writer.close_code(ending)
        if recognition is not None:
            self._telemetry.session_ended(recognition, ending.reason, close_code)
        self._telemetry.connection_closed(close_code, ending.reason)
        await self._writer.close(ending, None if recognition is None else recognition.lost)

    async def _serve(self) -> Ending:
        ending = failed(ContractError(ErrorCode.INTERNAL_ERROR))
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._lifetime.run())
                await self._writer.send(events.Opened(self._tokens.offer()))
                await self._perform(self._codec.begin)
                await self._read()
        except* ConnectionEndError as group:
            ending = first_ending(group)
        except* Exception:  # noqa: BLE001 - whatever it was, the client is told and the log has it
            self._log.exception("connection failed")
        return ending

    def _render_end(self, error: ContractError) -> Sequence[Sent]:
        """Render an error for the protocol below, which ends the connection by itself."""
        recognition = self.recognition
        return self._writer.render_end(error, None if recognition is None else recognition.lost)

    # Reading

    async def _read(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] != "websocket.receive":
                await self._on_end(message)
                continue
            self._deadlines.note_message()
            if "bytes" in message and self._codec.binary_is_audio:
                await self._on_audio(message["bytes"])
            else:
                await self._on_message(message["bytes" if "bytes" in message else "text"])
            if self._socket.waiting:
                # The others' turn; where nothing waits, the next receive gives it.
                await asyncio.sleep(0)

    async def _on_end(self, message: Mapping[str, Any]) -> None:
        """End with a client that is gone; go on with one that only sends nothing more."""
        if message["type"] != HALF_CLOSE:
            code = message.get("code", 1005)
            raise ConnectionEndError(ending_of(Disconnected(code, self._socket.failure)))
        await self._perform(self._codec.finish)

    async def _on_message(self, message: str | bytes) -> None:
        codec = self._codec
        if isinstance(message, str) and not codec.audio_in_text:
            self._charge_control()
            if len(message) > MAX_CONTROL_BYTES or len(message.encode()) > MAX_CONTROL_BYTES:
                raise over(ContractError(ErrorCode.MESSAGE_TOO_BIG, limit=MAX_CONTROL_BYTES))
        await self._perform(partial(codec.parse, message), charges=codec.audio_in_text)
        if isinstance(message, str):
            await self._warn_of_audio_in(message)

    async def _perform(self, asked: intents.Source, *, charges: bool = False) -> None:
        """Do what the codec says that the client asks for, or tell it why not."""
        try:
            for intent in asked():
                if charges and not intents.comes_with_audio(intent):
                    self._charge_control()
                await self._on_intent(intent)
        except ContractError as error:
            await self._reject(error, self.recognition)

    def _charge_control(self) -> None:
        if not self._control.take():
            rate, burst = self._settings.ws_control_rate, self._settings.ws_control_burst
            raise over(ContractError(ErrorCode.RATE_LIMITED, rate=rate, burst=burst))

    async def _on_intent(self, intent: intents.Intent) -> None:
        match intent:
            case intents.Audio(data):
                await self._on_audio(data)
            case intents.Start(request, holds):
                await self._start(request, holds=holds)
            case intents.Finalise():
                self._finalise()
            case intents.Stop(lenient, closes):
                over_already = (State.IDLE, State.FINALISING) if closes else (State.IDLE,)
                if not (lenient and self.state in over_already):
                    await self.stop()
                if closes:
                    self.ending = AS_ASKED
                    if self.state is State.IDLE:
                        raise ConnectionEndError(AS_ASKED)
            case intents.Reply(texts, _):
                await self._writer.send_rendered(texts)
            case _:
                await self._writer.send(self._telemetry.counts(self.recognition))

    async def _on_audio(self, data: bytes) -> None:
        if self.state in FEEDING and self._input is not None:
            self._telemetry.audio_message(len(data))
            await self._input.take(data, self._tasks)
        else:
            self._gateway.metrics.audio_ignored.inc(len(data))
            error = step(self.state, Event.AUDIO).error
            if error is not None and not self._deadlines.just_stopped():
                await self._report_stray_audio(error)
        if self._pace is not None and (credit := self._pace.spend(_MIN_CHARGE_S)) > 0:
            await asyncio.sleep(credit)

    async def _report_stray_audio(self, code: ErrorCode) -> None:
        if not self._has_reported_stray_audio:
            self._has_reported_stray_audio = True
            await self._writer.send_error(ContractError(code), self.recognition)

    async def _warn_of_audio_in(self, text: str) -> None:
        if self._has_warned_of_text or (what := self._codec.name_disguised_audio(text)) is None:
            return
        self._has_warned_of_text = True
        await self._writer.warn(
            WarningCode.NOT_SAMPLES,
            what=what,
            outcome="not heard",
            encoding="pcm16",
            rate=self._settings.audio_sample_rate,
        )

    async def _reject(self, error: ContractError, recognition: Recognition | None) -> None:
        """Send an error, and end the connection where the dialect says so."""
        if self._codec.close_code(error) is not None:
            raise over(error)
        await self._writer.send_error(error, recognition)

    # Sessions

    def _step(self, event: Event) -> Step:
        """Look up what a client's message leads to; raise the error it is answered with."""
        taken = step(self.state, event)
        if taken.error is not None:
            raise ContractError(taken.error)
        return taken

    async def _start(self, request: intents.SessionRequest, *, holds: bool) -> None:
        requested = self._step(Event.START)
        with self._telemetry.asking() as metadata:
            claim = self._tokens.claim(request.resume)
            try:
                recognition = Recognition(self._gateway, request, self._tokens, claim, metadata)
            except AsrError as error:
                raise stream_failure(error, 0) from error
            await recognition.check()
            is_admitted = self._slot.request(recognition.session_id, claim, recognition.group)
        self.state = requested.state
        if holds:
            await self._admit(recognition)
        elif is_admitted:
            await self._begin(recognition)
        else:
            # A stop must be handled meanwhile.
            self._waiting = (self._tasks.create_task(self._begin(recognition)), recognition)

    async def _begin(self, recognition: Recognition) -> None:
        """Begin a session, or tell the client why not."""
        try:
            await self._admit(recognition)
        except ContractError as error:
            await self._reject(error, None)

    async def _admit(self, recognition: Recognition) -> None:
        """Begin a session as soon as it has a slot and the recogniser is ready.

        Raises:
            ContractError: It gets none, or the recogniser does not serve what is asked for.
        """
        try:
            await self._slot.wait()
            # What the recogniser serves may have become known meanwhile.
            await recognition.check()
        except ContractError as error:
            self.state = step(self.state, Event.NOT_ADMITTED).state
            self._waiting = None
            self._slot.release()
            self._telemetry.session_refused(error.code.value)
            raise
        self.state = step(self.state, Event.ADMITTED).state
        self._waiting = None
        self._has_reported_stray_audio = False
        self.recognition = recognition
        self._input = AudioInput(
            self._gateway, recognition, self._writer, self._deadlines, self._pace
        )
        self._deadlines.session_started()
        self._telemetry.session_started(recognition)
        await self._writer.send(
            events.Started(recognition.session_id, recognition.request, recognition.resumed)
        )
        self._tasks.create_task(self._recognise(recognition))
        if recognition.request.heartbeat_s is not None:
            self.heartbeats = Heartbeats(recognition, self._writer)
            beating = self.heartbeats.run(recognition.request.heartbeat_s)
            self._beating = self._tasks.create_task(beating)

    def _finalise(self) -> None:
        self._step(Event.FINALIZE)
        if self.recognition is not None:
            self.recognition.session.finalise()

    async def stop(self) -> None:
        """End the audio of a session, or its wait for a slot; raise ContractError without one."""
        stopped = self._step(Event.STOP)
        self.state = stopped.state
        if stopped.action is Action.LEAVE_ROOM:
            await self._leave_room()
        elif self._input is not None:
            await self._input.end()

    async def _leave_room(self) -> None:
        if self._waiting is None:
            return
        (beginning, recognition), self._waiting = self._waiting, None
        beginning.cancel()
        self._slot.release()
        self._telemetry.session_refused("stopped")
        self._deadlines.session_ended()
        await self._writer.send(recognition.stopped)

    async def _recognise(self, recognition: Recognition) -> None:
        limit = self._settings.ws_final_timeout_s
        try:
            await ResultSender(recognition, self._writer, self._telemetry, limit).run()
        except AsrError as error:
            await self._on_asr_error(recognition, error)
            return
        ended = step(self.state, Event.RESULTS_ENDED)
        if ended.error is not None:
            raise over(ContractError(ended.error, detail="the recogniser ended the stream early"))
        await self._finish(recognition, ended.state, "stopped", recognition.stopped)

    async def _on_asr_error(self, recognition: Recognition, error: AsrError) -> None:
        self._telemetry.upstream_error(recognition, error)
        failure = stream_failure(error, recognition.results)
        goes_on = is_refusal(error, recognition.results) and self._codec.close_code(failure) is None
        if not goes_on:
            raise over(failure) from error
        refused = step(self.state, Event.REFUSED)
        self._telemetry.error_sent(failure)
        event = events.Failed(
            error=failure, segment_id=recognition.segment_id, lost=recognition.lost
        )
        await self._finish(recognition, refused.state, failure.code.value, event)

    async def _finish(
        self, recognition: Recognition, state: State, reason: str, event: events.Event
    ) -> None:
        """Leave a session, and end the connection if it is to end with it."""
        self._slot.release()
        if self._beating is not None:
            self._beating.cancel()
        self.heartbeats = self._beating = None
        # A start that came in between would be answered before this.
        await self._writer.send(event)
        self.state = state
        self.recognition = self._input = None
        self._deadlines.session_ended()
        self._telemetry.session_ended(recognition, reason)
        if self.ending is not None:
            raise ConnectionEndError(self.ending)
