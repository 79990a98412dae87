"""A session in dialect B, which the Python client does not speak."""

from __future__ import annotations

import asyncio
import json
import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from app.client import ConnectFailedError, ConnectionLostError, GatewayError, ProtocolError
from app.client import RefusedError as Refused
from app.contract.dialect_b import RecordingConfig, StartRecording, StopRecording
from app.contract.limits import PATH_B
from app.loopback import is_this_machine

if TYPE_CHECKING:
    from ops.load.playing.pace import Speaker
    from ops.load.playing.stage import Heard, Stage

OPEN_S: Final = 10.0
# At DEBUG the library logs handshakes, the bearer token included.
_WIRE_LOG: Final = logging.getLogger(f"{__name__}.wire")
_WIRE_LOG.setLevel(logging.INFO)


async def hold(stage: Stage, speaker: Speaker, heard: Heard) -> None:
    """Hold a session; the caller sets the deadline.

    Args:
        stage: Where to, and how.
        speaker: What is said.
        heard: Where the moments of results are noted.

    Raises:
        ClientError: As `app.client` has it: refused, lost, or an error of the gateway's.
    """
    parts = urlsplit(stage.setup.url)
    token = stage.setup.token
    try:
        async with connect(
            urlunsplit((parts.scheme, parts.netloc, PATH_B, "", "")),
            ssl=stage.context,
            additional_headers={
                **stage.setup.headers,
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
            open_timeout=OPEN_S,
            # No proxy is the way to this machine, whatever the environment says.
            proxy=None if is_this_machine(parts.hostname or "") else True,
            compression=None,
            logger=_WIRE_LOG,
        ) as socket:
            await _hold(socket, speaker, heard)
    except InvalidStatus as refusal:
        status = refusal.response.status_code
        raise Refused("the gateway refused the connection", status=status) from None
    except InvalidHandshake as error:
        raise ConnectFailedError(str(error)) from None
    except ConnectionClosed as error:
        raise ConnectionLostError(str(error)) from None


async def _hold(socket: ClientConnection, speaker: Speaker, heard: Heard) -> None:
    await _until(socket, "connection", heard)
    config = RecordingConfig(sample_rate=speaker.audio.sample_rate, enable_partials=True)
    await socket.send(StartRecording(config=config).model_dump_json(exclude_none=True))
    await _until(socket, "recording_started", heard)
    heard.started_at = monotonic()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_until(socket, "recording_stopped", heard))
            group.create_task(_speak(socket, speaker))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    heard.stopped_at = monotonic()


async def _speak(socket: ClientConnection, speaker: Speaker) -> None:
    await speaker.speak(socket.send)
    await socket.send(StopRecording().model_dump_json())


async def _until(socket: ClientConnection, wanted: str, heard: Heard) -> None:
    """Read until a message of a type; results on the way are noted.

    Raises:
        GatewayError: The gateway reported an error.
        ProtocolError: It sent what is no message.
    """
    while True:
        message = _message(await socket.recv())
        kind = message["type"]
        if kind in {"partial", "transcription"}:
            heard.result(str(message.get("text", "")), is_final=kind == "transcription")
        elif kind == "error":
            raise GatewayError(str(message.get("error")), code=message.get("code"))
        elif kind == wanted:
            return


def _message(text: str | bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict) or "type" not in message:
        raise ProtocolError(f"{PATH_B} sent what is no message of dialect B")
    return message
