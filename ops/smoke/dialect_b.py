"""One recording over dialect B, which the Python client does not speak."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, WebSocketException

from app.contract.dialect_b import RecordingConfig, StartRecording, StopRecording
from app.contract.limits import PATH_B
from app.loopback import is_this_machine
from ops.smoke.failure import CheckFailedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from app.client import PcmAudio

CHUNK_SECONDS: Final = 0.1
OPEN_SECONDS: Final = 10.0

# At DEBUG the library logs handshakes, the bearer token included.
_WIRE_LOG: Final = logging.getLogger(f"{__name__}.wire")
_WIRE_LOG.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardB:
    """What dialect B's session came to.

    Attributes:
        text: The finals, joined by spaces.
        model: What the gateway asks the recogniser for; None for the recogniser's own choice.
    """

    text: str
    model: str | None


async def recognise(
    websocket_url: str,
    audio: PcmAudio,
    *,
    token: str | None,
    context: ssl.SSLContext,
    headers: Mapping[str, str],
) -> HeardB:
    """Have a recording recognised; the caller sets the deadline.

    Args:
        websocket_url: wss:// address of the endpoint, without a path.
        audio: What to send, as fast as the gateway takes it.
        token: Bearer token; None for none.
        context: Whom to trust.
        headers: Sent with the upgrade.

    Raises:
        CheckFailedError: There was no session, or it did not end as it should.
    """
    host = websocket_url.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[0]
    sent = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        async with connect(
            f"{websocket_url}{PATH_B}",
            ssl=context,
            additional_headers=sent,
            open_timeout=OPEN_SECONDS,
            # No proxy is the way to this machine, whatever the environment says.
            proxy=None if is_this_machine(host.strip("[]")) else True,
            compression=None,
            logger=_WIRE_LOG,
        ) as socket:
            await _told(socket, "connection")
            start = StartRecording(config=RecordingConfig(sample_rate=audio.sample_rate))
            await socket.send(start.model_dump_json(exclude_none=True))
            started = await _told(socket, "recording_started")
            async with asyncio.TaskGroup() as tasks:
                # Read meanwhile, or a gateway that waits for its reader would be waited for.
                stopped = tasks.create_task(_told(socket, "recording_stopped"))
                tasks.create_task(_send(socket, audio))
            return HeardB(
                text=str(stopped.result()["final_transcript"]), model=started["config"]["model"]
            )
    except* CheckFailedError as failures:
        raise failures.exceptions[0] from None
    except* InvalidStatus as refusals:
        [refusal] = refusals.exceptions
        status = refusal.response.status_code if isinstance(refusal, InvalidStatus) else None
        raise CheckFailedError(f"{PATH_B} answers HTTP {status}") from None
    except* (WebSocketException, InvalidHandshake, InvalidProxy, OSError, KeyError) as errors:
        first = errors.exceptions[0]
        raise CheckFailedError(f"{PATH_B}: {str(first) or type(first).__name__}") from None


async def _send(socket: ClientConnection, audio: PcmAudio) -> None:
    step = 2 * round(CHUNK_SECONDS * audio.sample_rate)
    for begin in range(0, len(audio.data), step):
        await socket.send(audio.data[begin : begin + step])
    await socket.send(StopRecording().model_dump_json())


async def _told(socket: ClientConnection, wanted: str) -> dict[str, Any]:
    """Return the next message of a type; results on the way to it are passed over.

    Raises:
        CheckFailedError: An error came, or what is no message.
    """
    while True:
        text = await socket.recv()
        try:
            message = json.loads(text)
            kind = message["type"]
        except (ValueError, KeyError, TypeError):
            raise CheckFailedError(f"{PATH_B} sent what is no message of dialect B") from None
        if kind == wanted:
            return dict(message)
        if kind == "error":
            raise CheckFailedError(
                f"{PATH_B}: {message.get('error')} ({message.get('code', 'no code')})"
            )
