"""What a client can rely on for every error: its sentence, whether to retry, how it is closed."""

from dataclasses import dataclass
from typing import Final

from .codes import CloseCode, ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSpec:
    """What a client can rely on for one error code.

    Attributes:
        sentence: Text of the `error` key; `{}` places are filled when it is sent.
        retryable: Whether the same request may succeed later without being changed.
        close_code: Close code that follows, None when the connection stays open.
        http_status: Status where the code is sent over HTTP, None where it is never.
        retry_after_s: Seconds a client should wait, None where waiting makes no difference.
        when: What leads to it, for the documentation.
    """

    sentence: str
    retryable: bool = False
    close_code: CloseCode | None = None
    http_status: int | None = None
    retry_after_s: float | None = None
    when: str


ERRORS: Final[dict[ErrorCode, ErrorSpec]] = {
    ErrorCode.INVALID_JSON: ErrorSpec(
        sentence="Invalid JSON message",
        when="A text message is not one JSON object.",
    ),
    ErrorCode.UNKNOWN_MESSAGE_TYPE: ErrorSpec(
        sentence="Unknown message type: {type}",
        when="Dialect A: `type` names no message. (Dialect B warns, with the same code.)",
    ),
    ErrorCode.INVALID_MESSAGE: ErrorSpec(
        sentence="Invalid message: {field} is {value}; accepted: {accepted}",
        when="A known key holds something it cannot hold. Unknown keys are ignored.",
    ),
    ErrorCode.SESSION_ACTIVE: ErrorSpec(
        sentence="Transcription session already active",
        when="A start while a session runs, waits for its place or is being stopped.",
    ),
    ErrorCode.NO_ACTIVE_SESSION: ErrorSpec(
        sentence="No active transcription session",
        when="A stop without a session; a `finalize` where none runs.",
    ),
    ErrorCode.AUDIO_BEFORE_START: ErrorSpec(
        sentence="Audio received without an active transcription session; it was not transcribed",
        when="Binary data outside a session. Sent once until the next start.",
    ),
    ErrorCode.ASR_UNAVAILABLE: ErrorSpec(
        sentence="Failed to connect to Riva server",
        retryable=True,
        http_status=503,
        retry_after_s=5.0,
        when="The recogniser is not ready when a session is to start.",
    ),
    ErrorCode.ASR_REJECTED: ErrorSpec(
        sentence="Failed to start session: {detail}",
        http_status=400,
        when="The recogniser does not have or take what the start asks for (model, language, "
        "endpointing): in place of the start's answer; after it only where the recogniser alone "
        "could tell.",
    ),
    ErrorCode.ASR_FAILED: ErrorSpec(
        sentence="Riva streaming error: {detail}",
        retryable=True,
        close_code=CloseCode.INTERNAL,
        http_status=502,
        retry_after_s=1.0,
        when="The recogniser broke off a running session.",
    ),
    ErrorCode.ASR_OVERLOADED: ErrorSpec(
        sentence="Riva streaming error: {detail}",
        retryable=True,
        close_code=CloseCode.TRY_LATER,
        http_status=503,
        retry_after_s=10.0,
        when="The recogniser has no free slot, is too slow, or cannot be reached any more.",
    ),
    ErrorCode.ASR_STALLED: ErrorSpec(
        sentence="Riva streaming error: the recogniser took no audio for {seconds:g} s",
        retryable=True,
        close_code=CloseCode.TRY_LATER,
        http_status=504,
        retry_after_s=5.0,
        when="Audio could not be handed on, or the last results did not come, within the deadline.",
    ),
    ErrorCode.INVALID_UTF8: ErrorSpec(
        sentence="Text message is not valid UTF-8",
        close_code=CloseCode.INVALID_DATA,
        when="RFC 6455 asks for the close.",
    ),
    ErrorCode.PROTOCOL_ERROR: ErrorSpec(
        sentence="WebSocket protocol error: {detail}",
        close_code=CloseCode.PROTOCOL_ERROR,
        when="Unmasked frames, unknown opcodes, broken fragmentation and the like.",
    ),
    ErrorCode.MESSAGE_TOO_BIG: ErrorSpec(
        sentence="Message is larger than the limit of {limit} bytes",
        close_code=CloseCode.TOO_BIG,
        when="A text or binary message over the limits in the hello.",
    ),
    ErrorCode.MESSAGE_TIMEOUT: ErrorSpec(
        sentence="A message was not complete {seconds:g} s after it began; send shorter ones",
        retryable=True,
        close_code=CloseCode.POLICY,
        when="A frame or a fragmented message is begun and does not end.",
    ),
    ErrorCode.BUFFERS_FULL: ErrorSpec(
        sentence="The gateway has no room for the rest of this message; send shorter ones",
        retryable=True,
        close_code=CloseCode.TRY_LATER,
        retry_after_s=5.0,
        when="Messages that are not complete, or not taken yet, fill the memory that this client, "
        "or all together, may have. Messages of 64 KiB always have room.",
    ),
    ErrorCode.RATE_LIMITED: ErrorSpec(
        sentence="Too many control messages: more than {rate:g} per second over a burst of {burst}",
        retryable=True,
        close_code=CloseCode.POLICY,
        retry_after_s=1.0,
        when="A flood of text messages.",
    ),
    ErrorCode.IDLE_TIMEOUT: ErrorSpec(
        sentence="Nothing was received for {seconds:g} s",
        retryable=True,
        close_code=CloseCode.POLICY,
        when="Neither audio nor a control message within the idle time of the hello.",
    ),
    ErrorCode.SESSION_TOO_LONG: ErrorSpec(
        sentence="The session reached its maximum of {seconds:g} s",
        retryable=True,
        close_code=CloseCode.POLICY,
        when="After the session was finalised; a warning comes before.",
    ),
    ErrorCode.SLOW_READER: ErrorSpec(
        sentence="Results were not read for {seconds:g} s",
        retryable=True,
        close_code=CloseCode.POLICY,
        when="The client does not read what is sent. It is told only if it reads again.",
    ),
    ErrorCode.GOING_AWAY: ErrorSpec(
        sentence="The gateway is going away; connect again",
        retryable=True,
        close_code=CloseCode.GOING_AWAY,
        retry_after_s=1.0,
        when="After the session, if there was one, was finalised.",
    ),
    ErrorCode.DRAIN_DEADLINE: ErrorSpec(
        sentence="The gateway went away before the last words were final",
        retryable=True,
        close_code=CloseCode.RESTART,
        retry_after_s=1.0,
        when="The recogniser did not deliver the last results before the drain deadline; or the "
        "client can resume, and goes on elsewhere instead of having a word cut in two.",
    ),
    ErrorCode.INTERNAL_ERROR: ErrorSpec(
        sentence="Message processing error: internal error",
        retryable=True,
        close_code=CloseCode.INTERNAL,
        http_status=500,
        retry_after_s=1.0,
        when="A fault of the gateway. The log has the cause under the session's id.",
    ),
    ErrorCode.UNAUTHORIZED: ErrorSpec(
        sentence="A valid bearer token is required",
        close_code=CloseCode.POLICY,
        http_status=401,
        when="Before the upgrade, where the operator asks for tokens. An API key must be a whole "
        "one of the access list that has not ended and was not revoked; an issuer's token (JWT) "
        "must be good for now, for this service, and signed by a key of the issuer; the log says "
        "what it was not. Over a WebSocket: the token was revoked; a running session was "
        "finalised, and no other connection may resume it.",
    ),
    ErrorCode.INSUFFICIENT_SCOPE: ErrorSpec(
        sentence="The token does not allow this; the scope {scope} is missing",
        http_status=403,
        when="Before the upgrade, for an upload or for a single-use token: the token is good, and "
        "was not given `stream` for sessions or `file` for uploads.",
    ),
    ErrorCode.IDENTITY_UNAVAILABLE: ErrorSpec(
        sentence="Tokens cannot be checked now",
        retryable=True,
        http_status=503,
        retry_after_s=5.0,
        when="The gateway could not read the issuer's keys since it started, or must remember more "
        "single-use tokens than it can.",
    ),
    ErrorCode.FORBIDDEN_ORIGIN: ErrorSpec(
        sentence="Origin {origin} is not allowed",
        http_status=403,
        when="Before the upgrade or for an upload, for a browser page that is not on the "
        "allow-list, and for an `Origin` that is none.",
    ),
    ErrorCode.MISDIRECTED_REQUEST: ErrorSpec(
        sentence="This gateway is not known as {host}; connect by its own name, or have the "
        "operator add this one to APP_ALLOWED_HOSTS",
        http_status=421,
        when="On every route, and before the upgrade, where the header `Host` has a name that the "
        "operator did not list. Addresses and `localhost` are always accepted.",
    ),
    ErrorCode.TOO_MANY_CONNECTIONS: ErrorSpec(
        sentence="All {limit} connections are in use",
        retryable=True,
        http_status=503,
        retry_after_s=5.0,
        when="Before the upgrade.",
    ),
    ErrorCode.TOO_MANY_SESSIONS: ErrorSpec(
        sentence="All {limit} sessions are in use",
        retryable=True,
        http_status=503,
        retry_after_s=5.0,
        when="Before the upgrade, for an upload, or at a start on an open connection.",
    ),
    ErrorCode.DRAINING: ErrorSpec(
        sentence="The gateway is going away and takes no new sessions",
        retryable=True,
        http_status=503,
        retry_after_s=1.0,
        when="Before the upgrade, for an upload, or at a start, while the gateway drains.",
    ),
    ErrorCode.BAD_REQUEST: ErrorSpec(
        sentence="{detail}",
        http_status=400,
        when="An HTTP request that cannot be understood.",
    ),
    ErrorCode.NOT_FOUND: ErrorSpec(
        sentence="There is nothing at {path}",
        http_status=404,
        when="An unknown HTTP path.",
    ),
    ErrorCode.MODEL_NOT_FOUND: ErrorSpec(
        sentence="There is no model {model}; accepted: {accepted}",
        http_status=404,
        when="`POST /v1/audio/transcriptions`, `GET /v1/models/ID`: the name stands for no model "
        "that is served, or for several.",
    ),
    ErrorCode.METHOD_NOT_ALLOWED: ErrorSpec(
        sentence="{method} is not possible here; accepted: {accepted}",
        http_status=405,
        when="A known HTTP path with another method.",
    ),
    ErrorCode.UPGRADE_REQUIRED: ErrorSpec(
        sentence="{path} speaks WebSocket, and {detail}",
        http_status=426,
        when="A WebSocket path, or a WebSocket handshake on any path, that came without the "
        "`Upgrade` header, mostly because a proxy on the way dropped it; a handshake of another "
        "version of WebSocket.",
    ),
    ErrorCode.HEADERS_TOO_LARGE: ErrorSpec(
        sentence="The request line and its headers are too large; accepted: {accepted}",
        http_status=431,
        when="The connection is closed with it.",
    ),
    ErrorCode.UPLOAD_TOO_BIG: ErrorSpec(
        sentence="The upload is larger than the limit of {limit} bytes",
        http_status=413,
        when="An upload.",
    ),
    ErrorCode.UNSUPPORTED_AUDIO: ErrorSpec(
        sentence="{filename}: {detail}",
        http_status=415,
        when="An upload: the file is of a kind that is not decoded, or broken before its first "
        "sample. `detail` says what it seems to be, what is accepted, and how to convert it.",
    ),
    ErrorCode.RESUME_REJECTED: ErrorSpec(
        sentence="The session cannot be resumed: {detail}",
        when="The token of a start is broken, too old, of another environment, or was given to a "
        "client with another bearer token. A start without it begins a new session.",
    ),
    ErrorCode.RECOGNITION_OFF: ErrorSpec(
        sentence="Recognition is switched off by the operator",
        retryable=True,
        close_code=CloseCode.TRY_LATER,
        http_status=503,
        retry_after_s=30.0,
        when="Before the upgrade, for an upload, at a start, and after a running session was "
        "finalised.",
    ),
    ErrorCode.TOO_MANY_CLIENT_SESSIONS: ErrorSpec(
        sentence="This client has {limit} sessions already, as many as one may have",
        retryable=True,
        http_status=429,
        retry_after_s=5.0,
        when="Before the upgrade, for an upload, or at a start on an open connection.",
    ),
    ErrorCode.TOO_MANY_CLIENT_CONNECTIONS: ErrorSpec(
        sentence="This client has {limit} connections already, as many as one may have",
        retryable=True,
        http_status=429,
        retry_after_s=5.0,
        when="Before the upgrade.",
    ),
    ErrorCode.TOO_MANY_NEW_SESSIONS: ErrorSpec(
        sentence="More than {rate:g} new sessions a minute",
        retryable=True,
        http_status=429,
        retry_after_s=5.0,
        when="Before the upgrade, for an upload, or at a start on an open connection; "
        "`retry_after` says when the next one is possible.",
    ),
    ErrorCode.TOO_MANY_RESUMES: ErrorSpec(
        sentence="More than {rate:g} resumed sessions a minute",
        retryable=True,
        retry_after_s=5.0,
        when="At a start with a resume token; `retry_after` says when the next one is possible.",
    ),
    ErrorCode.SUPERSEDED: ErrorSpec(
        sentence="The session goes on over another connection",
        close_code=CloseCode.POLICY,
        when="The same client went on with the session at this gateway while the old connection "
        "was still there.",
    ),
    ErrorCode.WAITING_ROOM_FULL: ErrorSpec(
        sentence="All {limit} sessions are in use, and {waiting} clients wait already",
        retryable=True,
        http_status=503,
        retry_after_s=5.0,
        when="Before the upgrade or at a start, for a client that would wait.",
    ),
    ErrorCode.UPLOAD_TOO_SLOW: ErrorSpec(
        sentence="The upload fell {seconds:g} s behind the least rate of {rate:g} bytes a second",
        retryable=True,
        http_status=408,
        retry_after_s=1.0,
        when="An upload: too little came for too long. The connection is closed.",
    ),
    ErrorCode.TOO_MANY_UPLOADS: ErrorSpec(
        sentence="Uploads are at their limit: {limit}",
        retryable=True,
        http_status=503,
        retry_after_s=5.0,
        when="What uploads may have together is used up. Sessions are waited for.",
    ),
    ErrorCode.TOO_MANY_CLIENT_UPLOADS: ErrorSpec(
        sentence="This client's uploads are at their limit: {limit}",
        retryable=True,
        http_status=429,
        retry_after_s=5.0,
        when="What one client's uploads may have together is used up.",
    ),
    ErrorCode.TOO_MANY_TOKENS: ErrorSpec(
        sentence="More than {rate:g} single-use tokens a minute",
        retryable=True,
        http_status=429,
        retry_after_s=1.0,
        when="`POST /v1/tokens`; `retry_after` says when the next one is possible.",
    ),
    ErrorCode.MODEL_NOT_ALLOWED: ErrorSpec(
        sentence="This client may not use the model {model}; accepted: {accepted}",
        http_status=403,
        when="At a start, or for an upload: the client's token or key names models, and the one "
        "that is asked for, or that is meant where none is, is not among them.",
    ),
}
