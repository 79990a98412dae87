"""Client secrets: what OpenAI's and the NIM's clients POST before they connect.

A secret is a single-use token of the gateway (`credentials`), good for one connection and for no
longer than that token may be, whatever the client asks for: `expires_at` says the truth.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Self

from app.contract import ContractError, ErrorCode, TokenAnswer, TokenRequest
from app.contract.limits import DEFAULT_TOKEN_TTL_S, MAX_TOKEN_TTL_S
from app.gateway.dialects.client_secrets import SecretCodec, SecretRequest
from app.gateway.dialects.json_objects import encoded
from app.gateway.dialects.realtime.credentials import secret
from app.gateway.dialects.realtime.messages import EventError, new_id
from app.gateway.dialects.realtime.nim_options import NimOptions
from app.gateway.dialects.realtime.options import Options
from app.gateway.dialects.upload import HttpAnswer

LEAST_S: Final = 10
MOST_S: Final = 7200
"""Seconds that OpenAI's API lets a secret be good for."""
_INVALID_KEY: Final = "invalid_api_key"


class OpenAISecrets(SecretCodec):
    """`POST /v1/realtime/client_secrets`.

    Args:
        session: As asked for.
        seconds: Likewise.
    """

    names = ("openai",)
    paths = ("/v1/realtime/client_secrets", "/openai/v1/realtime/client_secrets")

    def __init__(self, session: Mapping[str, Any], seconds: float) -> None:
        self._session = session
        self._options = Options().updated(session)
        self._seconds = seconds

    @classmethod
    def open(cls, request: SecretRequest) -> Self:
        """Return the codec of a request."""
        session = request.body.get("session") or {}
        if not isinstance(session, dict):
            raise EventError("session", session, "an object")
        return cls(session, _seconds(request.body.get("expires_after")))

    def asked(self) -> TokenRequest:
        """Return what the secret is to allow."""
        return TokenRequest(ttl=self._seconds, scopes=["stream"])

    def answer(self, made: TokenAnswer | None) -> HttpAnswer:
        """Return the secret, which the session that it was asked for goes with."""
        value = secret("none-is-asked-for" if made is None else made.token, self._session)
        body: dict[str, Any] = {"value": value}
        if made is not None:
            body["expires_at"] = round(made.expires_at.timestamp())
        session = {"id": new_id("sess"), **self._options.shown()}
        return _json({**body, "session": session})

    @classmethod
    def refusal(cls, error: ContractError) -> HttpAnswer:
        """Return an error in OpenAI's shape."""
        return _refusal(error)


class TranscriptionSessions(SecretCodec):
    """`POST /v1/realtime/transcription_sessions`: the NIM's clients', and OpenAI's before 2025-08.

    One object satisfies both; its nested objects are there, and the NIM's client writes into them.

    Args:
        body: The session as asked for.
        is_beta: OpenAI's client asks.
    """

    names = ("openai", "nim")
    paths = (
        "/v1/realtime/transcription_sessions",
        "/openai/v1/realtime/transcription_sessions",
        "/nim/v1/realtime/transcription_sessions",
    )

    def __init__(self, body: Mapping[str, Any], *, is_beta: bool) -> None:
        self._shown: dict[str, Any]
        self._session: dict[str, Any] = {}
        if is_beta:
            options = Options().updated_beta(body)
            self._shown = options.shown_beta()
            shown = options.shown()
            self._session = {"type": "transcription", "audio": shown["audio"]} if body else {}
        else:
            self._shown = dict(NimOptions().updated(body).session)

    @classmethod
    def open(cls, request: SecretRequest) -> Self:
        """Return the codec of a request."""
        says_openai = "openai-beta" in request.headers or request.path.startswith("/openai")
        return cls(request.body, is_beta=says_openai)

    def asked(self) -> TokenRequest:
        """Return what the secret is to allow: these clients connect at once."""
        return TokenRequest(ttl=DEFAULT_TOKEN_TTL_S, scopes=["stream"])

    def answer(self, made: TokenAnswer | None) -> HttpAnswer:
        """Return the session with its secret."""
        held: dict[str, Any] | None = None
        if made is not None:
            expires = round(made.expires_at.timestamp())
            held = {"value": secret(made.token, self._session), "expires_at": expires}
        kind = "realtime.transcription_session"
        return _json({"id": new_id("sess"), "object": kind, **self._shown, "client_secret": held})

    @classmethod
    def refusal(cls, error: ContractError) -> HttpAnswer:
        """Return an error in OpenAI's shape, with the key that the NIM's client shows."""
        return _refusal(error, detail=error.sentence)


def _seconds(given: object) -> float:
    if given is None:
        return MAX_TOKEN_TTL_S
    seconds = given.get("seconds") if isinstance(given, dict) else given
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int)
        or not LEAST_S <= seconds <= MOST_S
    ):
        accepted = f"a whole number from {LEAST_S} to {MOST_S}"
        raise EventError("expires_after.seconds", seconds, accepted)
    return float(min(seconds, MAX_TOKEN_TTL_S))


def _refusal(error: ContractError, **more: object) -> HttpAnswer:
    own = error if isinstance(error, EventError) else None
    code = _INVALID_KEY if error.code is ErrorCode.UNAUTHORIZED else error.code.value
    status = error.spec.http_status or HTTPStatus.BAD_REQUEST
    body = {
        "type": "invalid_request_error"
        if status < HTTPStatus.INTERNAL_SERVER_ERROR
        else "server_error",
        "code": code if own is None else own.own_code,
        "message": error.sentence,
        "param": None if own is None else own.name,
    }
    return _json({"error": body, **more}, int(status))


def _json(fields: Mapping[str, Any], status: int = 200) -> HttpAnswer:
    # A browser's cache, or a proxy's, is no place for it.
    return HttpAnswer(
        body=encoded(fields).encode(), status=status, headers={"Cache-Control": "no-store"}
    )
