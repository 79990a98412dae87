"""OpenAI's realtime transcription, as its SDKs, pipecat and LiveKit speak it.

A session begins with the first audio. With turn detection each final of the recogniser is an item;
without it an item is what the client commits. Either way its deltas are only words that stand.
"""

from collections.abc import Sequence
from typing import Any, Final, Self

from app.contract import CloseCode, ContractError, ErrorCode
from app.gateway.dialects import events
from app.gateway.dialects.codec import Handshake
from app.gateway.dialects.intents import Audio, Finalise, Intent, Reply, Start
from app.gateway.dialects.realtime import messages
from app.gateway.dialects.realtime.agreement import LocalAgreement
from app.gateway.dialects.realtime.codec import RealtimeCodec
from app.gateway.dialects.realtime.credentials import configuration
from app.gateway.dialects.realtime.items import Items
from app.gateway.dialects.realtime.messages import Event, EventError, event
from app.gateway.dialects.realtime.options import TEXTS, Options
from app.gateway.settings.gateway import GatewaySettings

LEAST_COMMIT_S: Final = 0.1
"""Of audio; the API refuses less with the same code."""
COMES_BACK: Final = frozenset(
    {CloseCode.GOING_AWAY, CloseCode.INTERNAL, CloseCode.RESTART, CloseCode.TRY_LATER}
)
"""Closes that the SDKs and LiveKit connect again after. An `error` before one would be fatal to
LiveKit."""
_BETA: Final = "openai-beta.realtime-v1"
_OVER: Final = frozenset({ErrorCode.ASR_REJECTED})
"""Errors that end the session and not the connection."""


