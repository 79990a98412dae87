"""Single-use tokens: what is asked for at `POST /v1/tokens`, and what is answered."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from . import limits
from .fields import ClientMessage, ServerMessage, Timestamp, accepted

TokenScope = Annotated[
    Literal["stream", "file"], Field(json_schema_extra=accepted('"stream" or "file"'))
]


class TokenRequest(ClientMessage):
    """What a single-use token is to allow.

    Unlike in messages, a key that is not known is an error: it may be a limit that is misspelt.
    """

    model_config = ConfigDict(extra="forbid")

    ttl: Annotated[
        float,
        Field(
            ge=limits.MIN_TOKEN_TTL_S,
            le=limits.MAX_TOKEN_TTL_S,
            allow_inf_nan=False,
            description="Seconds in which it has to be used.",
            json_schema_extra=accepted(
                f"a number of seconds from {limits.MIN_TOKEN_TTL_S:g} to {limits.MAX_TOKEN_TTL_S:g}"
            ),
        ),
    ] = limits.DEFAULT_TOKEN_TTL_S
    scopes: Annotated[
        list[TokenScope],
        Field(
            default=["stream"],
            min_length=1,
            max_length=2,
            description="What it allows: `stream` a session, `file` an upload.",
            json_schema_extra=accepted('a list of "stream" and "file"'),
        ),
    ]
    max_session_seconds: Annotated[
        float | None,
        Field(
            description="Longest session; null: as the gateway has it, which holds in any case.",
            json_schema_extra=accepted(
                f"a number of seconds from 1 to {limits.MAX_TOKEN_SESSION_S:g}"
            ),
        ),
        Field(ge=1, le=limits.MAX_TOKEN_SESSION_S, allow_inf_nan=False),
    ] = None
    origin: Annotated[
        str | None,
        Field(
            max_length=limits.MAX_ORIGIN_CHARS,
            description="The pages that may show it; null: those that the gateway accepts.",
            json_schema_extra=accepted("an origin such as https://app.example.org"),
        ),
    ] = None


class TokenAnswer(ServerMessage):
    """A single-use token."""

    token: str = Field(
        repr=False, description="Good for one connection or upload. No log of ours has it."
    )
    expires_at: Timestamp = Field(description="When it ends: UTC, ISO 8601 with offset.")
    expires_in: float = Field(description="Seconds until then, counted by the gateway.")
    scopes: list[str] = Field(description="What it allows.")
