"""NVIDIA's realtime ASR NIM, as nvidia-riva-client's realtime script and its kin speak it.

An interim is the whole utterance so far and replaces the one before. A commit comes after every
piece of audio and ends nothing; `done` does, and the last `completed` says that it is the last.
"""

from collections.abc import Sequence
from typing import Any, Final, Self

from app.asr import Transcript
from app.contract import CloseCode, ContractError, ErrorCode
from app.gateway.dialects import events
from app.gateway.dialects.codec import Handshake
from app.gateway.dialects.intents import Audio, Finalise, Intent, Reply, Start, Stop
from app.gateway.dialects.realtime import messages
from app.gateway.dialects.realtime.codec import RealtimeCodec
from app.gateway.dialects.realtime.messages import Event, EventError, event
from app.gateway.dialects.realtime.nim_options import TEXTS, NimOptions
from app.gateway.settings.gateway import GatewaySettings

DONE: Final = "input_audio_buffer.done"
UPDATE: Final = "transcription_session.update"
_TRANSCRIPTION: Final = "conversation.item.input_audio_transcription"
_CLOSES: Final = {CloseCode.GOING_AWAY: CloseCode.TRY_LATER, CloseCode.RESTART: CloseCode.TRY_LATER}
"""Where the NIM documents another code."""
_OVER: Final = frozenset({ErrorCode.ASR_REJECTED})
"""Errors that end the session and not the connection."""


class NimCodec(RealtimeCodec):
    """Speaks the NIM's realtime transcription to one connection."""

    name = "nim"
    paths = ("/nim/v1/realtime",)
    texts = TEXTS

    def __init__(self) -> None:
        self._options = NimOptions()
        self._item = messages.new_id("msg")
        self._previous: str | None = None
        self._is_starting = self._runs = self._is_refused = False
        self._is_done = False
        self._held: Transcript | None = None
        self._event_id: str | None = None

    @classmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:  # noqa: ARG003 - the interface
        """Return the codec of a connection."""
        return cls()

    # What the client sends

    def parse(self, message: str | bytes) -> Sequence[Intent]:
        """Return what an event asks for."""
        self._event_id = None
        said = messages.event_of(message)
        self._event_id = messages.id_of(said)
        match said.get("type"):
            case messages.APPEND:
                return self._append(said)
            case messages.COMMIT:
                return (Reply((self._committed(),), with_audio=True),)
            case kind if kind == DONE:
                return self._done()
            case kind if kind == UPDATE:
                return self._update(said)
            case "session.end":
                return ()
            case kind:
                accepted = f"{UPDATE}, {messages.APPEND}, {messages.COMMIT}, {DONE}"
                raise EventError("type", kind, accepted, "unknown_event")

    def _append(self, said: Event) -> Sequence[Intent]:
        if self._is_refused:
            # Said once; another update may put it right.
            return ()
        intents: list[Intent] = [Audio(messages.audio_of(said))]
        runtime = said.get("runtime_config")
        if isinstance(runtime, dict) and str(runtime.get("force_eou")).lower() == "true":
            intents.append(Finalise())
        if not self._runs:
            self._is_starting, self._is_done = True, False
            intents.insert(0, Start(self._options.request(), holds=True))
        return intents

    def _done(self) -> Sequence[Intent]:
        if not self._runs:
            return (Reply((self._completed(None, is_last=True),)),)
        self._is_done = True
        return (Stop(lenient=True),)

    def _update(self, said: Event) -> Sequence[Intent]:
        session = said.get("session")
        if not isinstance(session, dict):
            raise EventError("session", session, "an object")
        updated = self._options.updated(session)
        if self._runs and updated.request() != self._options.request():
            raise EventError("session", session, "an update before the first audio")
        self._options, self._is_refused = updated, False
        return (Reply((event("transcription_session.updated", session=updated.session),)),)

    def _committed(self) -> str:
        return event(
            "input_audio_buffer.committed", previous_item_id=self._previous, item_id=self._item
        )

    # What it is sent

    def result(self, result: events.Result) -> Sequence[str]:
        """Return an interim or a final; the newest final after `done` may be the last one."""
        transcript = result.transcript
        if not transcript.is_final:
            fields = {"item_id": self._item, "content_index": 0, "delta": transcript.text}
            return [*self._let_go(), event(f"{_TRANSCRIPTION}.delta", **fields)]
        if self._is_done:
            before = self._let_go()
            self._held = transcript
            return before
        return (self._completed(transcript),)

    def render(self, event_: events.Event) -> Sequence[str]:
        """Return what other events are to this client."""
        match event_:
            case events.Opened():
                conversation = {"id": messages.new_id("conv"), "object": "realtime.conversation"}
                return (event("conversation.created", conversation=conversation),)
            case events.Started():
                self._is_starting, self._runs = False, True
            case events.Stopped():
                self._runs = False
                held, self._held = self._held, None
                if self._is_done:
                    return (self._completed(held, is_last=True),)
            case events.Failed(error=error):
                return self._failed(error)
            case _:
                pass
        return ()

    def _let_go(self) -> list[str]:
        """Return the final that was held: it was not the last."""
        held, self._held = self._held, None
        return [] if held is None else [self._completed(held)]

    def _failed(self, error: ContractError) -> Sequence[str]:
        own = error if isinstance(error, EventError) else None
        body = {
            "type": "transcription_error" if own is None else "invalid_request_error",
            "code": error.code.value if own is None else own.own_code,
            "message": error.sentence,
            "param": None if own is None else own.name,
            "event_id": self._event_id,
        }
        texts = [*self._let_go(), event("error", error=body)]
        is_over = self.close_code(error) is not None or error.code in _OVER
        if self._is_starting or is_over:
            # Clients wait for the last result without a limit.
            texts.append(self._completed(None, is_last=True))
            self._is_refused = self._is_starting
            self._is_starting = self._runs = False
        return texts

    def _completed(self, transcript: Transcript | None, *, is_last: bool = False) -> str:
        words = transcript.words if transcript is not None and self._options.has_words else ()
        completed = event(
            f"{_TRANSCRIPTION}.completed",
            item_id=self._item,
            content_index=0,
            transcript="" if transcript is None else transcript.text,
            words_info={"words": [_word(word) for word in words]},
            vad_states={"vad_states": []},
            is_last_result=is_last,
        )
        self._previous, self._item = self._item, messages.new_id("msg")
        return completed

    def close_code(self, error: ContractError) -> int | None:
        """Return a code that the NIM documents; close where a start finds no room."""
        code = super().close_code(error)
        if code is None:
            return CloseCode.TRY_LATER if self._is_starting and error.retryable else None
        return _CLOSES.get(CloseCode(code), code)


def _word(word: Any) -> dict[str, object]:  # noqa: ANN401
    # null would end the client's reception without a word.
    return {
        "word": word.word,
        "start_time": messages.milliseconds(word.start),
        "end_time": messages.milliseconds(word.end),
        "confidence": word.confidence or 0.0,
        "speaker_tag": word.speaker or 0,
    }
