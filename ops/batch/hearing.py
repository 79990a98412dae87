"""Has one recording heard by a gateway, over a session that outlives its connection.

A session of the streaming service, and no upload: it goes on at another gateway where its own is
killed or drained, with every word and its times; it is decoded here, so no gateway needs a
program for odd formats, and no limit on uploads applies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.client import (
    BusyError,
    CertificateError,
    ClientError,
    ConnectFailedError,
    Event,
    ForbiddenError,
    Reconnected,
    TooManyRequestsError,
    Transcription,
    UnauthorizedError,
    connect,
)
from app.contract import ErrorCode
from ops.batch.transcript import FinalResult, Heard, without_times
from ops.console.options import revealed
from ops.transcribe.sending import send_live

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from pydantic import SecretStr

    from app.client import AnyConnection, StartTranscription
    from app.recordings import OpenRecording


_NO_ROOM = frozenset(
    {
        ErrorCode.TOO_MANY_CONNECTIONS,
        ErrorCode.TOO_MANY_SESSIONS,
        ErrorCode.DRAINING,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway to speak to.

    Attributes:
        url: ws or wss.
        authority: PEM file of its authority; None for the system's.
        headers: Sent with the upgrade.
        token: Bearer token, if it asks for one.
        speed: How much faster than it was spoken a recording is sent at most; None for as fast as
            the gateway takes it.
    """

    url: str
    authority: Path | None = None
    headers: dict[str, str] = field(default_factory=dict)
    token: SecretStr | None = None
    speed: float | None = None


async def hear(
    gateway: Gateway,
    recording: OpenRecording,
    options: StartTranscription,
    on_started: Callable[[], None],
) -> Heard:
    """Send a recording as fast as the gateway takes it.

    Args:
        gateway: Who hears it.
        recording: Its header was read.
        options: Of the session.
        on_started: Called once the gateway has given it a session.

    Raises:
        ClientError: It was not heard to its end.
        RecordingError: It cannot be decoded to its end.
        OSError: It cannot be read on.
        ValueError: The address or the authority's file cannot be used.
    """
    finals: list[FinalResult] = []
    breaks = 0

    def take(event: Event) -> None:
        nonlocal breaks
        if isinstance(event, Transcription):
            finals.append(FinalResult.model_validate(event.model_dump()))
        breaks += isinstance(event, Reconnected)

    async with connection_to(gateway) as connection:
        seconds = await send_live(
            connection, recording, options, take, on_started=on_started, speed=gateway.speed
        )
    remark = without_times(finals)
    warnings = (*recording.warnings, *([] if remark is None else [remark]))
    return Heard(finals, seconds, warnings, breaks)


def connection_to(gateway: Gateway) -> AbstractAsyncContextManager[AnyConnection]:
    """Return a connection that is made when it is entered, and never waits in the waiting room.

    Raises:
        ValueError: The address or the authority's file cannot be used.
    """
    return connect(
        gateway.url,
        token=revealed(gateway.token),
        ca=gateway.authority,
        headers=gateway.headers,
    )


def ends_the_run(error: ClientError) -> bool:
    """Return whether every other recording would end by the same error."""
    return isinstance(error, UnauthorizedError | ForbiddenError | CertificateError)


def may_be_heard_anew(error: ClientError) -> bool:
    """Return whether a recording whose session ended may be heard from its beginning.

    A session that cannot go on, as where its gateway came back with other keys, says nothing
    against a new one.
    """
    return error.retryable or error.code == ErrorCode.RESUME_REJECTED


def is_no_room(error: ClientError) -> bool:
    """Return whether there was no session at all: the recording is not to blame, however often."""
    if isinstance(error, BusyError | TooManyRequestsError | ConnectFailedError):
        return True
    return error.retryable and error.code in _NO_ROOM