class OpenAIRealtimeCodec(RealtimeCodec):
    """Speaks OpenAI's realtime transcription to one connection.

    Args:
        options: As the address and the client secret have them.
        is_beta: The client speaks the dialect before 2025-08 (header `OpenAI-Beta`).
    """

    name = "openai"
    paths = ("/openai/v1/realtime",)
    texts = TEXTS

    def __init__(self, options: Options, *, is_beta: bool = False) -> None:
        self._options = options
        self._is_beta = is_beta
        self._id = messages.new_id("sess")
        self._items = Items(is_beta=is_beta)
        self._agreement = LocalAgreement()
        self._is_starting = self._runs = self._is_refused = False
        self._received = 0
        self._committed = 0
        self._heard_to = 0.0
        self._event_id: str | None = None

    @classmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:  # noqa: ARG003 - the interface
        """Return the codec of a connection."""
        options = Options().with_model(handshake.query.get("model"))
        given = configuration(handshake)
        if given is not None:
            options = options.updated(given)
        is_beta = "openai-beta" in handshake.headers or _BETA in handshake.subprotocols
        return cls(options, is_beta=is_beta)

    # What the client sends

    def parse(self, message: str | bytes) -> Sequence[Intent]:
        """Return what an event asks for."""
        self._event_id = None
        said = messages.event_of(message)
        self._event_id = messages.id_of(said)
        match said.get("type"):
            case messages.APPEND:
                return self._append(messages.audio_of(said))
            case messages.COMMIT:
                return self._commit()
            case messages.CLEAR:
                return self._clear()
            case "session.update":
                return self._update(said, is_beta=False)
            case "transcription_session.update":
                return self._update(said, is_beta=True)
            case kind:
                raise EventError(
                    "type",
                    kind,
                    f"{messages.APPEND}, {messages.COMMIT}, {messages.CLEAR}, session.update: "
                    "this is a transcription session",
                    "unknown_event",
                )

    def _append(self, audio: bytes) -> Sequence[Intent]:
        if self._is_refused:
            # Said once; another session.update may put it right.
            return ()
        self._received += len(audio)
        if self._runs:
            return (Audio(audio),)
        self._is_starting = True
        return Start(self._options.request(), holds=True), Audio(audio)

    def _commit(self) -> Sequence[Intent]:
        seconds = self._uncommitted
        if seconds < LEAST_COMMIT_S or not self._runs:
            raise EventError(
                "input_audio_buffer",
                f"{messages.milliseconds(seconds)} ms of audio",
                f"at least {messages.milliseconds(LEAST_COMMIT_S)} ms before a commit",
                "input_audio_buffer_commit_empty",
            )
        self._committed = self._received
        return Reply(tuple(self._items.commit(seconds))), Finalise()

    def _clear(self) -> Sequence[Intent]:
        cleared = Reply((event("input_audio_buffer.cleared"),))
        if not self._runs or not self._uncommitted:
            return (cleared,)
        self._items.clear(self._uncommitted)
        self._committed = self._received
        return cleared, Finalise()

    @property
    def _uncommitted(self) -> float:
        return (self._received - self._committed) / self._options.bytes_per_s

    def _update(self, said: Event, *, is_beta: bool) -> Sequence[Intent]:
        session = said.get("session")
        if not isinstance(session, dict):
            raise EventError("session", session, "an object")
        updated = self._options
        updated = updated.updated_beta(session) if is_beta else updated.updated(session)
        if self._runs and updated.request() != self._options.request():
            raise EventError(
                "session",
                session,
                "turn_detection to or from null alone, once audio came: the rest on another "
                "connection",
                "session_runs",
            )
        self._options = updated
        self._is_refused = False
        kind = "transcription_session.updated" if is_beta else "session.updated"
        return (Reply((event(kind, session=self._shown(is_beta=is_beta)),)),)

    def _shown(self, *, is_beta: bool) -> dict[str, object]:
        shown = self._options.shown_beta() if is_beta else self._options.shown()
        return {"id": self._id, **shown}

    # What it is sent

    def result(self, result: events.Result) -> Sequence[str]:
        """Return the words that stand; with turn detection a final ends its item."""
        transcript, items = result.transcript, self._items
        takes_turns = self._options.has_turns and not items.is_committed
        start = transcript.words[0].start if transcript.words else result.segment_start
        texts = items.began(start) if takes_turns else []
        if not transcript.is_final:
            return [*texts, *items.delta(self._agreement.interim(transcript.text))]
        item = items.hearing
        item.texts.append(transcript.text)
        if takes_turns:
            end = result.segment_end
            texts += items.stopped(end, max(0.0, end - self._heard_to))
            self._heard_to = end
            self._committed = min(self._received, round(end * self._options.bytes_per_s))
        texts += items.delta(self._agreement.final(transcript.text))
        return [*texts, *items.answered()] if takes_turns else texts

    def render(self, event_: events.Event) -> Sequence[str]:
        """Return what other events are to this client."""
        match event_:
            case events.Opened():
                kind = "transcription_session" if self._is_beta else "session"
                return (event(f"{kind}.created", session=self._shown(is_beta=self._is_beta)),)
            case events.Started():
                self._is_starting, self._runs = False, True
            case events.Finalised(position=position):
                self._agreement.forget()
                self._heard_to = position
                return self._items.answered()
            case events.Stopped():
                self._runs = False
                return self._items.flush(self._uncommitted)
            case events.Failed(error=error):
                return self._failed(error)
            case _:
                pass
        return ()

    def _failed(self, error: ContractError) -> Sequence[str]:
        body = self._body(error)
        closes = self.close_code(error)
        texts: list[str] = []
        if closes is not None or error.code in _OVER:
            texts = self._items.fail({**body, "type": "server_error"})
            self._runs = False
        if self._is_starting:
            self._is_starting, self._is_refused = False, True
            self._received = self._committed = 0
        if closes not in COMES_BACK:
            texts.append(event("error", error={**body, "event_id": self._event_id}))
        return texts

    def _body(self, error: ContractError) -> dict[str, Any]:
        own = error if isinstance(error, EventError) else None
        return {
            "type": "server_error" if error.retryable else "invalid_request_error",
            "code": error.code.value if own is None else own.own_code,
            "message": error.sentence,
            "param": None if own is None else own.name,
        }

    def close_code(self, error: ContractError) -> int | None:
        """Close where a start finds no room: what is said meanwhile would not be heard."""
        code = super().close_code(error)
        if code is None and self._is_starting and error.retryable:
            return CloseCode.TRY_LATER
        return code
