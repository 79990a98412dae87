"""`POST /v1/auth/grant`: a token for a browser, which must not be given a key.

It is a single-use token of the gateway: good for one stream, and for no longer than such a token
may be, whatever the client asks for. `expires_in` says the truth.
"""

from typing import Final, Self
from uuid import uuid4

from app.contract import ContractError, ErrorCode, TokenAnswer, TokenRequest
from app.contract.limits import MAX_ECHO_CHARS, MAX_TOKEN_TTL_S, MIN_TOKEN_TTL_S
from app.gateway.dialects.client_secrets import SecretCodec, SecretRequest
from app.gateway.dialects.deepgram import answers
from app.gateway.dialects.json_objects import encoded
from app.gateway.dialects.upload import HttpAnswer

_DEFAULT_S: Final = 30.0
_MOST_S: Final = 3600.0
"""Deepgram's own, both."""


class DeepgramGrants(SecretCodec):
    """Speaks it for one request.

    Args:
        seconds: How long the token is to be good for.
    """

    names = ("deepgram",)
    paths = ("/v1/auth/grant", "/deepgram/v1/auth/grant")

    def __init__(self, seconds: float) -> None:
        self._seconds = min(seconds, MAX_TOKEN_TTL_S)

    @classmethod
    def open(cls, request: SecretRequest) -> Self:
        """Return the codec of a request."""
        seconds = request.body.get("ttl_seconds")
        if seconds is None:
            return cls(_DEFAULT_S)
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not is_number or not MIN_TOKEN_TTL_S <= seconds <= _MOST_S:
            shown = repr(seconds)[:MAX_ECHO_CHARS]
            raise ContractError(
                ErrorCode.BAD_REQUEST,
                detail=f"ttl_seconds is {shown}; accepted: a number of seconds from "
                f"{MIN_TOKEN_TTL_S:g} to {_MOST_S:g}",
            )
        return cls(float(seconds))

    def asked(self) -> TokenRequest:
        """Return what the token is to allow."""
        return TokenRequest(ttl=self._seconds, scopes=["stream"])

    def answer(self, made: TokenAnswer | None) -> HttpAnswer:
        """Return the token; where none is asked for any text will do."""
        token = "none-is-asked-for" if made is None else made.token
        seconds = self._seconds if made is None else made.expires_in
        return HttpAnswer(
            body=encoded({"access_token": token, "expires_in": seconds}).encode(),
            headers={answers.REQUEST_ID: str(uuid4()), "Cache-Control": "no-store"},
        )

    @classmethod
    def refusal(cls, error: ContractError) -> HttpAnswer:
        """Return an error in Deepgram's shape."""
        return answers.refusal(error, str(uuid4()))
