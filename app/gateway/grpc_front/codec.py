"""StreamingRecognize as a dialect: messages of protobuf, one session, and every error its end."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, Self

from app.contract import CloseCode, ContractError, ErrorCode
from app.gateway.dialects import events
from app.gateway.dialects.codec import DialectCodec, Handshake, Sent
from app.gateway.dialects.intents import Audio, Finalise, Intent, SessionRequest, Start, Stop
from app.gateway.grpc_front import requests
from app.gateway.grpc_front.requests import Message, invalid, parsed
from app.gateway.grpc_front.responses import streaming_response
from app.gateway.grpc_front.status import Trailers, notes, trailers_of
from app.gateway.settings.gateway import GatewaySettings

if TYPE_CHECKING:
    from app.contract.fields import AudioSpan

_FORCE_EOU: Final = "force_eou"
"""The one key of `runtime_config` that NVIDIA documents: what was said so far is made final."""

_MOST_WARNINGS: Final = 8
_CONFIG: Final = "streaming_config"


class RivaCodec(DialectCodec):
    """One call of StreamingRecognize.

    Args:
        settings: For the rate of audio whose rate is not said, and the largest message.
        named: Returns a request with its model's name as the recogniser has it.

    Attributes:
        failure: What the call ends with; None where it ends well.
    """

    name = "riva"
    paths: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        settings: GatewaySettings,
        named: Callable[[SessionRequest], SessionRequest] = lambda asked: asked,
    ) -> None:
        self._settings = settings
        self._named = named
        self.failure: ContractError | None = None
        self._lost: AudioSpan | None = None
        self._warnings: list[str] = []
        self._config: Message | None = None
        self._request_id = ""
        self._begins_with = b""

    @classmethod
    def open(cls, handshake: Handshake, settings: GatewaySettings) -> Self:  # noqa: ARG003 - the first message says it all
        """Return the codec of a call."""
        return cls(settings)

    @property
    def trailers(self) -> Trailers:
        """What follows the last message."""
        told = notes(self._warnings)
        return told if self.failure is None else (*trailers_of(self.failure, self._lost), *told)

    def parse(self, message: str | bytes) -> Sequence[Intent]:
        """Take the first message for the configuration, and each other one for audio."""
        data = message if isinstance(message, bytes) else message.encode()
        limit = self._settings.max_message_bytes
        if len(data) > limit:
            raise ContractError(ErrorCode.MESSAGE_TOO_BIG, limit=limit)
        request = parsed(requests.StreamingRequest, data)
        kind = request.WhichOneof("streaming_request")
        if self._config is None:
            return (self._start(request, kind),)
        if kind == _CONFIG:
            raise invalid(_CONFIG, "sent again", "once, in the first message")
        return self._more(request)

    def _start(self, request: Message, kind: str | None) -> Intent:
        if kind != _CONFIG:
            found = "audio_content" if kind else "empty"
            raise invalid("the first message", found, f"one with {_CONFIG}")
        streaming = request.streaming_config
        asked = requests.session_request(
            streaming.config,
            interims=streaming.interim_results,
            default_rate=self._settings.audio_sample_rate,
        )
        self._request_id = requests.request_id(request)
        self._begins_with = requests.CONTAINERS.get(streaming.config.encoding, b"")
        self._config = streaming.config
        return Start(self._named(asked))

    def _more(self, request: Message) -> Sequence[Intent]:
        found: list[Intent] = []
        if audio := request.audio_content:
            if self._begins_with:
                self._check_container(audio)
            found.append(Audio(audio))
        if request.runtime_config.get(_FORCE_EOU, "").lower() == "true":
            found.append(Finalise())
        return found

    def _check_container(self, first: bytes) -> None:
        """Refuse what is no file of the announced kind: it would be heard as samples."""
        mark, self._begins_with = self._begins_with, b""
        if not first.startswith(mark):
            raise invalid("audio_content", "without its header", f"{mark.decode()!r} at its begin")

    def finish(self) -> Sequence[Intent]:
        """Make everything final, and end."""
        if self._config is None:
            raise invalid("the first message", "missing", f"one with {_CONFIG}")
        return (Stop(closes=True),)

    def result(self, result: events.Result) -> Sequence[Sent]:
        """Return the response of a result."""
        words = self._config is not None and requests.wants_words(self._config)
        return (streaming_response(result.transcript, words=words, request_id=self._request_id),)

    def render(self, event: events.Event) -> Sequence[Sent]:
        """Note what the call's end has to say: Riva has no messages but results."""
        match event:
            case events.Failed(error=error, lost=lost) if self.close_code(error) is not None:
                self.failure, self._lost = error, lost
            case events.Warned(sentence=sentence) if len(self._warnings) < _MOST_WARNINGS:
                self._warnings.append(sentence)
        return ()

    def close_code(self, error: ContractError) -> int | None:
        """Return the code of any error: a call has no other place for it than its end.

        But one: who asks for the end of a session that is being ended anyway gets its last words.
        """
        if error.code is ErrorCode.NO_ACTIVE_SESSION:
            return None
        return error.spec.close_code or CloseCode.POLICY
