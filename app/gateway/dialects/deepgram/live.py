"""Deepgram's live transcription, as its SDKs, pipecat and LiveKit speak it at `/v1/listen`.

The session begins with the connection: what it is to be stands in the address. Every final of the
recogniser is a final of Deepgram's that ends a segment; interims are the whole segment each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Self

from app.contract import ContractError, ErrorCode, WarningCode
from app.contract.limits import MAX_ECHO_CHARS
from app.gateway.dialects import events
from app.gateway.dialects.codec import DialectCodec, Handshake
from app.gateway.dialects.deepgram import answers, credentials, results
from app.gateway.dialects.deepgram.options import PARAMETERS, Options, of_stream
from app.gateway.dialects.intents import Audio, Finalise, Intent, Reply, Start, Stop
from app.gateway.dialects.json_objects import encoded, object_of
from app.gateway.dialects.upload import HttpAnswer
from app.gateway.settings.gateway import GatewaySettings
from app.recordings import can_be_decoded, certain_name_of

_CHANNEL: Final = (0, 1)
"""The first of one: channels are averaged."""
_TYPES: Final = "KeepAlive, Finalize, CloseStream, Configure"


class DeepgramLiveCodec(DialectCodec):
    """Speaks it to one connection.

    Args:
        options: As the address has them.
        request_id: What the client is told, and the log has as the connection's id.
    """

    name = "deepgram"
    paths = ("/v1/listen", "/deepgram/v1/listen")
    texts = PARAMETERS

    def __init__(self, options: Options, request_id: str) -> None:
        self._options = options
        self._request_id = request_id
        self._created = datetime.now(UTC)
        self._digest = sha256()
        self._model: str | None = options.model
        self._message = ""
        self._has_audio = self._is_closing = self._is_told_of_header = False
        self._finalising = 0
        self._is_answered = False
        self._final_to = 0.0
        self._is_speaking = False
        self._ended_at: float | None = None

    @classmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:  # noqa: ARG003 - the interface
        """Return the codec of a connection; refuse options that would be silently wrong."""
        return cls(of_stream(handshake.options), handshake.connection_id)

    @classmethod
    def select_subprotocol(cls, offered: Sequence[str]) -> str | None:
        """Return `token` or `bearer` where it is offered; a key is never echoed."""
        return credentials.selected(offered) or super().select_subprotocol(offered)

    @classmethod
    def credentials(cls, handshake: Handshake) -> Iterable[str]:
        """Return the keys of a browser's subprotocols."""
        return credentials.keys(handshake.subprotocols)

    @classmethod
    def refusal(cls, error: ContractError, handshake: Handshake) -> HttpAnswer:
        """Return an error in Deepgram's shape."""
        return answers.refusal(error, handshake.connection_id)

    def headers(self) -> Mapping[str, str]:
        """Return the id of the request."""
        return {answers.REQUEST_ID: self._request_id}

    def begin(self) -> Sequence[Intent]:
        """Return the session that the address asks for."""
        return (Start(self._options.request(), holds=True),)

    # What the client sends

    def parse(self, message: str | bytes) -> Sequence[Intent]:
        """Take bytes for audio, and text for one message."""
        if self._is_closing:
            return ()
        if isinstance(message, bytes):
            return self._audio(message)
        self._message = message
        said = object_of(message)
        match said.get("type"):
            case "KeepAlive":
                return (Reply(),)
            case "Finalize":
                self._finalising += 1
                return (Finalise(),)
            case "CloseStream":
                return self._close()
            case "Configure":
                return (Reply((encoded(self._unconfigured(said)),)),)
            case kind:
                raise ContractError(
                    ErrorCode.INVALID_MESSAGE,
                    field="type",
                    value=repr(kind)[:MAX_ECHO_CHARS],
                    accepted=_TYPES,
                )

    def _audio(self, data: bytes) -> Sequence[Intent]:
        if not data:
            # How the first SDKs ended a stream.
            return self._close()
        if not self._has_audio:
            self._has_audio = True
            self._look_at(data)
        self._digest.update(data)
        return (Audio(data),)

    def _look_at(self, first: bytes) -> None:
        """Refuse what would be heard as noise, or not at all."""
        what = certain_name_of(first)
        if what is None and self._options.encoding is None:
            raise _unheard(
                "does not begin with the header of a file; accepted: WAV, FLAC, Ogg, MP3, or raw "
                "samples with encoding and sample_rate in the address"
            )
        if what is not None and not can_be_decoded(first):
            raise _unheard(f"begins as {what}, which is not decoded here")
        self._is_told_of_header = what is None

    def _close(self) -> Sequence[Intent]:
        self._is_closing = True
        return (Stop(lenient=True, closes=True),)

    def _unconfigured(self, said: Mapping[str, Any]) -> dict[str, object]:
        kind = "KEYTERMS_NOT_SUPPORTED" if "keyterms" in said else "INTERNAL_ERROR"
        return {
            "type": "ConfigureFailure",
            "request_id": self._request_id,
            "code": f"CONFIGURE_{kind}",
            "description": "a running stream keeps what its address asks for; open another one",
        }

    # What it is sent

    def result(self, result: events.Result) -> Sequence[str]:
        """Return a segment so far, or its end."""
        transcript, start = result.transcript, result.segment_start
        if not transcript.text and not transcript.is_final:
            return ()
        texts = self._speech_started(result)
        if not transcript.is_final:
            self._ended_at = None
            if not self._options.interims:
                return texts
        is_answer = transcript.is_final and transcript.forced and self._finalising > 0
        body = self._body(
            start,
            result.segment_end - start,
            results.alternative(transcript.text, transcript.confidence, transcript.words),
            is_final=transcript.is_final,
            from_finalize=is_answer,
        )
        if transcript.is_final:
            self._is_speaking = False
            self._final_to = self._ended_at = result.segment_end
            if is_answer:
                self._is_answered = True
        return [*texts, encoded(body)]

    def _speech_started(self, result: events.Result) -> list[str]:
        if self._is_speaking or not result.transcript.text:
            return []
        self._is_speaking = True
        if not self._options.vad_events:
            return []
        words = result.transcript.words
        # Without times of words: how far was heard when the first one was.
        at = words[0].start if words else result.segment_end
        return [_event("SpeechStarted", timestamp=results.seconds(at))]

    def render(self, event: events.Event) -> Sequence[str]:
        """Return what other events are to this client."""
        match event:
            case events.Started():
                self._model = event.request.model
            case events.Finalised():
                return self._finalised()
            case events.Progress(recognised=recognised):
                return self._utterance_end(recognised)
            case events.Stopped():
                return (encoded(self._metadata(event.audio_seconds)),)
            case events.Failed(error=error):
                return self._failed(error)
            case events.Warned(code=WarningCode.NOT_SAMPLES, sentence=sentence):
                return self._not_heard(sentence)
            case _:
                pass
        return ()

    def _finalised(self) -> Sequence[str]:
        """Answer a Finalize that no final has answered: clients wait for it."""
        self._finalising -= 1
        if self._is_answered:
            self._is_answered = False
            return ()
        nothing = results.alternative("", None, ())
        body = self._body(self._final_to, 0.0, nothing, is_final=True, from_finalize=True)
        return (encoded(body),)

    def _utterance_end(self, recognised: float) -> Sequence[str]:
        silence, ended_at = self._options.utterance_end_s, self._ended_at
        if silence is None or ended_at is None or recognised - ended_at < silence:
            return ()
        self._ended_at = None
        return (_event("UtteranceEnd", last_word_end=results.seconds(ended_at)),)

    def _failed(self, error: ContractError) -> Sequence[str]:
        """Return what tells of a message's error; any other is told by the close."""
        if error.code not in answers.STAYS_OPEN:
            return ()
        return (encoded(answers.message_error(error, self._message)),)

    def _not_heard(self, sentence: str) -> Sequence[str]:
        if not self._is_told_of_header:
            # That the header was found, which this client expects.
            self._is_told_of_header = True
            return ()
        error = ContractError(ErrorCode.BAD_REQUEST, detail=sentence)
        return (encoded(answers.message_error(error, "")),)

    def close_code(self, error: ContractError) -> int | None:
        """Return the code an error closes the stream with; most end the one session there is."""
        return answers.close_code(error)

    def close_reason(self, error: ContractError) -> str:
        """Return Deepgram's word for an error, and the sentence."""
        return answers.close_reason(error)

    def _body(
        self,
        start: float,
        duration: float,
        alternative: Mapping[str, object],
        *,
        is_final: bool,
        from_finalize: bool,
    ) -> dict[str, object]:
        return {
            "type": "Results",
            "channel_index": _CHANNEL,
            "start": results.seconds(start),
            "duration": results.seconds(max(0.0, duration)),
            "is_final": is_final,
            "speech_final": is_final and self._options.says_speech_final,
            "from_finalize": from_finalize,
            "channel": {"alternatives": [alternative]},
            "metadata": {
                "request_id": self._request_id,
                "model_info": results.model_info(self._model),
                "model_uuid": results.model_id(self._model),
            },
        }

    def _metadata(self, duration: float) -> dict[str, object]:
        return {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self._request_id,
            "sha256": self._digest.hexdigest(),
            "created": results.stamp(self._created),
            "duration": results.seconds(duration),
            "channels": 1,
            "models": [results.model_id(self._model)],
            "model_info": {results.model_id(self._model): results.model_info(self._model)},
        }


def _event(kind: str, **fields: object) -> str:
    return encoded({"type": kind, "channel": _CHANNEL, **fields})


def _unheard(detail: str) -> ContractError:
    return ContractError(ErrorCode.UNSUPPORTED_AUDIO, filename="The stream", detail=detail)
